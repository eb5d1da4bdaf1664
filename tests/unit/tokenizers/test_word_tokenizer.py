"""A vocabulary of named words: all that a tokenizer offers, and a file of its own."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer as HuggingFaceTokenizer

from cutaway.errors import TokenizerError
from cutaway.tokenizers import Tokenizer, WordTokenizer

NAMES = [*(f"ON_{i}" for i in range(3)), *(f"OFF_{i}" for i in range(3)), "SILENCE"]
TEXT = "ON_2 SILENCE OFF_2"


@pytest.fixture(scope="module")
def words() -> WordTokenizer:
    return WordTokenizer(NAMES)


def test_ids_are_places_in_the_list_and_the_end_stands_behind(words: WordTokenizer) -> None:
    assert words.encode(TEXT) == [2, 6, 5]
    assert (words.eot, words.vocab_size) == (7, 8)
    assert words.is_special(7)
    assert not words.is_special(6)
    assert words.special("<|endoftext|>") == 7


def test_texts_of_parts_joined_are_the_text_of_the_whole(words: WordTokenizer) -> None:
    ids = [2, 6, 7, 5]
    assert words.decode(ids) == " ON_2 SILENCE<|endoftext|> OFF_2"
    assert "".join(words.decode([id]) for id in ids) == words.decode(ids)
    stream = words.stream_decoder()
    assert "".join(stream.push(id) for id in ids) + stream.flush() == words.decode(ids)
    assert b"".join(map(words.token_bytes, ids)) == words.decode_bytes(ids)
    assert words.encode(words.decode(ids), allow_special=True) == ids


def test_any_blanks_and_line_feeds_may_stand_between(words: WordTokenizer) -> None:
    assert words.encode("\n ON_2\tSILENCE \n\n OFF_2\n") == [2, 6, 5]
    assert words.encode_bytes(b" ON_2  SILENCE OFF_2") == [2, 6, 5]
    assert words.encode("") == words.encode(" \n") == []
    assert words.encode_batch([TEXT, "", TEXT]) == [[2, 6, 5], [], [2, 6, 5]]
    ids, offsets = words.encode_flat([TEXT, "", "ON_0"])
    assert np.frombuffer(ids, np.uint32).tolist() == [2, 6, 5, 0]
    assert np.frombuffer(offsets, np.uint64).tolist() == [0, 3, 3, 4]


@pytest.mark.parametrize("text", [TEXT, "  ON_2 \n SILENCE  ", " ON_1<|endoftext|>  ON_0"])
def test_spans_cover_the_text_without_a_gap(words: WordTokenizer, text: str) -> None:
    spans = words.encode_with_offsets(text, allow_special=True)
    assert [span.id for span in spans] == words.encode(text, allow_special=True)
    assert "".join(text[span.start : span.end] for span in spans) == text
    assert [span.start_byte for span in spans] == [0, *(span.end_byte for span in spans[:-1])]
    merges = words.merges(text, allow_special=True)
    assert [(word.text, *word.ids) for word in merges] == [
        (text[span.start : span.end], span.id) for span in spans
    ]
    assert all(len(list(word.states())) == 1 for word in merges)


def test_a_word_is_found_with_and_without_its_blank(words: WordTokenizer) -> None:
    ids = range(words.vocab_size)
    assert [words.id_of(words.token_bytes(id)) for id in ids] == [*ids]
    assert words.id_of(b"SILENCE") == 6
    assert words.id_of(b"SILENCES") is None


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("ON_2 ON_20", 5, "Did you mean 'ON_2'?"),
        ("once upon", 0, "words such as ON_0 and SILENCE"),
        ("ON_2 <|endoftext|>", 5, "give its id, 7"),
        ("ON_2\ud800", 0, "Did you mean"),
    ],
)
def test_another_word_is_refused_with_its_place(
    words: WordTokenizer, text: str, place: int, hint: str
) -> None:
    with pytest.raises(TokenizerError, match=f"character {place} of") as caught:
        words.encode(text)
    assert hint in caught.value.hint
    for read in (words.encode_with_offsets, words.merges):
        with pytest.raises(TokenizerError):
            read(text)


def test_bytes_that_are_no_text_are_refused(words: WordTokenizer) -> None:
    with pytest.raises(TokenizerError, match="byte 0xff at 5"):
        words.encode_bytes(b"ON_2 \xff")


@pytest.mark.parametrize("id", [-1, 8, "ON_2"])
def test_no_such_id(words: WordTokenizer, id: int) -> None:
    with pytest.raises(TokenizerError, match="No token has the id"):
        words.decode([id])


def test_a_file_comes_back_as_words(words: WordTokenizer, tmp_path: Path) -> None:
    longer = words.with_specials(["<to-de>"]).with_specials(["<to-de>", "<x>"])
    for number, tokenizer in enumerate([words, longer]):
        folder = tmp_path / str(number)
        tokenizer.save(folder)
        for again in (Tokenizer.load(folder), WordTokenizer.load(folder / "tokenizer.json")):
            assert isinstance(again, WordTokenizer)
            assert again == tokenizer
            assert again.fingerprint == tokenizer.fingerprint
            assert dict(again.specials) == dict(tokenizer.specials)
    assert longer.vocab_size == 10
    assert longer.encode("ON_0<x>ON_1", allow_special=True) == [0, 9, 1]
    assert pickle.loads(pickle.dumps(longer)) == longer != words
    assert hash(longer) != hash(words)


def test_the_file_says_how_the_ids_are_ordered(words: WordTokenizer, tmp_path: Path) -> None:
    words.save(tmp_path)
    model = json.loads((tmp_path / "tokenizer.json").read_bytes())["model"]
    assert model["blocks"] == ["0-2: ON_0 to ON_2", "3-5: OFF_0 to OFF_2", "6: SILENCE"]


def test_the_file_is_read_by_hugging_face(words: WordTokenizer, tmp_path: Path) -> None:
    words.save(tmp_path)
    theirs = HuggingFaceTokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert theirs.encode(TEXT).ids == words.encode(TEXT)
    assert theirs.decode([2, 6, 5]) == TEXT
    with pytest.raises(Exception, match="UNK"):
        theirs.encode("ON_2 ON_9")


def test_a_vocabulary_of_bytes_is_not_one_of_words(tmp_path: Path) -> None:
    Tokenizer.train(["the dog " * 40], vocab_size=260).save(tmp_path)
    with pytest.raises(TokenizerError, match="pieces of texts"):
        WordTokenizer.load(tmp_path)
    with pytest.raises(TokenizerError, match="not learned"):
        WordTokenizer.train(["ON_1"], vocab_size=3)
    with pytest.raises(TokenizerError, match="not made of bytes"):
        WordTokenizer.from_ranks({b"a": 0})


@pytest.mark.parametrize(
    "names", [[], "ON_1", ["ON_1", "ON_1"], ["ON 1"], [""], ["a\n"], ["x" * 65], ["<|endoftext|>"]]
)
def test_names_that_cannot_be_words(names: list[str]) -> None:
    with pytest.raises(TokenizerError):
        WordTokenizer(names)


def test_a_special_token_is_no_word(words: WordTokenizer) -> None:
    with pytest.raises(TokenizerError, match="ordinary entry"):
        words.with_specials(["ON_1"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(pre_tokenizer={"type": "Whitespace"}), "not cut at blanks"),
        (lambda d: d.update(normalizer={"type": "Lowercase"}), "not cut at blanks"),
        (lambda d: d["model"]["vocab"].update(ON_0=1), "repeat or leave a gap"),
        (lambda d: d["model"]["vocab"].update(ON_0="1"), "must be a whole number"),
        (lambda d: d["model"].update(vocab=["ON_0"]), "not an object of entries"),
        (lambda d: d.update(added_tokens=[]), "not followed by <|endoftext|>"),
        (lambda d: d["added_tokens"][0].update(id=3), "not the last of its words"),
        (lambda d: d["model"]["vocab"].update({"A B": 8, "<|endoftext|>": 7}), "not the last"),
    ],
)
def test_damaged_files(words: WordTokenizer, tmp_path: Path, change, message: str) -> None:
    words.save(tmp_path)
    path = tmp_path / "tokenizer.json"
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(TokenizerError) as caught:
        Tokenizer.load(tmp_path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
