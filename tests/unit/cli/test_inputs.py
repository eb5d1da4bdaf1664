"""Arguments, stdin and files."""

import io
import sys
from pathlib import Path

import pytest

from cutaway.cli import inputs
from cutaway.cli.inputs import read_bytes, read_prompt, read_text
from cutaway.errors import CheckpointNotFound, DataError


def pipe(monkeypatch: pytest.MonkeyPatch, data: bytes, *, is_terminal: bool = False) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(data))
    stdin.isatty = lambda: is_terminal  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdin", stdin)


def test_an_argument_is_the_text_itself() -> None:
    assert read_prompt("Once\n") == "Once\n"
    assert read_prompt("") == ""
    assert read_prompt("@") == "@"
    assert read_prompt("@@home") == "@home"
    assert read_prompt("me@home") == "me@home"


def test_a_prompt_from_a_pipe_or_a_file_loses_one_line_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pipe(monkeypatch, b"Once upon\n\n")
    assert read_prompt(None) == "Once upon\n"
    pipe(monkeypatch, b"Once upon\r\n")
    assert read_prompt("-") == "Once upon"
    (tmp_path / "prompt.txt").write_bytes(b"Once upon\n")
    assert read_prompt(f"@{tmp_path}/prompt.txt") == "Once upon"
    assert read_text(f"@{tmp_path}/prompt.txt") == "Once upon\n"


def test_without_a_prompt_a_terminal_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, b"", is_terminal=True)
    assert read_prompt(None) == ""


def test_a_closed_stdin_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert read_prompt(None) == read_prompt("-") == ""


def test_bytes_come_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, b"\xff\x00\n")
    assert read_bytes("-") == b"\xff\x00\n"
    assert read_bytes("\udcff") == b"\xff"  # what Python makes of such an argument
    assert read_bytes("\ud800") == b"\xed\xa0\x80"  # and of one that no shell can pass


def test_a_missing_file_is_named_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFound, match=r"nowhere.txt: No such file") as error:
        read_prompt(f"@{tmp_path}/nowhere.txt")
    assert "write @@" in error.value.hint


def test_what_is_not_utf_8_is_refused_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, b"caf\xe9")
    with pytest.raises(DataError, match="stdin is not UTF-8: byte 0xe9 at 3"):
        read_prompt("-")


def test_a_prompt_of_gigabytes_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "_PROMPT_LIMIT", 10)
    pipe(monkeypatch, b"x" * 11)
    with pytest.raises(DataError, match="longer than 10 bytes"):
        read_prompt("-")
    pipe(monkeypatch, b"x" * 10)
    assert read_prompt("-") == "x" * 10
