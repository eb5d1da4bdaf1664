"""A model whose vocabulary is of named words is opened, asked and converted as any other."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cutaway.checkpoints import load_checkpoint, open_checkpoint, save_checkpoint
from cutaway.cli.app import run
from cutaway.errors import KeyMismatch, TokenizerError
from cutaway.generation import load
from cutaway.models import GPT2, GPT2Config
from cutaway.music import chorale_tokenizer, performance_tokenizer
from cutaway.tokenizers import WordTokenizer


@pytest.fixture
def folder(tmp_path: Path, enliven: Callable[[GPT2], GPT2]) -> Path:
    size = GPT2Config(vocab_size=389, n_ctx=32, n_embd=20, n_layer=2, n_head=5)
    save_checkpoint(tmp_path / "piano", enliven(GPT2(size)), performance_tokenizer())
    return tmp_path / "piano"


def test_the_checkpoint_has_the_words(folder: Path) -> None:
    opened = open_checkpoint(folder)
    assert isinstance(opened.tokenizer, WordTokenizer)
    assert opened.tokenizer == performance_tokenizer()
    assert opened.config.vocab_size == 389
    assert load_checkpoint(folder).tokenizer == performance_tokenizer()


def test_another_vocabulary_does_not_fit(folder: Path) -> None:
    chorale_tokenizer().save(folder)
    with pytest.raises(KeyMismatch, match="130 entries"):
        open_checkpoint(folder)


def test_texts_are_names_of_events(folder: Path) -> None:
    lm = load(folder)
    prompt = "SET_VELOCITY_20 NOTE_ON_60"
    [completion] = [lm.generate(prompt, max_new_tokens=5, temperature=0)]
    assert performance_tokenizer().encode(completion.text) == list(completion.ids)
    assert lm.score(prompt).ids == (375, 60)
    with pytest.raises(TokenizerError, match="no word 'Once'"):
        lm.generate("Once upon", max_new_tokens=1)


def test_commands_show_the_names(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["-m", str(folder)]
    assert run(["next", "NOTE_ON_60", *options, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert all(row["text"].strip() in performance_tokenizer().names for row in found["next"][:3])
    assert run(["tokenize", "NOTE_ON_60 TIME_SHIFT_5", *options, "--ids"]) == 0
    assert capsys.readouterr().out == "60 260\n"
    assert run(["detokenize", "60", "260", *options]) == 0
    assert capsys.readouterr().out == " NOTE_ON_60 TIME_SHIFT_5"
    assert run(["generate", "NOTE_ON_60", *options, "--max-tokens", "3", "--seed", "1"]) == 0
    assert capsys.readouterr().out.startswith("NOTE_ON_60 ")
