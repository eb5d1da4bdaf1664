"""What a vocabulary must be."""

import pickle
from pathlib import Path

import pytest

from cutaway.errors import TokenizerError
from cutaway.files import sha256_of
from cutaway.tokenizers import Tokenizer, vocabulary
from cutaway.tokenizers.alphabet import BYTE_ORDER, from_letters, to_letters

BYTES = {bytes([byte]): byte for byte in range(256)}
PUBLISHED = "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5"


def test_the_packaged_merges_are_the_published_ones() -> None:
    path = Path(vocabulary.__file__).parents[1] / "assets/gpt2/vocab.bpe"
    assert sha256_of(path) == PUBLISHED == vocabulary.GPT2_SHA256


def test_other_merges_in_their_place_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vocab.bpe").write_text("#version: 0.2\na b\n")
    monkeypatch.setattr(vocabulary, "_gpt2_file", lambda: tmp_path / "vocab.bpe")
    with pytest.raises(TokenizerError, match="SHA-256"):
        vocabulary.gpt2_ranks()


@pytest.mark.parametrize(
    ("ranks", "eot", "message"),
    [
        ({}, None, "no entry for 256 of the 256 bytes"),
        ({**BYTES, b"": 256}, None, "empty entry"),
        ({**BYTES, b"ab": 255}, None, "share 257 ids"),
        ({**BYTES, b"ab": 258}, None, "has the id 258"),
        ({**BYTES, b"ab": -1}, None, "has the id -1"),
        ({**BYTES, b"ab": True}, None, "has the id True|share"),
        ({**BYTES, b"ab": 256.0}, None, r"has the id 256\.0"),
        (BYTES, 255, "share 256 ids"),
        (BYTES, 257, "has the id 257"),
    ],
)
def test_impossible_vocabularies(ranks: dict[bytes, int], eot: int | None, message: str) -> None:
    with pytest.raises(TokenizerError, match=message) as caught:
        Tokenizer.from_ranks(ranks, eot=eot)
    assert caught.value.hint


def test_letters_stand_for_bytes_and_back() -> None:
    every = [bytes([byte]) for byte in range(256)]
    letters = to_letters(every)
    assert from_letters(letters) == every
    assert all(letter.isprintable() and not letter.isspace() for letter in letters)
    assert sorted(BYTE_ORDER) == list(range(256))


@pytest.mark.parametrize("word", ["a b", "\n", "\xad", "\u0400", "一", "\ud800", "a\u0400b"])
def test_other_letters_are_named(word: str) -> None:
    with pytest.raises(TokenizerError, match="not written in GPT-2's letters"):
        from_letters(["a", word])


def test_a_tokenizer_can_be_sent_to_another_process() -> None:
    own = Tokenizer.from_ranks(BYTES | {b"ab": 257}, eot=256)
    assert pickle.loads(pickle.dumps(own)) == own
    assert hash(own) == hash(Tokenizer.from_ranks(own.ranks, eot=256))
    assert own != Tokenizer.from_ranks(BYTES | {b"ab": 256})
    assert own != "a tokenizer"


def test_entries_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        Tokenizer.gpt2().ranks[b"new"] = 1  # type: ignore[index]
