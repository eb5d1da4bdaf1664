"""Special tokens beside end-of-text: never made of a text by chance, kept by every file."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from tokenizers import AddedToken
from tokenizers import Tokenizer as HuggingFaceTokenizer

from cutaway.errors import TokenizerError
from cutaway.tokenizers import Tokenizer, engine
from mixed_text import mixed_text

ENGLISH = ["the dog runs home and the cat runs too " * 9]
GERMAN = ["der Hund läuft heim und die Katze läuft auch " * 9]
NAMES = ("<to-de>", "<to-de>now", "<sep>")


@pytest.fixture(scope="module")
def own() -> Tokenizer:
    return Tokenizer.train([*ENGLISH, *GERMAN], vocab_size=300, specials=NAMES)


def test_one_vocabulary_of_two_languages_counts_its_special_tokens(own: Tokenizer) -> None:
    assert own.vocab_size == 300
    assert dict(own.specials) == {"<to-de>": 297, "<to-de>now": 298, "<sep>": 299}
    assert own.eot == 296
    plain = Tokenizer.train([*ENGLISH, *GERMAN], vocab_size=297)
    assert own.ranks == plain.ranks
    tokens = set(own.ranks)
    assert {b" the", b" die"} <= tokens


def test_every_token_is_found_by_its_bytes(own: Tokenizer) -> None:
    ids = range(own.vocab_size)
    assert [own.id_of(own.token_bytes(id)) for id in ids] == [*ids]
    assert own.id_of(b"") is None
    assert own.id_of(b"<to-fr>") is None


def test_a_text_never_becomes_a_special_token_unless_it_may(own: Tokenizer) -> None:
    text = "the <to-de>der <to-de>now<|endoftext|>"
    assert max(own.encode(text)) < own.eot
    assert own.encode_batch([text]) == [own.encode(text)]
    ids = own.encode(text, allow_special=True)
    assert ids == [*own.encode("the "), 297, *own.encode("der "), 298, 296]
    assert own.decode(ids) == own.decode(own.encode(text)) == text


def test_places_and_merges_show_them(own: Tokenizer) -> None:
    text = "läuft <sep> der"
    spans = own.encode_with_offsets(text, allow_special=True)
    [sep] = [span for span in spans if span.id == 299]
    assert text[sep.start : sep.end] == "<sep>"
    words = own.merges(text, allow_special=True)
    assert [word.text for word in words] == ["läuft", " ", "<sep>", " der"]
    assert [id for word in words for id in word.ids] == own.encode(text, allow_special=True)
    assert list(words[2].states()) == [(b"<sep>",)]
    assert all(299 not in word.ids for word in own.merges(text))


def test_a_stream_shows_their_names(own: Tokenizer) -> None:
    stream = own.stream_decoder()
    assert "".join(map(stream.push, [*own.encode("der"), 299])) + stream.flush() == "der<sep>"
    assert own.token_bytes(299) == b"<sep>"
    assert [id for id in range(300) if own.is_special(id)] == [296, 297, 298, 299]
    assert own.special("<sep>") == 299
    with pytest.raises(TokenizerError, match="'<sap>'") as caught:
        own.special("<sap>")
    assert "<sep>" in caught.value.hint


def test_the_same_bytes_come_back_from_a_file_and_from_a_pickle(
    own: Tokenizer, tmp_path: Path
) -> None:
    own.save(tmp_path)
    again = Tokenizer.load(tmp_path)
    assert again == own == pickle.loads(pickle.dumps(own))
    assert again.fingerprint == own.fingerprint
    assert again.specials == own.specials


def test_hugging_face_reads_them_and_what_it_writes_is_read(own: Tokenizer, tmp_path: Path) -> None:
    own.save(tmp_path)
    theirs = HuggingFaceTokenizer.from_file(str(tmp_path / "tokenizer.json"))
    text = "der Hund <to-de>läuft<to-de>now<sep>"
    assert theirs.encode(text).ids == own.encode(text, allow_special=True)
    assert theirs.get_vocab_size() == own.vocab_size
    theirs.add_special_tokens([AddedToken("<more>", special=True, normalized=False)])
    theirs.save(str(tmp_path / "tokenizer.json"))
    assert Tokenizer.load(tmp_path) == own.with_specials(["<more>"])


def test_a_vocabulary_of_old_grows_and_stays_what_it_was() -> None:
    gpt2 = Tokenizer.gpt2()
    grown = gpt2.with_specials(["<sum>", "<sep>"])
    assert (grown.vocab_size, dict(grown.specials)) == (50_259, {"<sum>": 50_257, "<sep>": 50_258})
    assert grown.with_specials(["<sep>"]) is grown
    assert grown.with_specials(["<new>"]).specials["<new>"] == 50_259
    assert grown != gpt2
    assert grown.fingerprint != gpt2.fingerprint
    assert Tokenizer.from_ranks(gpt2.ranks, specials={}).fingerprint == gpt2.fingerprint
    text = "it is <sum> a text"
    assert grown.encode(text) == gpt2.encode(text)


def test_the_fingerprint_of_a_vocabulary_without_any_is_that_of_old() -> None:
    plain = Tokenizer.from_ranks({bytes([byte]): byte for byte in range(256)})
    assert plain.fingerprint.startswith("34efd025da12")


def test_much_text_is_encoded_as_little(own: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    text = mixed_text(3_000, seed=2) + "<sep>"
    expected = own.encode(text)
    monkeypatch.setattr(engine, "_MUCH", 0)
    much = pickle.loads(pickle.dumps(own))
    assert much.encode(text) == expected
    assert much._engine._bulk is not None


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["<a>", "<a>"], "named twice"),
        (["<|endoftext|>"], "in every vocabulary"),
        (["<a b>"], "cannot be the name"),
        (["<a\n>"], "cannot be the name"),
        ([""], "cannot be the name"),
        (["x"], "cannot be the name"),
        (["<" + "x" * 99], "cannot be the name"),
        (["\ud800<>"], "cannot be the name"),
        ([3], "of the type int"),
        (["atze"], "ordinary entry"),
        (["\u0120die"], "ordinary entry"),
    ],
)
def test_names_that_cannot_be(own: Tokenizer, names: list[str], message: str) -> None:
    with pytest.raises(TokenizerError, match=message) as caught:
        own.with_specials(names)
    assert caught.value.hint
    with pytest.raises(TokenizerError):
        Tokenizer.train(GERMAN + ENGLISH, vocab_size=300, specials=[*names, "und", "Ġdie"])


def test_a_size_without_room_for_them_is_refused() -> None:
    with pytest.raises(TokenizerError, match="vocab_size is 258") as caught:
        Tokenizer.train(ENGLISH, vocab_size=258, specials=["<a>", "<b>"])
    assert "from 259" in caught.value.hint


def damaged(change: Callable[[dict], object]) -> Callable[[Path], None]:  # type: ignore[type-arg]
    def edit(path: Path) -> None:
        content = json.loads(path.read_bytes())
        change(content)
        path.write_text(json.dumps(content))

    return edit


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["added_tokens"][1].update(special=False), "not special"),
        (lambda c: c["added_tokens"][1].update(id=3), "two ids"),
        (lambda c: c["added_tokens"][1].update(id=[3]), r"id of '<to-de>' is \[3\]"),
        (lambda c: c["added_tokens"].append(c["added_tokens"][1]), "added twice"),
        (lambda c: c["model"]["vocab"].update({"<sep>": 298}), "two ids"),
        (lambda c: c["model"]["vocab"].update({"a": [298]}), "the id"),
        (lambda c: c["added_tokens"].pop(1), "letters for bytes|cannot be|merges, but|No text"),
        (lambda c: c["added_tokens"][1].update(content="<to de>", id=7), "cannot be|two ids"),
    ],
)
def test_damaged_files_are_named(
    own: Tokenizer,
    tmp_path: Path,
    change: Callable[[dict], object],
    message: str,  # type: ignore[type-arg]
) -> None:
    own.save(tmp_path)
    damaged(change)(tmp_path / "tokenizer.json")
    with pytest.raises(TokenizerError, match=message) as caught:
        Tokenizer.load(tmp_path)
    assert caught.value.hint
