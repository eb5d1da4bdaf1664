"""llm.c's files, against a writer made from its header's description."""

from pathlib import Path

import numpy as np
import pytest
import torch

from cutaway.checkpoints import convert, load_checkpoint, save_checkpoint
from cutaway.checkpoints.llmc import write_llmc
from cutaway.errors import CheckpointNotFound, CorruptCheckpoint
from cutaway.models import GPT2

ORDER = [
    *("ln_1.weight", "ln_1.bias", "attn.c_attn.weight", "attn.c_attn.bias"),
    *("attn.c_proj.weight", "attn.c_proj.bias", "ln_2.weight", "ln_2.bias"),
    *("mlp.c_fc.weight", "mlp.c_fc.bias", "mlp.c_proj.weight", "mlp.c_proj.bias"),
]
LINEAR = {"attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight"}


def as_llmc(model: GPT2, *, version: int = 3) -> bytes:
    """`write_model` of llm.c's train_gpt2.py, for 61 entries padded to 128 rows."""
    state = model.state_dict()
    header = np.zeros(256, np.int32)
    header[:8] = [20240326, version, 24, 61, 3, 5, 20, 128]

    def raw(tensor: torch.Tensor) -> bytes:
        if version == 5:
            return tensor.bfloat16().contiguous().view(torch.int16).numpy().tobytes()
        return tensor.contiguous().numpy().tobytes()

    padded = torch.cat([state["wte.weight"], torch.zeros(67, 20)])
    out = header.tobytes() + raw(padded) + raw(state["wpe.weight"])
    for part in ORDER:
        for i in range(3):
            tensor = state[f"h.{i}.{part}"]
            out += raw(tensor.T if part in LINEAR else tensor)
    return out + raw(state["ln_f.weight"]) + raw(state["ln_f.bias"])


@pytest.mark.parametrize(("version", "dtype"), [(3, torch.float32), (5, torch.bfloat16)])
def test_reading_and_writing_are_exact_to_the_byte(
    tmp_path: Path, tiny_model: GPT2, version: int, dtype: torch.dtype
) -> None:
    path = tmp_path / "gpt2_tiny.bin"
    path.write_bytes(as_llmc(tiny_model, version=version))
    for source in (path, tmp_path):  # the only one in a directory need not be named
        loaded = load_checkpoint(source)
        assert (loaded.layout, loaded.model.config) == ("llmc", tiny_model.config)
        for name, tensor in tiny_model.state_dict().items():
            assert torch.equal(loaded.model.state_dict()[name], tensor.to(dtype).float()), name
    save_checkpoint(tmp_path / "ours", tiny_model, None)
    report = convert(tmp_path / "ours", tmp_path / "out.bin", to="llmc", dtype=dtype)
    assert (tmp_path / "out.bin").read_bytes() == path.read_bytes()
    assert (report.files, report.n_bytes) == ((tmp_path / "out.bin",), path.stat().st_size)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, 20240327),
        (1, 1),
        (1, 4),
        (2, 0),
        (2, 25),
        (2, 2**31 - 1),
        (3, -61),
        (3, 0),
        (3, 129),
        (4, 4),
        (4, 2**31 - 1),
        (5, 3),
        (5, -5),
        (6, 2**30),
        (6, 40),
        (7, 61),
        (7, 256),
        (7, -(2**31)),
    ],
)
def test_a_header_that_lies(tmp_path: Path, tiny_model: GPT2, place: int, value: int) -> None:
    data = bytearray(as_llmc(tiny_model))
    data[4 * place : 4 * place + 4] = value.to_bytes(4, "little", signed=True)
    (tmp_path / "model.bin").write_bytes(data)
    with pytest.raises(CorruptCheckpoint, match=r"model\.bin"):
        load_checkpoint(tmp_path / "model.bin")


@pytest.mark.parametrize("n_bytes", [0, 3, 4, 1000, 1023, 1024, 5000, -1])
def test_truncated(tmp_path: Path, tiny_model: GPT2, n_bytes: int) -> None:
    (tmp_path / "model.bin").write_bytes(as_llmc(tiny_model)[:n_bytes])
    with pytest.raises(CorruptCheckpoint):
        load_checkpoint(tmp_path / "model.bin")


def test_too_long(tmp_path: Path, tiny_model: GPT2) -> None:
    (tmp_path / "model.bin").write_bytes(as_llmc(tiny_model) + b"\0")
    with pytest.raises(CorruptCheckpoint):
        load_checkpoint(tmp_path / "model.bin")


def test_one_of_several_must_be_named(tmp_path: Path, tiny_model: GPT2) -> None:
    for name, dtype in (("gpt2.bin", torch.float32), ("gpt2_bf16.bin", torch.bfloat16)):
        with (tmp_path / name).open("wb") as file:
            write_llmc(file, tiny_model, dtype)
    with pytest.raises(CheckpointNotFound, match=r"gpt2\.bin, gpt2_bf16\.bin.*\n.*Name one"):
        load_checkpoint(tmp_path)
    assert load_checkpoint(tmp_path / "gpt2_bf16.bin").layout == "llmc"
