"""The script that puts every file of a set to the test says what does not come back."""

import io
import json
import sys
import tarfile
from pathlib import Path

import pytest
from benchmarks import music_roundtrip

from cutaway.music import Note, Performance, midi_of


def figures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *places: Path
) -> tuple[int, dict[str, object], str]:
    monkeypatch.setattr(sys, "argv", ["music_roundtrip", *map(str, places)])
    code = music_roundtrip.main()
    out, err = capsys.readouterr()
    return code, json.loads(out), err


def test_all_kinds_of_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = midi_of(Performance([Note(0.003, 1.0, 60, 64), Note(0.004, 0.5, 60, 60)]))
    (tmp_path / "a.mid").write_bytes(data)
    with tarfile.open(tmp_path / "b.tar.xz", "w:xz") as archive:
        member = tarfile.TarInfo("folder/c.mid")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    (tmp_path / "d.json").write_text('{"test": [[[72, 67, 60, 48]]]}', encoding="utf-8")
    code, found, _ = figures(monkeypatch, capsys, tmp_path)
    assert code == 0
    assert (found["files"], found["chorales"], found["wrong"]) == (2, 1, 0)
    assert found["strikes_within_a_step"] == 2
    assert figures(monkeypatch, capsys, tmp_path / "a.mid")[1]["read_by_mido_too"] == 1


def test_a_damaged_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.mid").write_bytes(b"MThd")
    code, found, err = figures(monkeypatch, capsys, tmp_path)
    assert (code, found["wrong"]) == (1, 1)
    assert "bad.mid" in err
