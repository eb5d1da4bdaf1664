"""An open checkpoint: what is known before a weight is read, and walking the weights."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from cutaway.checkpoints import convert, load_checkpoint, open_checkpoint, save_checkpoint
from cutaway.checkpoints.names import parameter_shapes
from cutaway.errors import CheckpointNotFound, CorruptCheckpoint
from cutaway.models import GPT2, GPT2Config
from cutaway.numbers import to_tensor

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture
def saved(tmp_path: Path, tiny_model: GPT2) -> Path:
    save_checkpoint(tmp_path / "saved", tiny_model, None, dtype=torch.bfloat16)
    return tmp_path / "saved"


def test_weights_come_as_stored_in_one_order(saved: Path, tiny_model: GPT2) -> None:
    opened = open_checkpoint(saved)
    assert (opened.config, opened.layout, opened.name) == (
        tiny_model.config,
        "huggingface",
        str(saved),
    )
    assert (opened.tokenizer, opened.bits) == (None, None)
    walked = list(opened.weights())
    assert [name for name, _ in walked] == list(parameter_shapes(opened.config))
    state = tiny_model.state_dict()
    for name, weight in walked:
        assert isinstance(weight, np.ndarray)
        assert torch.equal(to_tensor(weight), state[name].bfloat16())


@pytest.mark.parametrize("layout", ["openai", "gpt_2_simple"])
def test_the_model_and_the_fingerprint_are_those_of_loading(layout: str) -> None:
    opened, loaded = open_checkpoint(FIXTURES / layout), load_checkpoint(FIXTURES / layout)
    assert opened.fingerprint() == loaded.fingerprint
    assert opened.tokenizer == loaded.tokenizer
    for (name, tensor), other in zip(
        opened.model().state_dict().items(), loaded.model.state_dict().values(), strict=True
    ):
        assert torch.equal(tensor, other), name


def test_the_fingerprint_is_known_after_a_walk_of_either_kind(saved: Path) -> None:
    walked, built = open_checkpoint(saved), open_checkpoint(saved)
    for _ in walked.weights():
        pass
    built.model(dtype=torch.float64)
    left = open_checkpoint(saved)
    next(left.weights())
    (saved / "model.safetensors").unlink()
    assert walked.fingerprint() == built.fingerprint()
    with pytest.raises(CorruptCheckpoint):  # it was left before the end
        left.fingerprint()


def test_absent_biases_are_zeros(tmp_path: Path, tiny_model: GPT2) -> None:
    convert_place = tmp_path / "nano"
    save_checkpoint(tmp_path / "saved", tiny_model, None)
    convert(tmp_path / "saved", convert_place, to="nanogpt")
    payload = torch.load(convert_place / "ckpt.pt")
    payload["model"] = {k: v for k, v in payload["model"].items() if not k.endswith("bias")}
    payload["model_args"]["bias"] = False
    torch.save(payload, convert_place / "ckpt.pt")
    opened = open_checkpoint(convert_place)
    biases = [w for name, w in opened.weights() if name.endswith("bias")]
    assert len(biases) == 3 * 6 + 1
    assert not any(b.any() for b in biases if isinstance(b, np.ndarray))


def test_what_is_not_finite_stops_the_walk_there(tmp_path: Path, tiny_model: GPT2) -> None:
    save_checkpoint(tmp_path / "saved", tiny_model, None)
    file = tmp_path / "saved" / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[-4:] = b"\xff\xff\xff\xff"  # in ln_f.bias, the last
    file.write_bytes(data)
    walk = open_checkpoint(tmp_path / "saved").weights()
    names = [next(walk)[0] for _ in range(2 + 3 * 12 + 1)]
    assert names[-1] == "ln_f.weight"
    with pytest.raises(CorruptCheckpoint, match=r"ln_f\.bias"):
        next(walk)


def test_nothing_there() -> None:
    with pytest.raises(CheckpointNotFound):
        open_checkpoint("no-such-model")


MEASURE = """
import sys
from pathlib import Path
import numpy as np
from cutaway.checkpoints import open_checkpoint
from cutaway.numbers import quantize

def status(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(key))

def peak_of(work):
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS:")
    work()
    return status("VmHWM:") - before

opened = open_checkpoint(sys.argv[1])
quantize(np.ones((64, 64), np.float32), 4)
weight = np.ones((4096, 4096), np.float32)
def walk():
    for _ in opened.weights(): pass
print(peak_of(walk), peak_of(lambda: quantize(weight, 8)), peak_of(lambda: quantize(weight, 4)))
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux tells the peak")
def test_walking_and_quantizing_take_little_more_than_one_tensor(tmp_path: Path) -> None:
    """In a process of its own, whose peak is known."""
    config = GPT2Config(vocab_size=16_384, n_ctx=8, n_embd=512, n_layer=4, n_head=8)
    save_checkpoint(tmp_path / "saved", GPT2(config), None)
    convert(tmp_path / "saved", tmp_path / "out", to="hf", dtype="int8")
    command = [sys.executable, "-c", MEASURE, str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    walked, eight, four = map(int, done.stdout.split())
    widest, codes, slack = 16_384 * 512, 4096 * 4096, 12 << 20
    assert widest <= walked + slack
    assert walked < 2 * widest + slack  # widened, the embedding alone were 4 times it
    assert max(eight, four) < codes * 17 / 16 + slack
    assert min(eight, four) > codes // 2  # or it was not measured
