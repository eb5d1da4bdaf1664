"""Pairs as tokens, and what becomes of those that are too long."""

import pytest

from cutaway.data.pair_tokens import Fit, PairTokens, encode_pairs
from cutaway.data.pairs import Pair
from cutaway.errors import DataError
from cutaway.tokenizers import Tokenizer

BYTES = Tokenizer.from_ranks({bytes([byte]): byte for byte in range(256)})
PAIRS = [Pair("abc", "de", "f:1"), Pair("a" * 9, "bc", "f:2"), Pair("é", "f", "f:3")]


def sides(pairs: PairTokens) -> list[tuple[bytes, bytes]]:
    return [(bytes(pairs.source(i).tolist()), bytes(pairs.target(i).tolist()))
            for i in range(len(pairs))]  # fmt: skip


def test_both_sides_come_back() -> None:
    found = encode_pairs(PAIRS, BYTES, Fit(n_ctx=12))
    assert sides(found) == [(b"abc", b"de"), (b"a" * 9, b"bc"), ("é".encode(), b"f")]
    assert found.lengths.tolist() == [5, 11, 3]
    assert found.n_bytes == (14, 5)
    assert (found.n_cut, list(found.dropped)) == (0, [])


def test_too_long_is_refused_cut_or_dropped() -> None:
    with pytest.raises(DataError, match=r"f:2: the pair has 9 and 2 tokens .* 11 pos") as caught:
        encode_pairs(PAIRS, BYTES, Fit(n_ctx=11))
    assert '"cut"' in caught.value.hint
    cut = encode_pairs(PAIRS, BYTES, Fit(n_ctx=11, too_long="cut"))
    assert sides(cut)[1] == (b"a" * 8, b"bc")
    assert cut.n_cut == 1
    dropped = encode_pairs(PAIRS, BYTES, Fit(n_ctx=11, too_long="drop"))
    assert sides(dropped) == [(b"abc", b"de"), ("é".encode(), b"f")]
    assert dropped.dropped == ["f:2"]


def test_a_target_is_never_cut() -> None:
    with pytest.raises(DataError, match="f:2: the pair has 9 and 2") as caught:
        encode_pairs(PAIRS[1:], BYTES, Fit(n_ctx=3, too_long="cut"))
    assert '"cut"' not in caught.value.hint
    assert '"drop"' in caught.value.hint
    with pytest.raises(DataError, match="There are no pairs: all 3 are too long"):
        encode_pairs(PAIRS, BYTES, Fit(n_ctx=2, too_long="drop"))
    with pytest.raises(DataError, match="There are no pairs"):
        encode_pairs([], BYTES, Fit(n_ctx=2))


def test_two_stacks_have_room_for_each_side() -> None:
    two = Fit(n_ctx=10, one_row=False)
    assert len(encode_pairs(PAIRS, BYTES, two)) == 3
    with pytest.raises(DataError, match="each side of the model 9 positions"):
        encode_pairs(PAIRS, BYTES, Fit(n_ctx=9, one_row=False))
    with pytest.raises(DataError, match="f:9: the pair has 1 and 10"):
        encode_pairs([Pair("a", "b" * 10, "f:9")], BYTES, two)
    long = [Pair("a", "b" * 10, "f:9"), Pair("a", "b", "f:10")]
    assert len(encode_pairs(long, BYTES, Fit(n_ctx=10, one_row=False, too_long="drop"))) == 1


def test_a_label_is_the_token_that_stands_for_it() -> None:
    pairs = [Pair("abc", "1", "f:1"), Pair("ab", "0", "f:2")]
    found = encode_pairs(pairs, BYTES, Fit(n_ctx=9), labels={"0": 257, "1": 258})
    assert [found.target(i).tolist() for i in range(2)] == [[258], [257]]
    with pytest.raises(DataError, match="f:2: the label '0' is none of the 2") as caught:
        encode_pairs(pairs, BYTES, Fit(n_ctx=9), labels={"1": 257, "2": 258})
    assert "1, 2" in caught.value.hint
