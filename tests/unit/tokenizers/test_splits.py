"""Entries and merges that mean the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutaway.errors import TokenizerError
from cutaway.tokenizers import Tokenizer
from cutaway.tokenizers.explain import merge_steps
from cutaway.tokenizers.splits import agree, merges_of
from cutaway.tokenizers.vocabulary import gpt2_merges

BYTES = {bytes([byte]): byte for byte in range(256)}


def with_entries(*tokens: bytes) -> dict[bytes, int]:
    return BYTES | {token: 256 + i for i, token in enumerate(tokens)}


def test_gpt2_s_merges_follow_from_its_entries() -> None:
    ranks = Tokenizer.gpt2().ranks
    assert merges_of(ranks) == gpt2_merges()
    agree(ranks, gpt2_merges())


@given(tokens=st.lists(st.text("ab", min_size=2, max_size=4), max_size=6, unique=True))
def test_an_entry_has_a_merge_where_its_own_bytes_arrive_at_two_parts(tokens: list[str]) -> None:
    """By the definition: merge the bytes of each entry with the entries before it."""
    words = [token.encode() for token in tokens]
    expected: list[tuple[bytes, bytes]] = []
    for i, word in enumerate(words):
        _, ids = merge_steps(word, with_entries(*words[:i]))
        names = {id: token for token, id in with_entries(*words).items()}
        expected.append(tuple(names[id] for id in ids))  # type: ignore[arg-type]
    if all(len(parts) == 2 for parts in expected):
        assert merges_of(with_entries(*words)) == tuple(expected)
        agree(with_entries(*words), expected)
    else:
        with pytest.raises(TokenizerError, match="No text becomes the entry"):
            merges_of(with_entries(*words))


@pytest.mark.parametrize(
    "merges",
    [
        [(b"b", b"c"), (b"a", b"bc")],  # the other way to make abc
        [(b"ab", b"c"), (b"a", b"b")],
        [(b"a", b"b")],
        [(b"a", b"b"), (b"ab", b"c"), (b"c", b"d")],
        [(b"a", b"b"), (b"ab", b"")],
    ],
)
def test_merges_of_another_vocabulary_are_named(merges: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(TokenizerError, match=r"Merge \d joins|merges, but"):
        agree(with_entries(b"ab", b"abc"), merges)
