"""Test sets out of plain, packed and damaged files, and out of archives."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cutaway.errors import DataError
from cutaway.evals.published import read_lines, read_whole

TEXT = b"one\r\n\xc3\xa9 two\n\nlast"
LINES = [(1, "one"), (2, "\u00e9 two"), (3, ""), (4, "last")]


@pytest.mark.parametrize(
    ("end", "pack"),
    [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress), (".bz2", bz2.compress)],
)
def test_lines_of_packed_files(tmp_path: Path, end: str, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / f"x.txt{end}"
    path.write_bytes(pack(TEXT))
    assert list(read_lines(path)) == LINES
    assert read_whole(path) == TEXT


def zipped(files: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("folder")
        for name, text in files.items():
            archive.writestr(name, text)
    return data.getvalue()


def tarred(files: dict[str, bytes], mode: str = "w:gz") -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=mode) as archive:  # type: ignore[call-overload]
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
    return data.getvalue()


FILES = {"folder/valid.txt": b"other", "folder/Test.txt": TEXT}


@pytest.mark.parametrize(
    ("name", "data"),
    [("x.zip", zipped(FILES)), ("x.tgz", tarred(FILES)), ("x.tar.xz", tarred(FILES, "w:xz"))],
)
def test_one_file_of_an_archive(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    assert list(read_lines(path, member="*test.txt")) == LINES
    with pytest.raises(DataError, match=rf"{name} has no file \*train") as caught:
        read_whole(path, member="*train*")
    assert "folder/valid.txt" in caught.value.hint
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match=f"{name} cannot be read"):
        read_whole(path, member="*test.txt")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("x.txt", None, "No test set at"),
        ("x.zip", None, "No test set at"),
        ("x.tgz", None, "No test set at"),
        ("x.zip", b"no archive", "cannot be read"),
        ("x.tgz", b"no archive", "cannot be read"),
        ("x.bz2", b"no archive", "cannot be read"),
        ("x.gz", gzip.compress(TEXT, mtime=0)[:-9], "cannot be read"),
        ("x.txt", b"", "is empty"),
        ("x.gz", gzip.compress(b"", mtime=0), "is empty"),
    ],
)
def test_a_broken_file_is_named(
    tmp_path: Path, name: str, data: bytes | None, message: str
) -> None:
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    for read in (read_whole, lambda path: list(read_lines(path))):
        with pytest.raises(DataError, match=message) as caught:
            read(path)
        assert str(path) in caught.value.what


def test_a_line_that_is_no_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(b"good\n\xff\n")
    with pytest.raises(DataError, match=r"x\.txt, line 2, cannot be read"):
        list(read_lines(path))
