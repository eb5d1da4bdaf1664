"""Two libraries, one set of ids."""

import sys
from itertools import pairwise

import pytest

from cutaway.tokenizers import Tokenizer, cuts, engine
from cutaway.tokenizers.engine import members
from mixed_text import mixed_bytes, mixed_text


def fresh(base: Tokenizer) -> Tokenizer:
    """The same vocabulary with no text behind it."""
    return Tokenizer.from_ranks(base.ranks, eot=base.eot)


@pytest.fixture(scope="module")
def own() -> Tokenizer:
    return Tokenizer.train([mixed_text(40_000, seed=5)], vocab_size=700)


def test_much_text_is_encoded_as_little_text_is(
    own: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = mixed_text(30_000, seed=1)
    texts = [text[i : i + 500] for i in range(0, len(text), 500)]
    data = mixed_bytes(3_000, seed=1)
    little = fresh(own)
    expected = (little.encode(text), little.encode_batch(texts), little.encode_bytes(data))
    monkeypatch.setattr(engine, "_MUCH", 0)
    much = fresh(own)
    assert (much.encode(text), much.encode_batch(texts), much.encode_bytes(data)) == expected
    assert "_bulk" in vars(much._engine)
    assert "_bulk" not in vars(little._engine)


@pytest.mark.parametrize("much", [0, 10**9])
def test_flat_ids_are_those_of_each_text(
    own: Tokenizer, monkeypatch: pytest.MonkeyPatch, much: int
) -> None:
    text = mixed_text(20_000, seed=3)
    texts = ["", text[:4_000], "", text[4_000:], "\ud800", "", "plain"]
    monkeypatch.setattr(engine, "_MUCH", much)
    monkeypatch.setattr(cuts, "PART", 1_000)
    for some in (texts, []):
        ids, offsets = (memoryview(part) for part in fresh(own).encode_flat(some))
        bounds = offsets.cast("Q").tolist()
        rows = [ids.cast("I")[a:b].tolist() for a, b in pairwise(bounds)]
        assert rows == own.encode_batch(some)


def test_without_the_bulk_library_ids_are_the_same(
    own: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = mixed_text(10_000, seed=2)
    monkeypatch.setattr(engine, "_MUCH", 0)
    monkeypatch.setitem(sys.modules, "fastokens", None)
    alone = fresh(own)
    assert alone.encode(text) == own.encode(text)
    assert alone._engine._bulk is None


def test_entries_that_no_merge_makes_stay_with_the_first_library(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "_MUCH", 0)
    odd = Tokenizer.from_ranks({bytes([b]): b for b in range(256)} | {b"the": 256})
    assert odd.encode("the cat") == [256, *b" cat"]
    assert odd.encode_batch(["the"]) == [[256]]


@pytest.mark.parametrize("eot", [0, 300])
def test_end_of_text_may_have_any_id(
    own: Tokenizer, eot: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = Tokenizer.from_ranks(
        {token: id + (id >= eot) for token, id in own.ranks.items()}, eot=eot
    )
    text = mixed_text(5_000, seed=3) + "<|endoftext|>"
    expected = [id + (id >= eot) for id in own.encode(text)]
    assert moved.encode(text) == expected
    monkeypatch.setattr(engine, "_MUCH", 0)
    assert moved.encode(text) == expected
    assert moved.encode("<|endoftext|>", allow_special=True) == [eot]


@pytest.mark.parametrize("much", [0, 10**12], ids=["bulk", "short"])
@pytest.mark.parametrize("space", [" ", "\n", "\u3000"])
def test_a_million_blanks_before_a_word_do_no_harm(
    own: Tokenizer, monkeypatch: pytest.MonkeyPatch, space: str, much: int
) -> None:
    monkeypatch.setattr(engine, "_MUCH", much)
    text = "a" + space * 1_100_000 + "b c"
    tokenizer = fresh(own)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    data = text.encode() + b"\xff d"
    assert tokenizer.decode_bytes(tokenizer.encode_bytes(data)) == data


def test_both_libraries_know_the_same_unicode(monkeypatch: pytest.MonkeyPatch) -> None:
    every = "".join(chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000)
    bare = Tokenizer.from_ranks({bytes([b]): b for b in range(256)} | {b" \xf0": 256})
    # Between letters and beside a blank: a character of another class cuts the word there.
    for beside in ("a", " ", "1", "!"):
        text = beside.join(every[::7])
        assert bare._engine._bulk.encode(text).ids == bare._engine._core.encode_ordinary(text)


def test_characters_are_asked_for_by_class() -> None:
    assert members("aé1½ \n!", r"\p{L}") == {"a", "é"}
    assert members("aé1½ \n!", r"\p{N}") == {"1", "½"}
    assert members("aé1½ \n!", r"\s") == {" ", "\n"}
