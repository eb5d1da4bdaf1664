"""Vocabulary files: every layout gives the same tokenizer, damaged ones a clear error."""

import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest
from tokenizers import Tokenizer as HuggingFaceTokenizer

from cutaway.errors import TokenizerError
from cutaway.tokenizers import Tokenizer
from mixed_text import mixed_text


@pytest.fixture(scope="module")
def own() -> Tokenizer:
    return Tokenizer.train([mixed_text(40_000, seed=5)], vocab_size=500)


def letters(tokens: bytes) -> str:
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return "".join(chr(b) if b in printable else chr(256 + others.index(b)) for b in tokens)


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
    # Libraries know Unicode of different years: new letters are left out of the comparison.
    text = "".join(char for char in text if char < "\u3100" or "\u4e00" <= char < "\u9fa6")
    assert theirs.encode(text).ids == ours.encode(text)
    assert theirs.token_to_id("<|endoftext|>") == ours.eot


def test_openai_s_own_files(tmp_path: Path) -> None:
    gpt2 = Tokenizer.gpt2()
    merges = resources.files("cutaway").joinpath("assets/gpt2/vocab.bpe").read_bytes()
    encoder = {letters(token): id for token, id in gpt2.ranks.items()}
    content = json.dumps({**encoder, "<|endoftext|>": 50256}).encode()
    for first, second in (("encoder.json", "vocab.bpe"), ("vocab.json", "merges.txt")):
        folder = tmp_path / first
        folder.mkdir()
        (folder / first).write_bytes(content)
        (folder / second).write_bytes(merges)
        assert Tokenizer.load(folder) == gpt2


def test_the_published_encoder_json(shared_data: Path) -> None:
    assert Tokenizer.load(shared_data / "gpt2_bpe") == Tokenizer.gpt2()


def edited(change: Callable[[dict], object]) -> Callable[[bytes], bytes]:  # type: ignore[type-arg]
    def edit(raw: bytes) -> bytes:
        content = json.loads(raw)
        change(content)
        return json.dumps(content).encode()

    return edit


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
