"""An open checkpoint: what is known before a weight is read, and walking the weights."""

import subprocess
import sys
from pathlib import Path
from typing import Any

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


# What these weights were called before; who kept the names still finds the weights.
RECORDED = {
    "pocket": "eecc1eaff4b5d4ef3b88587a15a33cd1f5234f4b368e9f73352d81bcbeab1b26",
    "openai": "6fcffb57d364b37934fd195d2dd1c0898912c698f56b7287f4e69fa3d26dd948",
    "gpt_2_simple": "ccb1e50a3daf57a312b43ee5ee75fa721250cf2f00ed86bca502401a97b636cf",
    "int8": "0057d9cfe83bf40037ba7425f5b1fb8b9c58dc475d03008f1d7ff71e5a06faf2",
    "int4": "224b8124c4ec16b4657f66b3d62728eea8d4ee287d3332b37dea795e028d7b99",
    "float16": "255a397e1a3ce97c3df52bfa374bdad6d71910c8db692b20a1dd9144ae64a8ce",
    "bfloat16": "44b1289d16836ff238805ed4059379cd985dccca520463bc51f62bde00c9fe6e",
}


@pytest.mark.parametrize("name", RECORDED)
def test_the_same_weights_have_the_same_fingerprint_for_ever(name: str, tmp_path: Path) -> None:
    source: str | Path = FIXTURES / name if (FIXTURES / name).exists() else name
    if name not in ("pocket", "openai", "gpt_2_simple"):
        dtype: Any = name if name.startswith("int") else getattr(torch, name)
        source = tmp_path / "out"
        convert(FIXTURES / "openai", source, to="hf", dtype=dtype)
    assert open_checkpoint(source).fingerprint() == RECORDED[name]


WALK = """
import sys
from cutaway.checkpoints import open_checkpoint
for name in sys.argv[1:]:
    opened = open_checkpoint(name)
    for _ in opened.weights():
        pass
    print(opened.layout, opened.bits, opened.fingerprint())
assert "torch" not in sys.modules
"""


def test_weights_of_all_layouts_are_walked_without_torch(tmp_path: Path) -> None:
    """In a fresh interpreter; loading torch would take longer than reading the weights."""
    source = FIXTURES / "openai"
    for to in ("nanogpt", "llmc", "hf"):
        convert(source, tmp_path / to, to=to)
    for dtype in ("int8", "int4"):
        convert(source, tmp_path / dtype, to="hf", dtype=dtype)
    places = ["pocket", str(source), *sorted(map(str, tmp_path.iterdir()))]
    done = subprocess.run([sys.executable, "-c", WALK, *places], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    layouts = [line.split()[:2] for line in done.stdout.splitlines()]
    assert layouts == [
        ["huggingface", "None"],
        ["openai", "None"],
        ["huggingface", "None"],
        ["huggingface", "4"],
        ["huggingface", "8"],
        ["llmc", "None"],
        ["nanogpt", "None"],
    ]


def test_a_model_does_not_change_with_its_file(tmp_path: Path) -> None:
    """Arrays of weights are views of the file, the model's tensors are not."""
    config = GPT2Config(vocab_size=500, n_ctx=8, n_embd=64, n_layer=1, n_head=2)
    original = GPT2(config)
    save_checkpoint(tmp_path / "saved", original, None)
    model = open_checkpoint(tmp_path / "saved").model()
    file = tmp_path / "saved" / "model.safetensors"
    size = file.stat().st_size
    with file.open("r+b") as open_file:
        open_file.write(bytes(size))
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, original.state_dict()[name]), name


def test_a_file_that_became_shorter_is_damaged(tmp_path: Path) -> None:
    config = GPT2Config(vocab_size=500, n_ctx=8, n_embd=64, n_layer=1, n_head=2)
    save_checkpoint(tmp_path / "saved", GPT2(config), None)
    opened = open_checkpoint(tmp_path / "saved")
    file = tmp_path / "saved" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:100_000])
    with pytest.raises(CorruptCheckpoint, match="ends early"):
        list(opened.weights())


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
