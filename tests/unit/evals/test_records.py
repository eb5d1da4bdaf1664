"""Test sets from files: packed or not, whole or broken."""

import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from cutaway.errors import DataError
from cutaway.evals.records import read_records


@pytest.mark.parametrize(
    ("end", "pack"), [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress)]
)
def test_fields_of_every_line(tmp_path: Path, end: str, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / f"x.jsonl{end}"
    lines = [{"b": "1", "a": "x\ny\u2028", "c": 3}, {"a": "", "b": "2"}]
    path.write_bytes(pack("\n".join(map(json.dumps, lines)).encode()))
    assert list(read_records(path, fields=("a", "b"))) == [("x\ny\u2028", "1"), ("", "2")]


@pytest.mark.parametrize(
    "line",
    [
        '{"a": "x"',
        "[" * 100_000,  # deeper than a parser goes
        '{"a": "x"}',
        '{"a": "x", "b": 3}',
        '["a", "b"]',
        '"ab"',
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"a": "x", "b": "y"}\n' + line + "\n")
    with pytest.raises(DataError, match=r"x\.jsonl, line 2"):
        list(read_records(path, fields=("a", "b")))


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("x.txt", None, "No test set at"),
        ("x.txt", b"\xff\xfe", "cannot be read"),
        ("x.gz", b"no archive", "cannot be read"),
        ("x.xz", b"no archive", "cannot be read"),
        ("x.xz", lzma.compress(b'{"a": ""}\n' * 10_000)[:-20], "cannot be read"),
    ],
)
def test_a_broken_file_is_named(
    tmp_path: Path, name: str, data: bytes | None, message: str
) -> None:
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(DataError, match=message):
        list(read_records(path, fields=("a",)))


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a directory"):
        list(read_records(tmp_path, fields=("a",)))
