"""A stop string neither leaks nor is missed, however the text is cut up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutaway.generation.stopping import StopStrings

# Few letters, so that stop strings overlap, contain each other and themselves.
letters = st.text("ab\u597d", max_size=12)
stops = st.lists(st.text("ab\u597d", min_size=1, max_size=4), max_size=3)


def by_definition(text: str, stops: list[str]) -> str:
    """Character by character: the first stop string to be complete; of several, the longest."""
    for end in range(1, len(text) + 1):
        ending = [stop for stop in stops if text[:end].endswith(stop)]
        if ending:
            return text[: end - max(map(len, ending))]
    return text


@given(pieces=st.lists(letters, max_size=8), stops=stops)
def test_any_chunks_give_the_text_of_the_definition(pieces: list[str], stops: list[str]) -> None:
    text, stop = "".join(pieces), StopStrings(stops)
    emitted, expected = "", by_definition(text, stops)
    for piece in pieces:
        emitted += stop.push(piece)
        assert expected.startswith(emitted)  # nothing is shown that is taken back
    assert emitted + stop.flush() == expected
    assert (stop.found is not None) == (expected != text)


@given(pieces=st.lists(letters, max_size=8), stops=stops)
def test_no_more_is_held_back_than_could_become_a_stop(pieces: list[str], stops: list[str]) -> None:
    stop = StopStrings(stops)
    for piece in pieces:
        stop.push(piece)
        assert not stop.held or any(s.startswith(stop.held) for s in stops)
        assert stop.held not in stops


@pytest.mark.parametrize(
    ("pieces", "stops", "text"),
    [
        (["abcabd"], ["abd"], "abc"),
        (["ab", "ca", "bd", "x"], ["abd"], "abc"),
        (["aaa", "aab"], ["aab"], "aaa"),
        (["abcd"], ["abcd", "bc"], "a"),
        (["xab"], ["b", "ab"], "x"),
        (["no stop"], [], "no stop"),
        (["\n"], ["\n\n"], "\n"),
    ],
)
def test_examples(pieces: list[str], stops: list[str], text: str) -> None:
    stop = StopStrings(stops)
    assert "".join([*map(stop.push, pieces), stop.flush()]) == text
