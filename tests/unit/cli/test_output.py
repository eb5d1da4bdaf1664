"""What reaches a terminal, a pipe and a file."""

import io
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutaway.cli.app import run
from cutaway.cli.output import OutputClosed, Stream, visible


class Terminal(io.StringIO):
    """A file that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


@given(st.text())
def test_no_control_character_reaches_a_terminal(text: str) -> None:
    file = Terminal()
    Stream(file).write(text)
    kinds = {unicodedata.category(char) for char in file.getvalue() if char not in "\t\n"}
    assert "Cc" not in kinds


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("over\rwrite", "over\\x0dwrite"),
        ("\x9b31m", "\\x9b31m"),
        ("abc\u202etxt.exe", "abc\\u202etxt.exe"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("\u4f60\u597d \U0001f600", "\u4f60\u597d \U0001f600"),
    ],
)
def test_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_a_pipe_gets_the_text_as_it_is(text: str) -> None:
    file = io.StringIO(newline="")
    Stream(file).write(text, "bold")
    assert file.getvalue() == text


def test_colours_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Stream(Terminal()).write("x", "dim").file.getvalue() == "\x1b[2mx\x1b[0m"  # type: ignore[attr-defined]
    monkeypatch.setenv("NO_COLOR", "1")
    assert not Stream(Terminal()).has_colour
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert not Stream(Terminal()).has_colour
    monkeypatch.delenv("NO_COLOR")
    assert Stream(io.StringIO()).has_colour
    monkeypatch.delenv("FORCE_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not Stream(Terminal()).has_colour


@given(st.dictionaries(st.text(), st.text()))
def test_json_is_one_line_of_valid_json_without_control_characters(value: dict[str, str]) -> None:
    file = io.StringIO(newline="")
    Stream(file).json(value)
    line = file.getvalue()
    assert line.endswith("\n")
    assert visible(line[:-1]) == line[:-1]
    assert json.loads(line) == value


@pytest.mark.parametrize("method", ["write", "flush"])
def test_a_closed_pipe_is_no_error_of_the_system(method: str) -> None:
    class Closed(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

        def flush(self) -> None:
            raise BrokenPipeError

    with pytest.raises(OutputClosed):
        getattr(Stream(Closed()), method)(*["x"] if method == "write" else [])


def test_closed_streams_swallow_what_they_get(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    monkeypatch.setattr("sys.stderr", None)
    assert run(["--version"]) == 0
    assert run(["generate", "--no-such-option"]) == 2
