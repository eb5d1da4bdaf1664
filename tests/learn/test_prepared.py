"""A run on prepared directories: mixed, measured on their validation split, never on others."""

import json
import shutil
from pathlib import Path

import pytest

from corpora import TINY, write_corpus
from cutaway.data import PrepareConfig, prepare
from cutaway.errors import ConfigError, CorruptShard, DataError
from cutaway.tokenizers import Tokenizer
from cutaway.training import train

RECIPE = """
[model]
vocab_size = 260
n_ctx = 16
n_embd = 8
n_layer = 1
n_head = 2
[data]
prepared = [{ folder = "web", weight = 0.75 }, { folder = "books", weight = 0.25 }]
[training]
steps = 4
batch_size = 4
[checkpoints]
every = 2
[validation]
every = 2
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    corpus = write_corpus(tmp_path / "corpus", n=40)
    for name, sources in {"web": corpus[:1], "books": corpus[1:2]}.items():
        prepare(sources, tmp_path / name, tokenizer=TINY, config=PrepareConfig(val=0.2))
    (tmp_path / "toy.toml").write_text(RECIPE)
    return tmp_path


def test_a_run_reads_prepared_directories(folder: Path) -> None:
    trained = train(folder / "toy.toml", data=folder, out=folder / "run")
    assert trained.valid_loss is not None
    assert Tokenizer.load(trained.directory) == TINY
    assert not (folder / "run" / "train.bin").exists()
    lines = [json.loads(line) for line in (folder / "run" / "log.jsonl").read_text().splitlines()]
    assert any("valid_bits_per_byte" in line for line in lines)


def test_it_goes_on_where_it_was(folder: Path) -> None:
    whole = train(folder / "toy.toml", data=folder, out=folder / "run")
    shutil.rmtree(folder / "run" / "checkpoints" / "step-00000004")
    again = train(folder / "toy.toml", data=folder, out=folder / "run")
    assert again.valid_loss == whole.valid_loss


def test_another_tokenizer_is_refused(folder: Path) -> None:
    prepare([folder / "corpus"], folder / "gpt2", tokenizer=Tokenizer.gpt2())
    other = ['data.prepared=[{folder="web"},{folder="gpt2"}]']
    with pytest.raises(ConfigError, match="gpt2 was prepared with another vocabulary"):
        train(folder / "toy.toml", data=folder, out=folder / "run", settings=other)
    only = ['data.prepared=[{folder="gpt2"}]']
    with pytest.raises(ConfigError, match=r"50257 entries, model\.vocab_size is 260"):
        train(folder / "toy.toml", data=folder, out=folder / "run", settings=only)


def test_a_corpus_that_changed_or_is_damaged_is_noticed(folder: Path) -> None:
    short = ["training.steps=2"]
    train(folder / "toy.toml", data=folder, out=folder / "run", settings=short)
    shard = folder / "web" / "train-00000.bin"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-2])
    with pytest.raises(CorruptShard, match=r"train-00000\.bin"):
        train(folder / "toy.toml", data=folder, out=folder / "run")
    shard.write_bytes(whole)
    (folder / "web").rename(folder / "old")
    prepare([folder / "corpus"], folder / "web", tokenizer=TINY)
    with pytest.raises(DataError, match="web is not the corpus that this run began with"):
        train(folder / "toy.toml", data=folder, out=folder / "run")


def test_a_corpus_smaller_than_a_context_is_named(folder: Path) -> None:
    large = ["model.n_ctx=8192"]
    with pytest.raises(DataError, match=r"web: .* tokens are too few for windows of 8193"):
        train(folder / "toy.toml", data=folder, out=folder / "run", settings=large)


def test_two_ways_to_name_a_corpus_are_refused(folder: Path) -> None:
    both = ['data.train=[{file="a.txt"}]']
    with pytest.raises(ConfigError, match=r"data\.train and data\.prepared"):
        train(folder / "toy.toml", data=folder, out=folder / "run", settings=both)
