"""The first minutes: words are not broken, suggestions can be typed."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutaway.cli.demo import _suggest, _Wrap
from cutaway.cli.output import Stream
from cutaway.cli.render import width_of

WORDS = st.text(st.characters(categories=["L", "P"]), min_size=1, max_size=12)


def wrapped(pieces: list[str], width: int) -> str:
    file = io.StringIO()
    wrap = _Wrap(Stream(file), width)
    for piece in pieces:
        wrap.write(piece, "bold")
    wrap.end()
    return file.getvalue()


@given(st.lists(WORDS, max_size=30), st.integers(24, 60), st.integers(1, 7))
def test_no_line_is_too_long_and_no_word_lost(words: list[str], width: int, size: int) -> None:
    text = " ".join(words)
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    lines = wrapped(pieces, width).split("\n")
    assert all(width_of(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert wrapped(pieces, width) == wrapped([text], width)


def test_line_ends_of_the_text_are_kept() -> None:
    assert wrapped(["one two\n\nthr", "ee"], 20) == "one two\n\nthree\n"


@pytest.mark.parametrize("columns", ["20", "40", "120"])
def test_suggestions_fit(monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    file = io.StringIO()
    _suggest(Stream(file))
    assert "cutaway --help" in file.getvalue()
    if columns == "120":
        assert "choose every word yourself" in file.getvalue()
