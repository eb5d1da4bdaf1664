"""``cutaway music tokenize`` and ``detokenize``."""

import io
import json
from pathlib import Path

import pytest

from cutaway.cli.app import run
from cutaway.music import Note, Performance, read_midi, write_midi

IDS = "375 60 63 305 188 355 191"
NAMES = "SET_VELOCITY_20 NOTE_ON_60 NOTE_ON_63 TIME_SHIFT_50 NOTE_OFF_60 TIME_SHIFT_100 NOTE_OFF_63"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    notes = [Note(0.0, 0.5, 60, 78), Note(0.0, 1.5, 63, 78)]
    write_midi(Performance(notes), tmp_path / "a.mid")
    return tmp_path / "a.mid"


def test_a_row_for_each_event(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["music", "tokenize", str(file)]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row[1] for row in rows] == IDS.split()
    assert [row[2] for row in rows] == NAMES.split()
    assert [row[0] for row in rows] == ["0.00", "0.00", "0.00", "0.00", "0.50", "0.50", "1.50"]


def test_ids_names_and_json(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["music", "tokenize", str(file), "--ids"]) == 0
    assert capsys.readouterr().out == f"{IDS}\n"
    assert run(["music", "tokenize", str(file), "--names"]) == 0
    assert capsys.readouterr().out == f"{NAMES}\n"
    assert run(["music", "tokenize", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "ids": [*map(int, IDS.split())],
        "names": NAMES.split(),
        "notes": 2,
        "seconds": 1.5,
    }


@pytest.mark.parametrize("events", [IDS, NAMES, f"[{IDS.replace(' ', ', ')}]"])
def test_events_become_the_file_again(
    events: str, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = tmp_path / "b.mid"
    assert run(["music", "detokenize", *events.split(" "), "--out", str(again)]) == 0
    assert read_midi(again) == read_midi(file)
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"{again}: 2 notes, 1.5 s\n")


def test_a_pipe_can_be_read(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes())))
    assert run(["music", "tokenize", "-", "--ids"]) == 0
    assert capsys.readouterr().out == f"{IDS}\n"


def test_the_picture_is_drawn(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "a.svg"
    assert run(["music", "tokenize", str(file), "--ids", "--picture", str(picture)]) == 0
    assert "a.mid: 7 events, one-hot" in picture.read_text(encoding="utf-8")
    assert capsys.readouterr().err == f"{picture}: 7 events\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tokenize", "none.mid"], "none.mid cannot be read"),
        (["tokenize", "none.mid", "--picture", "a.txt"], "a plot is .svg or .png"),
        (["tokenize", "none.mid", "--picture", "a.svg", "--first", "0"], "--first 0"),
        (["detokenize", "NOTE_ON_200", "--out", "a.mid"], "no word 'NOTE_ON_200'"),
        (["detokenize", "500", "--out", "a.mid"], "no event 500"),
        (["detokenize", "--out", "a.mid", "--", "-1"], "no event -1"),
        (["detokenize", "305", "--out", "a.mid"], "The 1 events have no notes"),
        (["detokenize", "60", "305", "388", "60", "--out", "a.mid"], "behind <|endoftext|>"),
    ],
)
def test_what_cannot_be_is_told_in_two_lines(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["music", *arguments]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 2
    assert not list(tmp_path.iterdir())
