"""A run's checkpoints: what is in them, which are kept, which are refused."""

import json
import logging
import os
import shutil
from pathlib import Path

import pytest
import torch
from torch import nn

from cutaway.checkpoints.pieces import Stage, damage
from cutaway.errors import (
    CheckpointNotFound,
    ConfigError,
    CorruptCheckpoint,
    DataError,
    ResourceError,
)
from cutaway.files import sha256_of
from cutaway.models import GPT2, GPT2Config
from cutaway.training import checkpoint as checkpoint_module
from cutaway.training.checkpoint import Checkpoints
from cutaway.training.state import TrainingState
from toy_states import equal, fresh, step, trained


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "checkpoints", keep=2)


def names(checkpoints: Checkpoints) -> list[str]:
    return sorted(path.name for path in checkpoints.directory.iterdir())


def test_weights_and_moments_come_back(checkpoints: Checkpoints) -> None:
    state, again = trained(), fresh(seed=1)
    state.extra.update({"scale": 65536.0, "best": float("inf"), "seen": [1, None, "a", True]})
    before = dict(state.extra)
    saved = checkpoints.save(7, state, {"seed": 3, "limit": float("inf")})
    assert saved is not None
    assert checkpoints.newest() == saved
    assert checkpoints.recipe_of(saved) == {"seed": 3, "limit": float("inf")}
    assert checkpoints.restore(saved, again) == 7
    assert equal(state, again)
    assert again.extra == before
    for one in (state, again):
        step(one)
    assert equal(state, again)


def test_what_lies_otherwise_in_memory_and_any_kind_of_number(checkpoints: Checkpoints) -> None:
    class Odd(nn.Module):
        def __init__(self, seed: int) -> None:
            super().__init__()
            torch.manual_seed(seed)
            self.turned = nn.Parameter(torch.randn(3, 5).T)
            self.register_buffer("halves", torch.randn(7).bfloat16())
            self.register_buffer("count", torch.randint(1 << 40, (2, 2)))
            self.register_buffer("flags", torch.rand(9) > 0.5)
            self.register_buffer("doubled", torch.randn((), dtype=torch.float64))
            self.register_buffer("nothing", torch.empty(0, 4))

    first, second = (TrainingState(Odd(seed), {}) for seed in (0, 1))
    saved = checkpoints.save(1, first, {})
    checkpoints.restore(saved, second)  # type: ignore[arg-type]
    assert equal(first, second)
    assert second.model.turned.stride() == (1, 5)


def test_plain_values_only(checkpoints: Checkpoints) -> None:
    state = trained()
    state.extra["model"] = state.model
    with pytest.raises(ConfigError, match="is no plain value"):
        checkpoints.save(1, state, {})


class Full:
    """A disk that has no space for a while."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_full = True
        real = Stage.finish

        def finish(stage: Stage, step: int) -> None:
            if self.is_full:
                raise OSError(28, os.strerror(28))
            real(stage, step)

        monkeypatch.setattr(Stage, "finish", finish)


def test_a_full_disk_keeps_the_run_and_is_told_once(
    checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    state = trained()
    checkpoints.save(1, state, {})
    disk = Full(monkeypatch)
    for number in (2, 3, 4):
        assert checkpoints.save(number, state, {}, required=False) is None
    assert names(checkpoints) == ["step-00000001"]
    (warning,) = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert warning.startswith("STEP 2 IS NOT SAVED: No space left on the disk")
    assert "step-00000001 is kept; training goes on" in warning
    with pytest.raises(ResourceError, match="after step 5 could not be saved") as caught:
        checkpoints.save(5, state, {})
    assert caught.value.exit_code == 5
    assert "goes on from step-00000001" in caught.value.hint
    assert names(checkpoints) == ["step-00000001"]
    disk.is_full = False
    assert checkpoints.save(6, state, {}, required=False) is not None
    assert names(checkpoints) == ["step-00000001", "step-00000006"]
    assert "step 6 is saved; 3 saves before it failed" in caplog.text


def test_a_disk_that_would_be_full_is_not_filled(
    checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    state = trained()
    size = state.n_bytes()
    usage = shutil.disk_usage(checkpoints.directory.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=round(1.1 * size)))
    assert checkpoints.save(1, state, {}, required=False) is None
    assert "there is no checkpoint yet" in caplog.text
    assert not checkpoints.directory.exists()
    # The last state of a run is written as long as there is space at all.
    assert checkpoints.save(2, state, {}) is not None


def test_old_ones_go_but_for_those_spared_and_every_nth(tmp_path: Path) -> None:
    checkpoints, state = Checkpoints(tmp_path, keep=2, keep_every=4), trained()
    for number in range(1, 11):
        checkpoints.save(number, state, {}, spare=[3])
    assert names(checkpoints) == [f"step-{n:08d}" for n in (3, 4, 8, 9, 10)]
    checkpoints.save(11, state, {}, spare=[10])
    assert "step-00000003" not in names(checkpoints)


def test_a_chosen_one_is_loaded_and_later_ones_are_set_aside(tmp_path: Path) -> None:
    checkpoints, state = Checkpoints(tmp_path, keep=3), trained()
    for number in (1, 2, 3):
        checkpoints.save(number, state, {})
    with pytest.raises(CheckpointNotFound, match="No checkpoint of step 4"):
        checkpoints.resume(state, step=4)
    saved = checkpoints.resume(fresh(), step=2)
    assert saved is not None
    assert saved.step == 2
    assert names(checkpoints) == ["aside-step-00000003", "step-00000001", "step-00000002"]
    (tmp_path / "step-00000001" / "state.json").unlink()
    with pytest.raises(CorruptCheckpoint, match="step-00000001 is damaged"):
        checkpoints.resume(fresh(), step=1)


def test_changed_data_is_refused_by_name(tmp_path: Path) -> None:
    state, data = trained(), {"train.bin": "abc", "valid.bin": "def"}
    Checkpoints(tmp_path, keep=1, data=data).save(1, state, {})
    changed = Checkpoints(tmp_path, keep=1, data={**data, "valid.bin": "xyz"})
    with pytest.raises(DataError, match=r"has changed since .*: valid\.bin\."):
        changed.resume(fresh())
    assert names(changed) == ["step-00000001"]
    more = Checkpoints(tmp_path, keep=1, data={**data, "final.bin": "new"})
    assert more.resume(fresh()) is not None


def test_other_circumstances_are_told(
    checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = checkpoint_module.circumstances()
    assert now["world_size"] == 1
    then = {**now, "threads": now["threads"] + 2, "torch": "1.0"}
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint_module, "circumstances", lambda: then)
        checkpoints.save(1, trained(), {})
    checkpoints.resume(fresh())
    assert f"threads = {then['threads']}, not {now['threads']}" in caplog.text
    assert "only to rounding" in caplog.text
    caplog.clear()
    checkpoints.save(2, trained(), {})
    checkpoints.resume(fresh())
    assert caplog.text == ""


def test_another_model_or_optimizer_is_refused(checkpoints: Checkpoints) -> None:
    checkpoints.save(1, trained(), {})
    with pytest.raises(ConfigError, match="optimizers muon, this run no other"):
        checkpoints.resume(fresh(kind="adamw"))
    model = GPT2(GPT2Config(vocab_size=11, n_ctx=4, n_embd=4, n_layer=2, n_head=2))
    with pytest.raises(ConfigError, match=r"the tensors no other, this run h\.1\."):
        checkpoints.resume(TrainingState(model, {}))
    wider = GPT2(GPT2Config(vocab_size=12, n_ctx=4, n_embd=4, n_layer=1, n_head=2))
    with pytest.raises(ConfigError, match=r"wte\.weight in .* is float32 \(11, 4\), not"):
        checkpoints.resume(TrainingState(wider, {}))


def test_parts_may_be_written_past_the_stage(checkpoints: Checkpoints) -> None:
    """As a library does that takes a directory: files below it, hidden ones too."""

    class Sharded(TrainingState):
        def parts(self):  # type: ignore[no-untyped-def]
            def write(stage: Stage) -> None:
                (stage.path / "shards").mkdir()
                (stage.path / "shards" / "0_0.distcp").write_bytes(b"abc")
                (stage.path / "shards" / ".metadata").write_bytes(b"def")

            return {**super().parts(), "shards": write}

    state = trained()
    sharded = Sharded(state.model, state.optimizers)
    saved = checkpoints.save(1, sharded, {})
    assert saved is not None
    assert damage(saved) == []
    assert checkpoints.resume(fresh()) is not None
    (saved / "shards" / ".metadata").write_bytes(b"deg")
    assert damage(saved) == ["shards/.metadata (another checksum)"]


def test_one_of_the_first_version_goes_on(checkpoints: Checkpoints) -> None:
    """Its manifest had digests alone, its state a step and a recipe."""
    state = trained()
    saved = checkpoints.save(1, state, {})
    assert saved is not None
    (saved / "state.json").write_text(json.dumps({"step": 1, "recipe": {"seed": 3}}))
    (saved / "manifest.json").unlink()
    sums = {path.name: sha256_of(path) for path in saved.iterdir()}
    (saved / "manifest.json").write_text(json.dumps(sums, indent=2))
    again = fresh(seed=1)
    found = checkpoints.resume(again)
    assert found is not None
    assert found.state["recipe"] == {"seed": 3}
    assert equal(state, again)
    (saved / "model.safetensors").unlink()
    assert damage(saved) == ["model.safetensors (absent)"]


def test_a_guard_ends_the_run(tmp_path: Path) -> None:
    def guard() -> None:
        raise ResourceError("Another one.")

    with pytest.raises(ResourceError, match="Another one"):
        Checkpoints(tmp_path, keep=1, guard=guard).save(1, trained(), {}, required=False)
