"""Files go both ways: transformers reads ours with equal ids, and we read theirs."""

import json
from pathlib import Path

import pytest
import transformers
from tokenizers import ByteLevelBPETokenizer, decoders, models, pre_tokenizers, processors
from tokenizers import Tokenizer as HuggingFaceTokenizer

from cutaway.tokenizers import Tokenizer
from cutaway.tokenizers.alphabet import to_letters
from cutaway.tokenizers.vocabulary import gpt2_merges
from mixed_text import mixed_text


@pytest.mark.parametrize("which", ["own", "gpt2"])
def test_transformers_reads_ours(tmp_path: Path, which: str) -> None:
    ours = Tokenizer.gpt2()
    if which == "own":
        ours = Tokenizer.train([mixed_text(40_000, seed=5)], vocab_size=700)
    ours.save(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    text = mixed_text(20_000, seed=6)
    assert theirs(text)["input_ids"] == ours.encode(text)
    assert theirs("a<|endoftext|>b")["input_ids"] == ours.encode(
        "a<|endoftext|>b", allow_special=True
    )
    assert theirs.decode(ours.encode(text), clean_up_tokenization_spaces=False) == text
    assert (len(theirs), theirs.eos_token_id) == (ours.vocab_size, ours.eot)


def as_published_by_hugging_face() -> HuggingFaceTokenizer:
    """A tokenizer.json with the settings of the one beside the official checkpoints."""
    gpt2 = Tokenizer.gpt2()
    vocab = dict(zip(to_letters(gpt2.ranks), gpt2.ranks.values(), strict=True)) | {
        "<|endoftext|>": 50_256
    }
    merges = [tuple(to_letters(pair)) for pair in gpt2_merges()]
    theirs = HuggingFaceTokenizer(
        models.BPE(vocab=vocab, merges=merges, continuing_subword_prefix="", end_of_word_suffix="")
    )
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    theirs.decoder = decoders.ByteLevel()
    theirs.post_processor = processors.ByteLevel(trim_offsets=False)
    theirs.add_special_tokens(["<|endoftext|>"])
    return theirs


def test_we_read_theirs(tmp_path: Path) -> None:
    theirs = as_published_by_hugging_face()
    theirs.save(str(tmp_path / "tokenizer.json"))
    assert Tokenizer.load(tmp_path) == Tokenizer.gpt2()
    theirs.model.save(str(tmp_path))
    (tmp_path / "tokenizer.json").unlink()
    assert Tokenizer.load(tmp_path) == Tokenizer.gpt2()  # vocab.json and merges.txt


def test_we_read_what_theirs_trained(tmp_path: Path) -> None:
    """They put special tokens first: end-of-text has the id 0."""
    theirs = ByteLevelBPETokenizer()
    theirs.train_from_iterator(
        [mixed_text(40_000, seed=5)],
        vocab_size=700,
        special_tokens=["<|endoftext|>"],
        show_progress=False,
    )
    theirs.save(str(tmp_path / "tokenizer.json"))
    ours = Tokenizer.load(tmp_path)
    text = mixed_text(20_000, seed=6)
    assert ours.eot == 0
    assert ours.encode(text) == theirs.encode(text).ids
