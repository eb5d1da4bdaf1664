"""``cutaway eval music``."""

import json
from pathlib import Path

import pytest

from cutaway.checkpoints import save_checkpoint
from cutaway.cli.app import run
from cutaway.models import GPT2Config, new_model
from cutaway.music import chorale_tokenizer, performance_tokenizer
from cutaway.music.midi import write_midi
from cutaway.tokenizers import Tokenizer
from pieces_of_music import performances, write_chorales


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, tokenizer in {"piano": performance_tokenizer(), "jsb": chorale_tokenizer()}.items():
        size = GPT2Config(vocab_size=tokenizer.vocab_size, n_ctx=64, n_embd=8, n_layer=1, n_head=2)
        save_checkpoint(tmp_path / name, new_model(size, seed=1), tokenizer)
    for name in ("music", "played"):
        (tmp_path / name).mkdir()
        for i, piece in enumerate(performances(3, 10)):
            write_midi(piece, tmp_path / name / f"{i}.mid")
    write_chorales(tmp_path / "jsb.json")
    return tmp_path


def call(folder: Path, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert run(["eval", "music", *words, "--dtype", "readable"]) == code
    said = capsys.readouterr()
    return said.out if code == 0 else said.err


def test_performances_by_figures_and_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(folder / "piano"), "--data", str(folder / "music")]
    text = call(folder, capsys, *words, "--played", str(folder / "played"))
    assert "nats per event" in text
    assert "NOTE_ON" in text
    assert "mean overlap" in text
    found = json.loads(call(folder, capsys, *words, "--context", "16", "--stride", "16", "--json"))
    assert found["n_ctx"] == found["stride"] == 16
    assert found["pieces"] == 3
    assert found["per_event"] == pytest.approx(found["nll"] / found["events"])
    assert "played" not in found
    more = [*words, "--json", "--limit", "3", "--played", str(folder / "played")]
    assert set(json.loads(call(folder, capsys, *more))["played"]["features"]) > {"polyphony"}


def test_chorales(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(folder / "jsb"), "--data", str(folder / "jsb.json")]
    assert "soprano" in call(folder, capsys, *words)
    found = json.loads(call(folder, capsys, *words, "--split", "train", "--limit", "2", "--json"))
    assert found["chorales"] == 2
    assert found["tokens"] == 4 * found["steps"]


@pytest.mark.parametrize(
    ("model", "words", "message"),
    [
        ("text", ["--data", "music"], "has no vocabulary of music"),
        ("piano", ["--data", "absent"], "No music at"),
        ("piano", ["--data", "music", "--context", "65"], "context is 65"),
        ("piano", ["--data", "music", "--stride", "65"], "stride is 65"),
        ("piano", ["--data", "jsb.json"], "is no MIDI file and no archive"),
        ("jsb", ["--data", "jsb.json", "--split", "vald"], "no part 'vald'"),
        ("jsb", ["--data", "jsb.json", "--stride", "4"], "--stride is 4, and the model is one of"),
        ("jsb", ["--data", "music"], "music cannot be read"),
    ],
)
def test_what_cannot_be_measured_ends_in_two_lines(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    model: str,
    words: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(folder)
    if model == "text":
        tokenizer = Tokenizer.train(["a b"], vocab_size=257)
        size = GPT2Config(vocab_size=257, n_ctx=8, n_embd=8, n_layer=1, n_head=2)
        save_checkpoint(folder / "text", new_model(size), tokenizer)
    lines = call(folder, capsys, model, *words, code=2).splitlines()
    assert message in lines[-2]
    assert lines[-1]
