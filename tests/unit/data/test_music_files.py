"""Music from files: folders and archives in order, bad files named, chorales by their part."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from cutaway.data.music import BadPiece, chorales_of, midi_names, performances_of
from cutaway.errors import DataError
from cutaway.music import encode
from cutaway.music.midi import midi_of
from pieces_of_music import performances, write_chorales

PIECES = performances(3)
NAMES = ["a.mid", "b/c.MID", "b/d.midi"]
MIDI = [midi_of(piece) for piece in PIECES]


def write(folder: Path) -> Path:
    for name, data in zip(NAMES, MIDI, strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "notes.txt").write_text("no music")
    (folder / ".hidden.mid").write_bytes(b"no music")
    return folder


def tar(path: Path, files: dict[str, bytes], mode: str = "w:xz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def ids(path: Path) -> list[list[int]]:
    return [encode(piece) for piece in performances_of(path)]


EXPECTED = [encode(piece) for piece in PIECES]


def test_a_file_a_folder_and_archives_hold_the_same(tmp_path: Path) -> None:
    folder = write(tmp_path / "music")
    assert ids(folder / "a.mid") == EXPECTED[:1]
    assert ids(folder) == EXPECTED
    files = dict(zip(NAMES, MIDI, strict=True)) | {"readme.txt": b"", "._a.mid": b"no music"}
    for suffix, mode in {".tar": "w", ".tar.gz": "w:gz", ".tar.xz": "w:xz"}.items():
        assert ids(tar(tmp_path / f"music{suffix}", files, mode)) == EXPECTED
    with zipfile.ZipFile(tmp_path / "music.zip", "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    assert ids(tmp_path / "music.zip") == EXPECTED
    [first, *_] = performances_of(tmp_path / "music.tar.xz")
    assert first.source == f"{tmp_path / 'music.tar.xz'}: a.mid"
    assert [path.name for path in midi_names(folder)] == ["a.mid", "c.MID", "d.midi"]


def test_bad_files_end_the_reading_or_are_handed_over(tmp_path: Path) -> None:
    path = tar(
        tmp_path / "some.tar.xz",
        {"a.mid": MIDI[0], "cut.mid": MIDI[1][:40], "empty.mid": b"", "b.mid": MIDI[2]},
    )
    with pytest.raises(DataError, match=r"some\.tar\.xz: cut\.mid") as caught:
        list(performances_of(path))
    assert "leave bad ones out" in caught.value.hint
    bad: list[BadPiece] = []
    found = [encode(piece) for piece in performances_of(path, on_bad=bad.append)]
    assert found == [EXPECTED[0], EXPECTED[2]]
    assert [piece.where.rpartition(" ")[2] for piece in bad] == ["cut.mid", "empty.mid"]
    assert all(piece.where in piece.reason for piece in bad)


def test_what_is_no_music_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.txt").write_text("no music")
    (tmp_path / "broken.tar.xz").write_bytes(b"no archive")
    (tmp_path / "broken.zip").write_bytes(b"no archive")
    tar(tmp_path / "none.tar.xz", {"a.txt": b""})
    whole = tar(tmp_path / "whole.tar.xz", dict(zip(NAMES, MIDI, strict=True))).read_bytes()
    (tmp_path / "cut.tar.xz").write_bytes(whole[: len(whole) // 2])
    for name, message in {
        "absent.mid": "No music at",
        "empty": "has no MIDI files",
        "none.tar.xz": "has no MIDI files",
        "a.txt": "is no MIDI file and no archive",
        "broken.tar.xz": r"broken\.tar\.xz cannot be read",
        "broken.zip": r"broken\.zip cannot be read",
        "cut.tar.xz": r"cut\.tar\.xz",
    }.items():
        with pytest.raises(DataError, match=message) as caught:
            list(performances_of(tmp_path / name))
        assert caught.value.hint


def test_chorales_by_their_part(tmp_path: Path) -> None:
    path = write_chorales(tmp_path / "jsb.json")
    assert [len(chorales_of(path, split=split)) for split in ("train", "valid", "test")] == [
        12, 4, 4,
    ]  # fmt: skip
    assert chorales_of(path, split="valid")[1].where == f"{path}: valid, chorale 2"
    with pytest.raises(DataError, match="no part 'vaild'") as caught:
        chorales_of(path, split="vaild")
    assert "valid" in caught.value.hint
    path.write_text('{"train": [[]]}')
    with pytest.raises(DataError, match="train, chorale 1 has no steps"):
        chorales_of(path, split="train")
