"""Runs read off their journals: states, figures, damage; compared and thinned."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cutaway.errors import DataError, Interrupted, TrainingDiverged, UnknownName
from cutaway.training.comparison import differences, places
from cutaway.training.curves import figures_of, series, thinned
from cutaway.training.journal import Journal
from cutaway.training.runs import find_runs, open_run, read_run
from processes import environment
from training_runs import write_run


def test_what_a_run_says(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "one"))
    assert (run.name, run.state, run.step, run.total, run.loss) == ("one", "finished", 4, 9, 4.0)
    assert run.best is not None
    assert (run.best.step, run.best.loss, run.best.bits_per_byte) == (4, 5.0, 1.0)
    assert run.tokens_per_second == pytest.approx(200)
    assert run.tokens == 400
    told = json.loads(json.dumps(run.to_dict()))
    assert told["valid_loss"] == 5.0
    assert told["damaged_lines"] == []


@pytest.mark.parametrize(
    ("error", "state", "why"),
    [
        (Interrupted("Stopped."), "stopped", ""),
        (TrainingDiverged("Step 5: loss nan."), "diverged", "Step 5: loss nan."),
        (ValueError("a mistake"), "failed", "ValueError: a mistake"),
    ],
)
def test_how_it_ended(tmp_path: Path, error: Exception, state: str, why: str) -> None:
    run = read_run(write_run(tmp_path / "one", error=error))
    assert (run.state, run.why) == (state, why)


def test_running_and_killed_are_told_apart(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log.jsonl", steps=9)
    journal._begin(0, None)
    journal.step(1, {"loss": 1.0}, tokens=1, seconds=1.0, show=False)
    assert read_run(tmp_path).state == "running"
    journal._file.close()  # type: ignore[union-attr]
    assert read_run(tmp_path).state == "killed"


def test_without_locks_a_run_is_alive_while_lines_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cutaway.training.runs.is_held", lambda path: None)
    journal = Journal(tmp_path / "log.jsonl", steps=9)
    journal._begin(0, None)
    journal._file.close()  # type: ignore[union-attr]
    assert read_run(tmp_path).state == "running"
    monkeypatch.setattr("cutaway.training.runs._STALE", -1.0)
    assert read_run(tmp_path).state == "killed"


def test_a_run_that_went_on_after_it_diverged_is_not_diverged(tmp_path: Path) -> None:
    write_run(tmp_path, error=TrainingDiverged("Step 5: loss nan."))
    journal = Journal(tmp_path / "log.jsonl", steps=9)
    with journal.recording(after=4):
        journal.step(5, {"loss": 1.0}, tokens=1, seconds=1.0, show=False)
    assert (read_run(tmp_path).state, read_run(tmp_path).step) == ("finished", 5)


def test_damaged_lines_are_named_and_left_out(tmp_path: Path) -> None:
    path = write_run(tmp_path / "one") / "log.jsonl"
    lines = path.read_bytes().splitlines()
    lines[2:2] = [b"\xff\x00", b'{"step": true}', b"[1, 2]", b'{"event": "valid", "st']
    path.write_bytes(b"\n".join([*lines, b'{"step": 99, "lo']))
    run = read_run(tmp_path / "one")
    assert sorted(run.damaged) == [3, 4, 5, 6]
    assert [step["step"] for step in run.steps] == [1, 2, 3, 4]


def test_a_journal_of_before_events_is_read(tmp_path: Path) -> None:
    old = [
        {"step": 1, "loss": 3.0, "tokens_per_second": 10},
        {"step": 1, "valid_loss": 2.5, "valid_bits_per_byte": 1.1},
    ]
    (tmp_path / "log.jsonl").write_text("".join(f"{json.dumps(entry)}\n" for entry in old))
    run = read_run(tmp_path)
    assert (run.state, run.step) == ("unknown", 1)
    assert run.best is not None
    assert run.best.loss == 2.5
    with pytest.raises(DataError, match="does not note tokens"):
        series(run, "loss", "tokens")


def test_runs_are_found_in_folders_of_folders(tmp_path: Path) -> None:
    write_run(tmp_path / "one")
    write_run(tmp_path / "sweep" / "two", steps=1)
    (tmp_path / "none").mkdir()
    assert {run.name for run in find_runs(tmp_path)} == {"one", "sweep/two"}
    assert open_run("sweep/two", tmp_path).step == 1
    assert open_run(str(tmp_path / "one"), tmp_path / "none").step == 4
    assert [run.name for run in find_runs(tmp_path / "one")] == ["one"]


def test_only_the_last_steps_are_read_for_a_list(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "one", steps=9), recent=3)
    assert [step["step"] for step in run.steps] == [7, 8, 9]
    assert len(run.validations) == 4


def test_a_run_that_is_not_there_is_named_with_the_nearest(tmp_path: Path) -> None:
    write_run(tmp_path / "baseline")
    with pytest.raises(UnknownName, match="no run 'baselin'") as error:
        open_run("baselin", tmp_path)
    assert "baseline" in error.value.hint
    with pytest.raises(UnknownName) as error:
        open_run("x", tmp_path / "nowhere")
    assert "holds no run" in error.value.hint
    with pytest.raises(DataError, match="There is no folder"):
        find_runs(tmp_path / "nowhere")


def test_recipes_are_compared_entry_by_entry(tmp_path: Path) -> None:
    one, two = (read_run(write_run(tmp_path / str(lr), lr=lr)) for lr in (1e-3, 2e-3))
    assert differences([one, two]) == {"optimizer.lr": ["0.001", "0.002"]}
    assert differences([one, one]) == {}


def test_losses_are_compared_where_both_have_been(tmp_path: Path) -> None:
    few, many = (
        read_run(write_run(tmp_path / str(steps), steps=steps, lr=steps / 1e3)) for steps in (4, 8)
    )
    half, end = places([few, many], parts=2)
    assert (half.x, end.x) == (2, 4)
    assert half.losses == [pytest.approx(2.0), pytest.approx(-4.0)]  # means of two steps
    assert half.valid_losses == [7.0, 7.0]
    assert end.valid_losses == [5.0, 5.0]
    assert places([few, many], parts=4)[0].valid_losses == [None, None]


def test_by_tokens_a_step_of_twice_as_many_counts_twice(tmp_path: Path) -> None:
    one = read_run(write_run(tmp_path / "one", tokens=100))
    two = read_run(write_run(tmp_path / "two", tokens=200))
    (end,) = places([one, two], by="tokens", parts=1)
    assert end.x == 400
    assert end.valid_losses == [5.0, 7.0]
    (by_time,) = places([one, two], by="time", parts=1)
    assert by_time.x == 2.0


def test_there_is_nothing_to_compare_before_a_first_step(tmp_path: Path) -> None:
    empty = read_run(write_run(tmp_path / "one", steps=0))
    with pytest.raises(DataError, match="has no step"):
        places([empty])


def test_series_leave_out_what_is_not_a_number(tmp_path: Path) -> None:
    path = write_run(tmp_path / "one") / "log.jsonl"
    text = (
        path.read_text()
        .replace('"loss": 7.0', '"loss": null')
        .replace('"loss": 6.0', '"loss": NaN')
    )
    path.write_text(text)
    run = read_run(tmp_path / "one")
    assert series(run, "loss") == [(3, 5.0), (4, 4.0)]
    assert series(run, "valid_loss", "tokens") == [(200, 7.0), (400, 5.0)]
    assert series(run, "bits_per_byte", "time") == [(1.0, 1.0), (2.0, 1.0)]
    assert figures_of(run) == ["loss", "rate", "tokens_per_second", "valid_loss", "bits_per_byte"]
    with pytest.raises(UnknownName):
        series(run, "loss", "moons")


def test_thinning_keeps_the_extremes() -> None:
    points: list[tuple[float, float]] = [(float(i), float(i % 7 == 3) * 9) for i in range(10_001)]
    few = thinned(points, most=100)
    assert len(few) <= 100
    assert all((point.low, point.high) == (0.0, 9.0) for point in few[:-1])
    assert few[0].x == pytest.approx(50.0)
    assert thinned([]) == []


def test_reading_loads_no_torch(tmp_path: Path) -> None:
    write_run(tmp_path / "one")
    program = (
        "from cutaway.cli.app import run\nimport sys\n"
        f"assert run(['runs', '--dir', {str(tmp_path)!r}]) == 0\n"
        f"assert run(['runs', 'plot', 'one', '--dir', {str(tmp_path)!r}, '--out', "
        f"{str(tmp_path / 'a.svg')!r}]) == 0\n"
        "assert not {'torch', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], env=environment(), check=True)
