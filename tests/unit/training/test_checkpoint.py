"""A run's checkpoints: whole or not there, whatever fails while they are written."""

import errno
import os
from pathlib import Path

import pytest
import torch

from cutaway.errors import CorruptCheckpoint, ResourceError
from cutaway.models import GPT2, GPT2Config
from cutaway.training.checkpoint import Checkpoints, TrainingState
from cutaway.training.optimizers import OptimizerConfig, build_optimizers

CONFIG = GPT2Config(vocab_size=11, n_ctx=4, n_embd=4, n_layer=1, n_head=2)


def fresh(seed: int = 0) -> TrainingState:
    model = GPT2(CONFIG, seed=seed)
    return TrainingState(model, build_optimizers(model, OptimizerConfig(kind="muon", lr=0.1)))


def step(state: TrainingState) -> None:
    state.model(torch.tensor([[1, 2, 3]])).square().sum().backward()
    for optimizer in state.optimizers.values():
        optimizer.step()
        optimizer.zero_grad()


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "checkpoints", keep=2)


def test_weights_and_moments_come_back(checkpoints: Checkpoints) -> None:
    state, again = fresh(), fresh(seed=1)
    step(state)
    saved = checkpoints.save(7, state, {"seed": 3})
    assert checkpoints.newest() == saved
    assert checkpoints.recipe_of(saved) == {"seed": 3}
    assert checkpoints.restore(saved, again) == 7
    for one in (state, again):
        step(one)
    for a, b in zip(state.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_whatever_write_fails_the_previous_checkpoint_loads(
    checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """The k-th flush or rename fails, for every k there is."""
    state = fresh()
    step(state)
    before = checkpoints.save(1, state, {})
    real = {"fsync": os.fsync, "rename": os.rename, "replace": os.replace}
    n_calls = 0

    def failing(name: str, at: int):
        def call(*args: object, **kwargs: object) -> object:
            nonlocal n_calls
            n_calls += 1
            if n_calls == at:
                raise OSError(code, os.strerror(code))
            return real[name](*args, **kwargs)  # type: ignore[operator]

        return call

    failures = 0
    for at in range(1, 100):
        n_calls = 0
        with monkeypatch.context() as patch:
            for name in real:
                patch.setattr(os, name, failing(name, at))
            try:
                checkpoints.save(2, state, {})
            except ResourceError:
                failures += 1
            else:
                break
        newest = checkpoints.newest()
        assert newest is not None
        assert newest == before or newest.name == "step-00000002"
        checkpoints.restore(newest, fresh())
    assert failures == 7  # four files, their directory, the rename, the directory above
    assert checkpoints.newest().name == "step-00000002"  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors", "state.json"])
def test_one_flipped_bit_is_noticed(checkpoints: Checkpoints, name: str) -> None:
    state = fresh()
    step(state)
    first = checkpoints.save(1, state, {})
    second = checkpoints.save(2, state, {})
    content = bytearray((second / name).read_bytes())
    content[len(content) // 2] ^= 1
    (second / name).write_bytes(content)
    assert checkpoints.newest() == first
    (first / name).unlink()
    with pytest.raises(CorruptCheckpoint, match="None of the 2 checkpoints"):
        checkpoints.newest()
