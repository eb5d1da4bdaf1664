"""What can be wrong with a corpus ends ``cutaway train`` with two lines that name it."""

from pathlib import Path

import pytest

from corpora import TINY, write_corpus
from cutaway.cli.app import run
from cutaway.data import PrepareConfig, prepare
from cutaway.tokenizers import Tokenizer

RECIPE = """
[model]
vocab_size = 260
n_ctx = 16
n_embd = 8
n_layer = 1
n_head = 2
[training]
steps = 1
batch_size = 1
micro_batch_size = 1
"""
LEARNT, GPT2 = 'tokenizer.files=["good.txt"]', "model.vocab_size=50257"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "toy.toml").write_text(RECIPE)
    (tmp_path / "good.txt").write_text("the fox and the hen ran to the old barn. " * 30)
    (tmp_path / "latin.txt").write_bytes(b"the caf\xe9 " * 99)
    (tmp_path / "short.txt").write_text("the fox")
    (tmp_path / "blank.txt").write_text("\n \n<|endoftext|>\n")
    (tmp_path / "cut.gz").write_bytes(b"\x1f\x8b\x08\x00cut")
    return tmp_path


def refused(
    folder: Path, capsys: pytest.CaptureFixture[str], *settings: str, code: int = 2
) -> list[str]:
    """The lines that the command ends with."""
    changes = [word for setting in settings for word in ("--set", setting)]
    command = ["train", str(folder / "toy.toml"), "--out", str(folder / "run"), *changes]
    assert run(command) == code
    return capsys.readouterr().err.rstrip().splitlines()[-2:]


@pytest.mark.parametrize(
    ("name", "what", "hint"),
    [
        ("short.txt", "tokens are too few for windows of 17", "shorten model.n_ctx"),
        ("blank.txt", "No documents for", "Check the files"),
        ("latin.txt", "latin.txt: document 1 is not UTF-8", "which keeps all bytes"),
        ("nowhere.txt", "No corpus at", "Check the path"),
        ("cut.gz", "cut.gz cannot be read", "Put it right"),
    ],
)
def test_a_text_file_that_is_no_corpus(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, what: str, hint: str
) -> None:
    lines = refused(folder, capsys, GPT2, f'data.train=[{{file="{name}"}}]')
    assert what in lines[0]
    assert hint in lines[1]


def test_a_recipe_without_a_corpus(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = refused(folder, capsys, GPT2)
    assert "No documents for" in lines[0]


def test_a_run_of_another_vocabulary(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", str(folder / "toy.toml"), "--out", str(folder / "run")]
    train = 'data.train=[{file="good.txt"}]'
    assert run([*command, "--set", LEARNT, "--set", train]) == 0
    TINY.save(folder / "run")
    lines = refused(folder, capsys, LEARNT, train)
    assert "was encoded with another vocabulary" in lines[0]


def test_bytes_that_are_no_text_are_kept_by_a_preparation(folder: Path) -> None:
    command = ["data", "prepare", str(folder / "latin.txt"), "--out", str(folder / "kept")]
    TINY.save(folder / "tiny")
    assert run([*command, "--tokenizer", str(folder / "tiny"), "--val", "0"]) == 0
    train = ["train", str(folder / "toy.toml"), "--out", str(folder / "run")]
    assert run([*train, "--set", 'data.prepared=[{folder="kept"}]']) == 0


def test_prepared_corpora_that_do_not_fit(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [corpus, *_] = write_corpus(folder / "corpus", n=20)
    prepare([corpus], folder / "tiny", tokenizer=TINY, config=PrepareConfig(val=0.0))
    prepare([corpus], folder / "gpt2", tokenizer=Tokenizer.gpt2(), config=PrepareConfig(val=0.0))
    both = 'data.prepared=[{folder="tiny"},{folder="gpt2"}]'
    assert "gpt2 was prepared with another vocabulary" in refused(folder, capsys, both)[0]
    other = 'data.prepared=[{folder="gpt2"}]'
    assert "50257 entries, model.vocab_size is 260" in refused(folder, capsys, other)[0]
    tiny = 'data.prepared=[{folder="tiny"}]'
    lines = refused(folder, capsys, tiny, "model.n_ctx=65536")
    assert "too few for windows of 65537" in lines[0]
    shard = folder / "tiny" / "train-00000.bin"
    shard.write_bytes(shard.read_bytes()[:-1])
    assert "damaged train-00000.bin" in refused(folder, capsys, tiny, code=4)[0]
