"""Cutting a long text must not be seen in its tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutaway.tokenizers import Tokenizer, cuts

# All of Unicode's white space, what Python alone takes for it, and the sorts of words.
LETTERS = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000"
    "\x1c\x1f\u180e\u200b'sta19!一😀"
)


@pytest.fixture
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuts, "PART", 3)


@pytest.mark.usefixtures("short_parts")
@given(text=st.text(st.sampled_from(LETTERS), max_size=40))
def test_the_tokens_of_the_parts_are_those_of_the_whole(text: str) -> None:
    encode = Tokenizer.gpt2()._engine._core.encode_ordinary
    parts = list(cuts.parts(text))
    assert "".join(parts) == text
    assert [id for part in parts for id in encode(part)] == encode(text)


@given(text=st.text(st.sampled_from(LETTERS), max_size=40))
def test_the_last_cut_is_a_place_to_cut(text: str) -> None:
    encode = Tokenizer.gpt2()._engine._core.encode_ordinary
    cut = cuts.last_cut(text)
    assert encode(text[:cut]) + encode(text[cut:]) == encode(text)


def test_a_short_text_is_one_part() -> None:
    assert list(cuts.parts("")) == [""]
    assert list(cuts.parts("a b")) == ["a b"]


def test_parts_are_short_where_they_can_be() -> None:
    sizes = [len(part) for part in cuts.parts("word " * 300_000)]
    assert max(sizes) < cuts.PART + 10
    assert list(map(len, cuts.parts("一" * 600_000))) == [600_000]


def test_the_last_cut_is_found_far_from_the_end() -> None:
    assert cuts.last_cut("a b" + "c" * 100_000) == 1
    assert cuts.last_cut("c" * 100_000) == 0
    assert cuts.last_cut(" " * 5_000 + "c") == 4_999
