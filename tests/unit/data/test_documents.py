"""Text files as documents."""

import gzip
import lzma
from pathlib import Path

import pytest

from cutaway.data import read_documents
from cutaway.errors import DataError

TEXT = (
    "One.\r\nstill one.\n<|endoftext|>\n\n<|endoftext|>\n  Two <|endoftext|> here.\n<|endoftext|>\n"
)
DOCUMENTS = ["One.\r\nstill one.", "Two <|endoftext|> here."]


@pytest.mark.parametrize("suffix", [".txt", ".txt.gz", ".txt.xz"])
def test_documents_are_split_at_lines_of_end_of_text(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"corpus{suffix}"
    pack = {".gz": gzip.compress, ".xz": lzma.compress}.get(path.suffix, bytes)
    path.write_bytes(pack(TEXT.encode()))
    assert list(read_documents(path)) == DOCUMENTS


def test_a_long_file_stays_one_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cutaway.data.formats.LONGEST", 10)  # where a preparation cuts
    path = tmp_path / "corpus.txt"
    path.write_text("a line of text\n" * 9)
    assert list(read_documents(path)) == [("a line of text\n" * 9).strip()]


def test_a_file_without_separators_is_one_document(tmp_path: Path) -> None:
    path = tmp_path / "corpus.txt"
    path.write_text("a\nb")
    assert list(read_documents(path)) == ["a\nb"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("latin.txt", "caf\xe9".encode("latin-1"), "not UTF-8"),
        ("cut.xz", lzma.compress(b"text" * 99)[:-20], "cannot be read"),
        ("fake.gz", b"no gzip at all", "cannot be read"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        list(read_documents(tmp_path / name))
    assert name in str(caught.value)
    assert caught.value.hint


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.txt"):
        list(read_documents(tmp_path / "nowhere.txt"))
