"""Trackers get every step once, over kills too, and none of them can stop a run."""

import importlib.util
import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cutaway.errors import ConfigError, MissingExtra
from cutaway.training import trackers
from cutaway.training.journal import Journal
from cutaway.training.tracking import LogConfig, TrackedRun, Tracker


class Notes:
    """Remembers what it is told; fails where it is asked to."""

    name = "notes"

    def __init__(self, fails: str = "") -> None:
        self.fails = fails
        self.runs: list[TrackedRun] = []
        self.values: list[tuple[int, dict[str, float]]] = []
        self.ended: list[str] = []

    def start(self, run: TrackedRun) -> None:
        self._maybe("start")
        self.runs.append(run)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self._maybe("log")
        self.values.append((step, dict(values)))

    def finish(self, status: str) -> None:
        self._maybe("finish")
        self.ended.append(status)

    def _maybe(self, what: str) -> None:
        if what == self.fails:
            raise OSError("no network")


def run(
    directory: Path, *tracked: Tracker, after: int = 0, until: int = 4, kill: bool = False
) -> None:
    directory.mkdir(exist_ok=True)
    journal = Journal(
        directory / "log.jsonl", steps=9, about={"device": "abacus"}, trackers=tracked
    )
    journal._begin(after, None)
    for step in range(after + 1, until + 1):
        journal.step(step, {"loss": 10.0 + step, "rate": 1.0}, tokens=5, seconds=1.0, show=False)
        if step == 2:
            journal.event(step, "valid", loss=7.0, note="words are left out")
    if kill:
        journal._file.close()  # type: ignore[union-attr]
    else:
        journal._end("finished")


def test_a_tracker_gets_the_run_its_figures_and_its_end(tmp_path: Path) -> None:
    notes = Notes()
    run(tmp_path / "one", notes)
    assert notes.runs[0].name == "one"
    assert notes.runs[0].about["device"] == "abacus"
    assert [step for step, _ in notes.values] == [1, 2, 2, 3, 4]
    assert notes.values[0][1] == {
        "train/loss": 11.0,
        "train/rate": 1.0,
        "train/tokens_per_second": 5.0,
    }
    assert notes.values[2][1] == {"valid/loss": 7.0}
    assert notes.ended == ["finished"]


@pytest.mark.parametrize("fails", ["start", "log", "finish"])
def test_one_that_fails_is_dropped_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, fails: str
) -> None:
    broken, sound = Notes(fails), Notes()
    with caplog.at_level(logging.WARNING, "cutaway.training"):
        run(tmp_path, broken, sound)
    warnings = [record.getMessage() for record in caplog.records]
    assert warnings == ["notes failed and gets nothing more: OSError: no network"]
    assert len(sound.values) == 5
    assert sound.ended == ["finished"]
    assert (tmp_path / "log.jsonl").read_text().count('"loss"') == 4


def test_one_that_goes_on_knows_what_it_has_seen(tmp_path: Path) -> None:
    run(tmp_path, Notes(), until=6, kill=True)
    notes = Notes()
    run(tmp_path, notes, after=3, until=7)
    assert (notes.runs[0].after, notes.runs[0].sent) == (3, 6)


def test_an_unknown_tracker_is_named() -> None:
    with pytest.raises(ConfigError, match="tensorbord") as error:
        LogConfig(trackers=("tensorbord",))
    assert "tensorboard" in error.value.hint


def test_one_that_is_not_installed_is_told_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found: dict[str, Any] = {}
    monkeypatch.setattr(trackers, "find_spec", found.get)
    with pytest.raises(MissingExtra) as error:
        trackers.check_trackers(LogConfig(trackers=("wandb",)))
    assert "cutaway[wandb]" in error.value.hint


def test_a_folder_called_wandb_is_no_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if importlib.util.find_spec("wandb") is not None:
        pytest.skip("wandb is installed")
    (tmp_path / "wandb").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtra):
        trackers.check_trackers(LogConfig(trackers=("wandb",)))


def scalars(folder: Path, name: str) -> list[tuple[int, float]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars(name)]


def test_tensorboard_has_each_step_once_after_a_kill(tmp_path: Path) -> None:
    config = LogConfig(trackers=("tensorboard",))
    (killed,) = trackers.open_trackers(config)
    run(tmp_path, killed, until=6, kill=True)
    killed.finish("written, as if it had been flushed in time")
    run(tmp_path, *trackers.open_trackers(config), after=3, until=7)
    assert scalars(tmp_path, "train/loss") == [(step, 10.0 + step) for step in range(1, 8)]
    assert scalars(tmp_path, "valid/loss") == [(2, 7.0)]


def test_wandb_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    config = LogConfig(trackers=("wandb",))
    run(tmp_path, *trackers.open_trackers(config), until=6, kill=True)
    named = (tmp_path / "wandb-id").read_text()
    run(tmp_path, *trackers.open_trackers(config), after=3, until=7)
    assert (tmp_path / "wandb-id").read_text() == named
    assert list(tmp_path.glob(f"wandb/offline-run-*{named}/*.wandb"))


# In a process of its own: trackio looks for its folder when it is imported.
TRACKIO = """
import sys
from pathlib import Path

sys.path[:0] = sys.argv[2:]
from test_trackers import run

from cutaway.training.tracking import LogConfig
from cutaway.training.trackers import open_trackers

out, config = Path(sys.argv[1]), LogConfig(trackers=("trackio",), project="tests")
(first,) = open_trackers(config)
run(out, first, until=6, kill=True)
first.finish("written")
run(out, *open_trackers(config), after=3, until=7)

from trackio.sqlite_storage import SQLiteStorage

rows = SQLiteStorage.get_logs("tests", "one")
print(*(row["step"] for row in rows if "train/loss" in row))
"""


def test_trackio_has_each_step_once(tmp_path: Path) -> None:
    pytest.importorskip("trackio")
    done = subprocess.run(
        [sys.executable, "-c", TRACKIO, str(tmp_path / "one"), str(Path(__file__).parent)],
        env={**os.environ, "TRACKIO_DIR": str(tmp_path / "trackio")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "1 2 3 4 5 6 7\n"  # and nothing of trackio's own
