"""Vocabulary files: every layout gives the same tokenizer, damaged ones a clear error."""

import json
import os
import random
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest
from tokenizers import Tokenizer as HuggingFaceTokenizer

from cutaway.errors import TokenizerError
from cutaway.tokenizers import Tokenizer
from cutaway.tokenizers.alphabet import to_letters
from cutaway.tokenizers.layouts import holds_gpt2, read_vocabulary
from mixed_text import mixed_text


@pytest.fixture(scope="module")
def own() -> Tokenizer:
    return Tokenizer.train([mixed_text(40_000, seed=5)], vocab_size=500)


def test_tokenizer_json_comes_back(own: Tokenizer, tmp_path: Path) -> None:
    own.save(tmp_path)
    again = Tokenizer.load(tmp_path)
    assert again == own
    assert again.fingerprint == own.fingerprint
    assert Tokenizer.load(tmp_path / "tokenizer.json") == own


@pytest.mark.parametrize("which", ["own", "gpt2"])
def test_tokenizer_json_is_read_by_hugging_face(own: Tokenizer, tmp_path: Path, which: str) -> None:
    ours = own if which == "own" else Tokenizer.gpt2()
    ours.save(tmp_path)
    theirs = HuggingFaceTokenizer.from_file(str(tmp_path / "tokenizer.json"))
    text = mixed_text(20_000, seed=6)
    assert theirs.encode(text).ids == ours.encode(text)
    assert theirs.token_to_id("<|endoftext|>") == ours.eot


def test_openai_s_own_files(tmp_path: Path) -> None:
    gpt2 = Tokenizer.gpt2()
    merges = resources.files("cutaway").joinpath("assets/gpt2/vocab.bpe").read_bytes()
    encoder = dict(zip(to_letters(gpt2.ranks), gpt2.ranks.values(), strict=True))
    content = json.dumps({**encoder, "<|endoftext|>": 50256}).encode()
    for first, second in (("encoder.json", "vocab.bpe"), ("vocab.json", "merges.txt")):
        folder = tmp_path / first
        folder.mkdir()
        (folder / second).write_bytes(merges)
        (folder / first).write_bytes(content)
        assert Tokenizer.load(folder / second) == gpt2
    (folder / first).unlink()
    with pytest.raises(TokenizerError, match=r"vocab\.json"):
        Tokenizer.load(folder / second)


def test_openai_s_merges_alone_are_enough(tmp_path: Path) -> None:
    (tmp_path / "vocab.bpe").write_text("#version: 0.2\nt h\nth e\n\u0120 the\n")
    own = Tokenizer.load(tmp_path)
    assert own.decode([own.encode("the the")[1]]) == " the"
    assert own.vocab_size == 256 + 3 + 1


def test_the_published_encoder_json(shared_data: Path) -> None:
    gpt2 = Tokenizer.gpt2()
    assert Tokenizer.load(shared_data / "gpt2_bpe") == gpt2
    read = read_vocabulary(shared_data / "gpt2_bpe")
    assert (read.ranks, read.eot) == (gpt2.ranks, gpt2.eot)


def test_the_files_of_gpt2_s_own_vocabulary_are_not_read_again(
    tmp_path: Path, shared_data: Path
) -> None:
    gpt2, published = Tokenizer.gpt2(), shared_data / "gpt2_bpe"
    gpt2.save(tmp_path)
    assert Tokenizer.load(tmp_path) is gpt2
    assert Tokenizer.load(tmp_path / "tokenizer.json") is gpt2
    read = read_vocabulary(tmp_path)
    assert (read.ranks, read.eot) == (gpt2.ranks, gpt2.eot)
    assert Tokenizer.load(published) is gpt2
    assert Tokenizer.load(published / "vocab.bpe") is gpt2
    (tmp_path / "merges.txt").write_bytes((published / "vocab.bpe").read_bytes())
    assert not holds_gpt2(tmp_path / "merges.txt")  # without its vocab.json
    other = (tmp_path / "tokenizer.json").read_text().replace('"the"', '"eht"')
    (tmp_path / "tokenizer.json").write_text(other)
    assert not holds_gpt2(tmp_path)


def edited(change: Callable[[dict], object]) -> Callable[[bytes], bytes]:  # type: ignore[type-arg]
    def edit(raw: bytes) -> bytes:
        content = json.loads(raw)
        change(content)
        return json.dumps(content).encode()

    return edit


def twice(raw: bytes) -> bytes:
    return raw.replace(b'"vocab": {', b'"vocab": {"a": 1, "a": 2, ', 1)


def special(**fields: object) -> dict[str, object]:
    return {"content": "<|pad|>", "id": 500, **fields}


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda raw: b"",
    "cut": lambda raw: raw[: len(raw) // 2],
    "no JSON": lambda raw: b"\x80\x04" + raw,
    "a list": lambda raw: b"[]",
    "deep": lambda raw: b"[" * 100_000,
    "no model": edited(lambda c: c.pop("model")),
    "word level": edited(lambda c: c["model"].update(type="WordLevel")),
    "no vocabulary": edited(lambda c: c["model"].pop("vocab")),
    "merges missing": edited(lambda c: c["model"]["merges"].pop()),
    "an id twice": edited(lambda c: c["model"]["vocab"].update({"a": 5})),
    "an id of text": edited(lambda c: c["model"]["vocab"].update({"a": "5"})),
    "a gap": edited(lambda c: c["model"]["vocab"].update({"a": 10**9})),
    "a byte missing": edited(lambda c: c["model"]["vocab"].pop("a")),
    "a key twice": twice,
    "a long number": lambda raw: raw.replace(b'"a": ', b'"a": ' + b"9" * 100_000, 1),
    "deep inside": lambda raw: raw.replace(b'"merges": [', b'"merges": [' + b"[" * 500_000, 1),
    "objects inside": lambda raw: raw.replace(
        b'"merges": [', b'"merges": ' + b'{"a":' * 200_000, 1
    ),
    "not UTF-8": lambda raw: raw.replace(b'"BPE"', b'"BP\xff"', 1),
    "a lone surrogate": lambda raw: raw.replace(b'"a": ', b'"\\ud800": ', 1),
    "merges are a word": edited(lambda c: c["model"].update(merges="a b")),
    "a merge of three": edited(lambda c: c["model"]["merges"].__setitem__(0, ["a", "b", "c"])),
    "a merge of numbers": edited(lambda c: c["model"]["merges"].__setitem__(0, [1, 2])),
    "merges swapped": edited(lambda c: c["model"]["merges"].reverse()),
    "a merge too many": edited(lambda c: c["model"]["merges"].append("a b")),
    "the model is a list": edited(lambda c: c.update(model=[])),
    "a normalizer": edited(lambda c: c.update(normalizer={"type": "NFC"})),
    "other words": edited(lambda c: c.update(pre_tokenizer={"type": "Whitespace"})),
    "words are a list": edited(lambda c: c.update(pre_tokenizer=[])),
    "a blank put before": edited(lambda c: c["pre_tokenizer"].update(add_prefix_space=True)),
    "byte fallback": edited(lambda c: c["model"].update(byte_fallback=True)),
    "dropout": edited(lambda c: c["model"].update(dropout=0.1)),
    "another special token": edited(lambda c: c["added_tokens"].append(special())),
    "a nameless special token": edited(lambda c: c["added_tokens"].append(special(content=3))),
    "special tokens are a word": edited(lambda c: c.update(added_tokens="abc")),
    "two ids of end-of-text": edited(lambda c: c["added_tokens"][0].update(id=3)),
    "no end-of-text": edited(
        lambda c: (c["model"]["vocab"].pop("<|endoftext|>"), c["added_tokens"].clear())
    ),
    "no byte letters": edited(lambda c: c["model"]["vocab"].update({"\u4e00\u4e01": 499})),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_file_is_named(
    own: Tokenizer, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    own.save(tmp_path)
    path = tmp_path / "tokenizer.json"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(TokenizerError) as caught:
        Tokenizer.load(tmp_path)
    assert caught.value.hint


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a terabyte that takes no room
    with pytest.raises(TokenizerError, match="at most"):
        Tokenizer.load(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "tokenizer.json")
    with pytest.raises(TokenizerError, match="No file"):
        Tokenizer.load(tmp_path)


@pytest.mark.parametrize("name", ["tokenizer.json", "vocab.json", "merges.txt", "absent"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(TokenizerError, match=str(tmp_path)):
        Tokenizer.load(tmp_path / name)


def test_any_damage_to_any_byte_is_an_error_of_ours_or_no_damage(
    own: Tokenizer, tmp_path: Path
) -> None:
    own.save(tmp_path)
    path = tmp_path / "tokenizer.json"
    raw = path.read_bytes()
    rng = random.Random(7)
    for _ in range(150):
        damaged = bytearray(raw)
        for _ in range(rng.randint(1, 3)):
            damaged[rng.randrange(len(raw))] = rng.randrange(256)
        path.write_bytes(damaged)
        try:
            read = Tokenizer.load(path)
        except TokenizerError:
            continue
        assert read.decode_bytes(read.encode_bytes(b"whole \xff")) == b"whole \xff"


def test_a_previous_file_stays_if_saving_fails(own: Tokenizer, tmp_path: Path) -> None:
    own.save(tmp_path)
    odd = Tokenizer.from_ranks({bytes([b]): b for b in range(256)} | {b"the": 256})
    with pytest.raises(TokenizerError, match="No text becomes the entry"):
        odd.save(tmp_path)
    assert Tokenizer.load(tmp_path) == own


def test_an_empty_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match=str(tmp_path)):
        Tokenizer.load(tmp_path)


@pytest.mark.parametrize("size", [0, 256, -1, 1.5, "300"])
def test_an_impossible_size_is_refused(size: int) -> None:
    with pytest.raises(TokenizerError, match="vocab_size is"):
        Tokenizer.train(["text"], vocab_size=size)


def test_too_little_text_is_refused() -> None:
    with pytest.raises(TokenizerError, match="yields only"):
        Tokenizer.train(["abc"], vocab_size=300)


@pytest.mark.parametrize("ids", [[50_257], [-1], ["a"], [1.5]])
def test_ids_outside_the_vocabulary_are_named(ids: list[int]) -> None:
    with pytest.raises(TokenizerError, match=r"No token has the id"):
        Tokenizer.gpt2().decode(ids)


def test_training_is_the_same_each_time(own: Tokenizer) -> None:
    assert Tokenizer.train([mixed_text(40_000, seed=5)], vocab_size=500) == own
