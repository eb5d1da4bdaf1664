"""What a launch makes of the end of its processes."""

import json
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cutaway.errors import ConfigError, Interrupted, ProcessesLost
from cutaway.training import launch as module
from cutaway.training.launch import is_worker, launch, worker


@pytest.fixture
def note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A process among several, under :func:`launch`."""
    note = tmp_path / "ended.json"
    for name, value in {"RANK": "1", "WORLD_SIZE": "2", module._NOTE: str(note)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(module, "_end_with", lambda parent: None)
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    monkeypatch.setattr("faulthandler.enable", lambda all_threads: None)
    return note


def failure(rank: int, code: int, timestamp: int, message: Any = "") -> SimpleNamespace:
    return SimpleNamespace(local_rank=rank, exitcode=code, timestamp=timestamp, message=message)


def test_there_is_at_least_one_process() -> None:
    with pytest.raises(ConfigError, match=r"--nproc is 0"):
        launch(0, ["train"])


def test_a_process_alone_is_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert not is_worker()
    monkeypatch.setenv("WORLD_SIZE", "1")
    monkeypatch.setenv("RANK", "0")
    assert not is_worker()


def test_an_error_on_purpose_is_noted_once_and_read_as_it_was(note: Path) -> None:
    assert is_worker()
    with pytest.raises(SystemExit) as ended, worker():
        raise ConfigError("No recipe.", "Write one.")
    assert ended.value.code == 2
    module._tell(ConfigError("Another.", ""), note)
    error = module._read(note)
    assert (type(error), error.what, error.hint) == (ConfigError, "No recipe.", "Write one.")
    assert json.loads(note.read_text())["rank"] == "1"


def test_a_stop_is_no_failure_that_would_start_them_again(note: Path) -> None:
    with pytest.raises(SystemExit) as ended, worker():
        raise Interrupted("Stopped.", "Go on.")
    assert ended.value.code == 0
    assert isinstance(module._read(note), Interrupted)


def test_a_new_start_after_an_end_on_purpose_does_nothing(note: Path) -> None:
    note.write_text("{}")
    with pytest.raises(SystemExit) as ended, worker():
        raise AssertionError
    assert ended.value.code == 0


def test_what_goes_wrong_otherwise_is_left_to_the_agent(
    note: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(tmp_path / "error.json"))
    with pytest.raises(SystemExit) as ended, worker():
        raise RuntimeError("a peer is gone")
    assert ended.value.code == 1
    assert not note.exists()
    assert "a peer is gone" in (tmp_path / "error.json").read_text()


def test_the_process_that_was_killed_is_named_not_those_that_missed_it() -> None:
    missed = failure(0, 1, 5, {"message": "RuntimeError: Connection closed"})
    killed = failure(1, -9, 6, "Signal 9 (SIGKILL) received by PID 7")
    error = module._lost(SimpleNamespace(failures={0: missed, 1: killed}), 3)
    assert isinstance(error, ProcessesLost)
    assert error.what == "Process 1 was lost 4 times, at last with: " + killed.message
    error = module._lost(SimpleNamespace(failures={0: missed}), 0)
    assert error.what == "Process 0 was lost 1 times, at last with: RuntimeError: Connection closed"
