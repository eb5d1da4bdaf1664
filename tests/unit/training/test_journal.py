"""The journal: no step twice, nothing half-written, and who is still running."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from cutaway.errors import ConfigError, Interrupted, ResourceError, TrainingDiverged
from cutaway.training.journal import Journal
from cutaway.training.journal_file import is_held
from cutaway.training.progress import Progress


def write(journal: Journal, *steps: int) -> None:
    for step in steps:
        values = {"loss": 1 / step}
        journal.step(step, values, tokens=100, seconds=0.5, show=step % 2 == 0)


def entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def steps(path: Path) -> list[int]:
    return [entry["step"] for entry in entries(path) if "event" not in entry]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


def test_the_first_line_tells_the_run_and_the_last_how_it_ended(path: Path) -> None:
    journal = Journal(path, steps=2, about={"device": "abacus"})
    with journal.recording(after=0):
        write(journal, 1, 2)
        journal.event(2, "valid", loss=0.5, bits_per_byte=1.25)
    first, *middle, valid, last = entries(path)
    assert (first["event"], first["device"], first["steps"]) == ("run", "abacus", 2)
    assert [entry["loss"] for entry in middle] == [1.0, 0.5]
    assert [entry["tokens"] for entry in middle] == [100, 200]
    assert [entry["seconds"] for entry in middle] == [0.5, 1.0]
    assert (valid["valid_loss"], valid["valid_bits_per_byte"]) == (0.5, 1.25)
    assert (last["event"], last["step"]) == ("finished", 2)


def test_after_a_kill_no_step_stands_there_twice(path: Path) -> None:
    """Killed behind step 5 with a checkpoint of step 3, while a line was being written."""
    killed = Journal(path, steps=9)
    killed._begin(0, None)
    write(killed, 1, 2, 3, 4, 5)
    killed._file.close()  # type: ignore[union-attr]
    with path.open("a") as file:
        file.write('{"step": 6, "lo')
    again = Journal(path, steps=9)
    with again.recording(after=3):
        write(again, 4, 5, 6)
    assert steps(path) == [1, 2, 3, 4, 5, 6]
    resumed = next(entry for entry in entries(path) if entry.get("event") == "resumed")
    assert (resumed["step"], resumed["sent"]) == (3, 5)
    assert entries(path)[-2]["tokens"] == 600
    assert entries(path)[-2]["seconds"] == 3.0


def test_killed_before_the_first_checkpoint_it_begins_anew(path: Path) -> None:
    killed = Journal(path, steps=9)
    killed._begin(0, None)
    write(killed, 1, 2)
    killed._file.close()  # type: ignore[union-attr]
    again = Journal(path, steps=9)
    with again.recording(after=0):
        write(again, 1, 2, 3)
    assert steps(path) == [1, 2, 3]
    assert entries(path)[-2]["tokens"] == 300


def test_what_was_sent_is_remembered_over_two_kills(path: Path) -> None:
    for after, until in [(0, 8), (3, 5), (3, 4)]:
        journal = Journal(path, steps=9)
        journal._begin(after, None)
        write(journal, *range(after + 1, until + 1))
        journal._file.close()  # type: ignore[union-attr]
    sent = [entry["sent"] for entry in entries(path) if entry.get("event") == "resumed"]
    assert sent == [8, 8]


def test_a_damaged_line_in_the_middle_costs_nothing_else(path: Path) -> None:
    path.write_bytes(b'{"step": 1, "loss": 2.0}\n\xff\x00garbage\n[1]\n{"step": 2, "loss": 1.0}\n')
    journal = Journal(path, steps=3)
    with journal.recording(after=2):
        write(journal, 3)
    lines = path.read_bytes().splitlines()
    assert lines[1] == b"\xff\x00garbage"
    assert json.loads(lines[3])["step"] == 2
    assert json.loads(lines[5])["step"] == 3


def test_a_validation_repeated_by_a_finished_run_is_not_written_again(path: Path) -> None:
    for first in (True, False):
        journal = Journal(path, steps=1)
        with journal.recording(after=0 if first else 1):
            if first:
                write(journal, 1)
            journal.event(1, "valid", loss=0.5)
    assert sum(entry.get("event") == "valid" for entry in entries(path)) == 1


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Interrupted("Stopped after step 1."), "stopped"),
        (TrainingDiverged("Step 1: loss nan."), "diverged"),
        (ResourceError("No space left."), "failed"),
        (KeyboardInterrupt(), "failed"),
    ],
)
def test_how_it_ended(path: Path, error: BaseException, status: str) -> None:
    journal = Journal(path, steps=9)

    def run() -> None:
        with journal.recording(after=0):
            write(journal, 1)
            raise error

    with pytest.raises(type(error)):
        run()
    assert entries(path)[-1]["event"] == status
    assert is_held(path) is False


def test_two_processes_do_not_write_one_journal(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cutaway.training.journal_file._PATIENCE", 0.0)
    journal = Journal(path, steps=9)
    with journal.recording(after=0):
        write(journal, 1)
        assert is_held(path)
        with pytest.raises(ConfigError, match="Another process is training in"):
            Journal(path, steps=9)._begin(0, None)
        write(journal, 2)
    assert steps(path) == [1, 2]


def test_what_is_not_finite_is_null(path: Path) -> None:
    journal = Journal(path, steps=1)
    with journal.recording(after=0):
        journal.step(1, {"loss": float("nan")}, tokens=1, seconds=0.0, show=False)
        journal.event(1, "skipped", gradient_norm=float("inf"), why="not finite")
    assert entries(path)[1]["loss"] is None
    assert entries(path)[2]["skipped_gradient_norm"] is None
    assert entries(path)[2]["skipped_why"] == "not finite"


def test_a_silent_journal_writes_and_says_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "cutaway.training")
    journal = Journal(None, steps=2)
    with journal.recording(after=0):
        write(journal, 1, 2)
        journal.event(2, "valid", loss=1.0)
    assert not list(tmp_path.iterdir())
    assert not caplog.records


def test_lines_for_a_person_and_progress_for_a_bar(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "cutaway.training")
    journal = Journal(path, steps=4, flops_per_token=1e6, peak=1e9)
    with journal.recording(after=0):
        write(journal, 1, 2)
        journal.event(2, "valid", loss=0.5, bits_per_byte=1.25)
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]
    assert said[0].startswith("step 2/4  loss 0.500  200 tokens/s  MFU 20.0 %  0 min 0")
    assert said[1] == "step 2/4  valid: loss 0.5000  bits per byte 1.2500"
    drawn = [now for r in caplog.records if isinstance(now := vars(r).get("progress"), Progress)]
    assert [now.step for now in drawn] == [0, 1, 2]
    assert drawn[2].mfu == pytest.approx(0.2)
    assert entries(path)[1]["mfu"] == 0.2


def test_without_a_peak_there_is_no_utilization(path: Path) -> None:
    journal = Journal(path, steps=1, flops_per_token=1e6)
    with journal.recording(after=0):
        write(journal, 1)
    assert "mfu" not in entries(path)[1]


def test_the_time_left_counts_what_lies_between_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    from cutaway.training import journal

    now = 0.0
    monkeypatch.setattr(journal.time, "perf_counter", lambda: now)
    pace = journal._Pace()
    for _ in range(10):
        now += 1.0
        pace.note(100, 1.0)
        now += 0.5  # a validation
    assert pace.seconds_of(10) == pytest.approx(15.0)
    assert pace.tokens_per_second == pytest.approx(100)


def test_a_full_disk_is_told_and_ends_no_run(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    journal = Journal(path, steps=2)
    journal._begin(0, None)
    journal._file.close()  # type: ignore[union-attr]
    journal._file._file = full.open("r+b", buffering=0)  # type: ignore[union-attr]
    write(journal, 1)
    write(journal, 2)
    assert caplog.text.count("CANNOT BE WRITTEN") == 1
    journal._end("failed")
    assert journal._file is None
