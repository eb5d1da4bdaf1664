"""The merges of a word, step by step."""

import time
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cutaway.tokenizers import Tokenizer
from cutaway.tokenizers.explain import merge_steps


def naive(word: bytes, ranks: dict[bytes, int]) -> list[bytes]:
    """BPE as it is told: look at all pairs, join the best, look again."""
    parts = [word[i : i + 1] for i in range(len(word))]
    while True:
        pairs = [(ranks.get(a + b, 10**9), i) for i, (a, b) in enumerate(pairwise(parts))]
        rank, i = min(pairs, default=(10**9, 0))
        if rank == 10**9:
            return parts
        parts[i : i + 2] = [parts[i] + parts[i + 1]]


@given(
    word=st.text("ab", max_size=20),
    tokens=st.lists(st.text("ab", min_size=2, max_size=4), max_size=6, unique=True),
)
def test_steps_arrive_where_the_naive_way_does(word: str, tokens: list[str]) -> None:
    ranks = {bytes([b]): b for b in range(256)}
    ranks |= {token.encode(): 256 + i for i, token in enumerate(tokens)}
    names = {id: token for token, id in ranks.items()}
    _, ids = merge_steps(word.encode(), ranks)
    assert [names[id] for id in ids] == naive(word.encode(), ranks)


def test_a_word_grows_from_its_bytes() -> None:
    [word] = Tokenizer.gpt2().merges(" obeyed")
    states = list(word.states())
    assert states[0] == (b" ", b"o", b"b", b"e", b"y", b"e", b"d")
    assert len(states) == 1 + len(word.steps)
    for before, step, after in zip(states, word.steps, states[1:], strict=False):
        assert len(after) == len(before) - 1
        assert step.left + step.right in after
        assert Tokenizer.gpt2().token_bytes(step.id) == step.left + step.right


def test_words_know_their_place_and_lone_surrogates_do_no_harm() -> None:
    words = Tokenizer.gpt2().merges("It's \ud800 naïve")
    assert [(word.text, word.start, word.end) for word in words] == [
        ("It", 0, 2),
        ("'s", 2, 4),
        (" \ufffd", 4, 6),
        (" naïve", 6, 12),
    ]


def test_a_long_word_is_explained_in_little_time() -> None:
    """Quadratic work on 50,000 bytes would take minutes."""
    started = time.process_time()
    [word] = Tokenizer.gpt2().merges("x" * 50_000)
    assert time.process_time() - started < 20
    assert list(word.ids) == Tokenizer.gpt2().encode("x" * 50_000)
