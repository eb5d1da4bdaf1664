"""Checkpoints are whole or not there, whatever fails while they are written or ends the process."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from cutaway.checkpoints.pieces import damage
from cutaway.errors import (
    CorruptCheckpoint,
    ResourceError,
)
from cutaway.training.checkpoint import Checkpoints
from cutaway.training.state import TrainingState
from faults import Faults, each_fault, installed
from forks import Forks, forks
from toy_states import equal, fresh, trained

KILLED = -9


def save_second(directory: str, kind: str = "", at: int = 0) -> None:
    """In a process of its own: the second checkpoint, with a fault."""
    with installed(Faults(at, kind)):
        Checkpoints(Path(directory), keep=1).save(2, trained(), {})


@pytest.fixture(scope="module")
def server() -> Iterator[Forks]:
    with forks("test_checkpoint_faults") as started:
        yield started


def first_alone(directory: Path, whole: Path) -> Callable[[], None]:
    def prepare() -> None:
        shutil.rmtree(directory, ignore_errors=True)
        shutil.copytree(whole, directory)

    return prepare


def test_whatever_call_fails_a_whole_checkpoint_loads(tmp_path: Path, server: Forks) -> None:
    """Every call of a save and of the removal behind it, with every fault, death included."""
    directory, state = tmp_path / "checkpoints", trained()
    Checkpoints(tmp_path / "first", keep=1).save(1, state, {})
    checkpoints = Checkpoints(directory, keep=1)
    prepare = first_alone(directory, tmp_path / "first")
    found = Counter[str]()

    def check(error: Exception | None) -> None:
        again = fresh(seed=1)
        saved = checkpoints.resume(again)
        assert saved is not None
        assert saved.step in (1, 2)
        assert equal(state, again)
        assert saved.step == 2 or error is not None
        found[f"step {saved.step}, {'failed' if error else 'saved'}"] += 1

    seen = each_fault(
        prepare,
        lambda: checkpoints.save(2, state, {}) and None,
        check,
        errors=ResourceError,
    )
    n_deaths = 0
    for at in range(1, 200):
        prepare()
        code = server.run("test_checkpoint_faults:save_second", str(directory), "DEATH", at)
        check(None if code == 0 else ResourceError("dead"))
        if code == 0:
            break
        assert code == KILLED
        n_deaths += 1
    assert n_deaths * 3 >= sum(seen.values()) > 100
    # A required save tries twice: one failing call does not make it fail.
    assert found["step 2, saved"] >= sum(seen.values())
    print(f"{sum(seen.values())} calls failed, {n_deaths} deaths: {dict(seen)}, {dict(found)}")


def test_whatever_call_fails_once_a_save_that_is_not_required_goes_on(tmp_path: Path) -> None:
    directory, state = tmp_path / "checkpoints", trained()
    Checkpoints(tmp_path / "first", keep=1).save(1, state, {})
    checkpoints = Checkpoints(directory, keep=1)

    def check(error: Exception | None) -> None:
        again = fresh(seed=1)
        assert error is None
        assert checkpoints.resume(again) is not None
        assert equal(state, again)
        assert checkpoints.save(3, state, {}, required=False) is not None

    each_fault(
        first_alone(directory, tmp_path / "first"),
        lambda: checkpoints.save(2, state, {}, required=False) and None,
        check,
        errors=(),
    )


def test_whatever_call_fails_while_a_checkpoint_is_loaded(tmp_path: Path) -> None:
    """The newest or the one before is loaded, or an error says why not; nothing gets lost."""
    directory, state = tmp_path / "checkpoints", trained()
    for number in (1, 2):
        Checkpoints(tmp_path / "both", keep=2).save(number, state, {})
    checkpoints, loaded = Checkpoints(directory, keep=2), list[int]()
    target = fresh(seed=1)

    def resume() -> None:
        saved = checkpoints.resume(target)
        assert saved is not None
        assert equal(state, target)
        loaded.append(saved.step)

    def check(error: Exception | None) -> None:
        sound = [path for path in directory.iterdir() if not damage(path)]
        assert len(sound) == 2

    each_fault(first_alone(directory, tmp_path / "both"), resume, check, errors=CorruptCheckpoint)
    assert set(loaded) == {1, 2}


def save_and_load_large(directory: str) -> None:
    """In a process of its own: 96 MB of weights need no second 96 MB, to save or to load."""
    import resource

    def peak() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KB

    model = nn.Linear(4096, 3 * 2048, bias=False)
    with torch.no_grad():
        model.weight.fill_(1.0)
    state = TrainingState(model, {})
    before = peak()
    checkpoints = Checkpoints(Path(directory), keep=1)
    checkpoints.save(1, state, {})
    assert checkpoints.resume(state) is not None
    assert peak() - before < 16_000


def test_saving_and_loading_take_no_memory(tmp_path: Path, server: Forks) -> None:
    assert server.run("test_checkpoint_faults:save_and_load_large", str(tmp_path)) == 0
