"""A run on a CPU with the compiled attention goes on bit for bit, with dropout and documents."""

import shutil
from pathlib import Path

import pytest
import torch

from cutaway.checkpoints import load_checkpoint
from cutaway.errors import EngineUnavailable
from cutaway.nn import kernel
from cutaway.training import train
from toy_runs import hex_losses, write_corpus

RECIPE = """
seed = 3
[model]
vocab_size = 290
n_ctx = 64
n_embd = 32
n_layer = 2
n_head = 2
dropout = 0.1
[tokenizer]
files = ["tales.txt"]
[data]
train = [{ file = "tales.txt", repeat = 4 }]
[optimizer]
lr = 1e-2
[training]
steps = 12
batch_size = 2
micro_batch_size = 1
document_mask = true
[checkpoints]
every = 6
"""


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[torch.dtype]:
    """Those of the compiled kernel, which is chosen where it can be."""
    try:
        kernel.library()
    except EngineUnavailable as error:
        pytest.skip(error.what)
    made: list[torch.dtype] = []
    forward = kernel.forward
    monkeypatch.setenv(kernel.CHOICE, "auto")
    monkeypatch.setattr(kernel, "_is_faster", lambda *_: True)
    monkeypatch.setattr(kernel, "forward", lambda *a: (made.append(a[1]), forward(*a)))
    return made


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_run_goes_on_bit_for_bit(
    tmp_path: Path, passes: list[torch.dtype], precision: str
) -> None:
    write_corpus(tmp_path, RECIPE)
    out, settings = tmp_path / "run", [f'training.precision="{precision}"']
    folder = train(tmp_path / "toy.toml", data=tmp_path, out=out, settings=settings).directory
    assert passes == [torch.bfloat16 if precision == "bf16" else torch.float32] * 12 * 2 * 2
    losses, whole = hex_losses(out), load_checkpoint(folder).fingerprint
    shutil.rmtree(out / "checkpoints" / "step-00000012")
    shutil.rmtree(folder)
    train(tmp_path / "toy.toml", data=tmp_path, out=out, settings=settings)
    assert hex_losses(out) == losses
    assert load_checkpoint(folder).fingerprint == whole
    first, last = (float.fromhex(losses[step]) for step in (1, 12))
    assert last < 0.9 * first
