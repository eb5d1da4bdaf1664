"""Files of many texts: every line is accounted for."""

import lzma
from collections.abc import Sequence
from pathlib import Path

import pytest

from cutaway.cli import batches
from cutaway.cli.batches import Line, read_lines, report_bad, work_through
from cutaway.errors import CutawayError, DataError


def test_lines_of_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfone \r\n\n\xff\nfour")
    found = list(read_lines(path))
    assert [(line.where, line.text) for line in found] == [
        (f"{path}:1", "one"),
        (f"{path}:2", None),
        (f"{path}:3", None),
        (f"{path}:4", "four"),
    ]
    assert found[1].reason == "the line is empty"
    assert "not UTF-8" in found[2].reason


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.xz"
    lines = ['{"a": "x"}', '{"a": ["x", "y"]}', '{"b": "x"}', "[1]", "{", '{"a": 3}', '{"a": " "}']
    path.write_bytes(lzma.compress("\n".join(lines).encode()))
    found = list(read_lines(path, field="a"))
    assert [line.text for line in found] == ["x", "x y", *[None] * 5]
    reasons = ["no field 'a'", "no JSON object", "no JSON (", "neither a text", "'a' is empty"]
    for line, reason in zip(found[2:], reasons, strict=True):
        assert reason in line.reason


def test_a_missing_or_damaged_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"No file at .*nowhere"):
        list(read_lines(tmp_path / "nowhere.txt"))
    (tmp_path / "a.txt.xz").write_bytes(b"no xz")
    with pytest.raises(DataError, match=r"a\.txt\.xz"):
        list(read_lines(tmp_path / "a.txt.xz"))


def test_one_bad_line_does_not_end_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some lines at a time, and the order stays."""
    monkeypatch.setattr(batches, "AT_ONCE", 2)
    at_once: list[int] = []

    def work(texts: Sequence[str]) -> list[int | CutawayError]:
        at_once.append(len(texts))
        return [DataError("It is odd.") if len(text) % 2 else len(text) for text in texts]

    lines = [Line("f:1", "ab"), Line("f:2", None, "empty"), Line("f:3", "abc"), Line("f:4", "abcd")]
    found = [(line.where, result) for line, result in work_through([*lines, lines[0]], work)]
    assert found == [("f:1", 2), ("f:2", "empty"), ("f:3", "It is odd."), ("f:4", 4), ("f:1", 2)]
    assert at_once == [1, 2, 1]


def test_a_command_ends_with_how_many_gave_nothing() -> None:
    report_bad(0, 3)
    with pytest.raises(DataError, match="2 of 3 lines gave nothing"):
        report_bad(2, 3)
    with pytest.raises(DataError, match="has no lines"):
        report_bad(0, 0)
