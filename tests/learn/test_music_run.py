"""From files of music to a model that has learned them, and on after a stop."""

import json
import math
from pathlib import Path

import pytest
import torch

from cutaway.checkpoints import load_checkpoint
from cutaway.data.music import chorales_of
from cutaway.errors import ConfigError, DataError
from cutaway.music import chorale_tokenizer, encode, encode_chorale, performance_tokenizer
from cutaway.music.midi import write_midi
from cutaway.tokenizers import Tokenizer
from cutaway.training import train
from cutaway.training.music_corpus import open_music
from cutaway.training.planning import plan_run
from cutaway.training.recipe import read_recipe
from pieces_of_music import performances, write_chorales
from toy_runs import hex_losses

MODEL = """
seed = 2
[model]
vocab_size = {vocab_size}
n_ctx = {n_ctx}
n_embd = 32
n_layer = 1
n_head = 2
[optimizer]
kind = "muon"
lr = 1e-2
muon_lr = 2e-2
[schedule]
kind = "constant"
warmup_steps = 0
[training]
steps = 30
batch_size = 4
micro_batch_size = 2
[checkpoints]
every = 10
"""
PERFORMANCE = (
    MODEL.format(vocab_size=389, n_ctx=32)
    + """
[task]
kind = "performance"
[data]
train_music = [{ file = "music", part = [0.0, 0.7] }]
valid_music = [{ file = "music", part = [0.7, 1.0] }]
transpose = 2
stretch = [0.95, 1.0, 1.05]
"""
)
CHORALES = (
    MODEL.format(vocab_size=130, n_ctx=64)
    + """
[task]
kind = "chorales"
[data]
train_music = [{ file = "jsb.json", split = "train" }]
valid_music = [{ file = "jsb.json", split = "valid" }]
transpose = 1
"""
)


def write(folder: Path, recipe: str) -> Path:
    (folder / "music").mkdir(exist_ok=True)
    for i, piece in enumerate(performances(6)):
        write_midi(piece, folder / "music" / f"{i}.mid")
    write_chorales(folder / "jsb.json")
    (folder / "toy.toml").write_text(recipe)
    return folder / "toy.toml"


def run(folder: Path, recipe: str, out: str, *settings: str, init: str | None = None):  # type: ignore[no-untyped-def]
    path = folder / "toy.toml" if (folder / "toy.toml").exists() else write(folder, recipe)
    return train(path, data=folder, out=folder / out, settings=settings, init=init)


@pytest.mark.parametrize(
    ("recipe", "loss", "tokenizer"),
    [
        (PERFORMANCE, 4.0, performance_tokenizer()),
        (CHORALES, 1.6, chorale_tokenizer()),
    ],
    ids=["performance", "chorales"],
)
def test_a_model_learns_music(tmp_path: Path, recipe: str, loss: float, tokenizer: object) -> None:
    done = run(tmp_path, recipe, "run", "training.steps=60", "samples.every=60",
               "samples.max_new_tokens=8")  # fmt: skip
    assert done.valid_loss is not None
    assert done.valid_loss < loss
    loaded = load_checkpoint(done.directory)
    assert loaded.tokenizer == tokenizer
    assert not (done.directory / "task.json").exists()
    [sample] = map(json.loads, (tmp_path / "run" / "samples.jsonl").read_text().splitlines())
    assert loaded.tokenizer.encode(sample["text"].replace("<|endoftext|>", ""))
    about, *lines = map(json.loads, (tmp_path / "run" / "log.jsonl").read_text().splitlines())
    assert set(about["corpus_tokens"]) == {"train", "valid"}
    looks = [line for line in lines if line.get("event") == "valid"]
    assert looks
    assert all("valid_bits_per_byte" not in look for look in looks)  # music has no bytes


@pytest.mark.parametrize("recipe", [PERFORMANCE, CHORALES], ids=["performance", "chorales"])
def test_a_run_that_goes_on_equals_one_that_never_stopped(tmp_path: Path, recipe: str) -> None:
    common = ["model.dropout=0.1", "checkpoints.every=4"]
    if recipe is PERFORMANCE:
        common += ["training.short_steps=6", "training.short_window=8"]
    run(tmp_path, recipe, "whole", *common, "training.steps=16")
    run(tmp_path, recipe, "parts", *common, "training.steps=5")
    run(tmp_path, recipe, "parts", *common, "training.steps=16")
    whole, parts = hex_losses(tmp_path / "whole"), hex_losses(tmp_path / "parts")
    assert len(whole) == 16
    assert whole == parts


def test_the_validation_loss_is_that_of_all_notes_and_of_no_end(tmp_path: Path) -> None:
    done = run(tmp_path, CHORALES, "run", "training.steps=5")
    model = load_checkpoint(done.directory).model
    total, n = 0.0, 0
    for chorale, _ in chorales_of(tmp_path / "jsb.json", split="valid"):
        ids = encode_chorale(chorale)
        with torch.no_grad():
            log_p = model(torch.tensor([[129, *ids[:-1]]]))[0].log_softmax(dim=-1)
        total -= float(log_p[range(len(ids)), ids].sum())
        n += len(ids)
    assert done.valid_loss == pytest.approx(total / n, rel=1e-4)


def test_events_are_encoded_once_and_counted_by_the_plan(tmp_path: Path) -> None:
    path = write(tmp_path, PERFORMANCE)

    def plan():  # type: ignore[no-untyped-def]
        recipe = read_recipe(path)
        return plan_run(recipe, data=tmp_path, out=tmp_path / "run", device=torch.device("cpu"))

    before = plan()
    assert [part.use for part in before.corpus] == ["train", "valid"]
    assert not any(part.problem for part in before.corpus)
    assert before.epochs is None
    run(tmp_path, PERFORMANCE, "run", "training.steps=2")
    written = (tmp_path / "run" / "train.bin").stat()
    run(tmp_path, PERFORMANCE, "run", "training.steps=3")
    assert (tmp_path / "run" / "train.bin").stat().st_mtime_ns == written.st_mtime_ns
    after = plan()
    n_events = after.corpus[0].n_tokens
    assert n_events is not None
    assert n_events + (after.corpus[1].n_tokens or 0) == sum(
        len(encode(piece)) for piece in performances(6)
    )
    assert after.epochs == pytest.approx(after.tokens / n_events)
    assert not after.is_bound
    (tmp_path / "music" / "0.mid").rename(tmp_path / "kept.mid")
    assert math.isfinite(plan().epochs)


def test_music_that_changed_is_noticed(tmp_path: Path) -> None:
    run(tmp_path, PERFORMANCE, "run", "training.steps=2")
    write_midi(performances(9)[8], tmp_path / "music" / "2.mid")
    with pytest.raises(DataError, match=r"music/2\.mid has changed since"):
        run(tmp_path, PERFORMANCE, "run", "training.steps=3")
    write(tmp_path, PERFORMANCE)
    write_midi(performances(9)[8], tmp_path / "music" / "8.mid")
    with pytest.raises(DataError, match=r"music/8\.mid has changed since"):
        run(tmp_path, PERFORMANCE, "run", "training.steps=3")
    (tmp_path / "music" / "8.mid").unlink()
    with pytest.raises(ConfigError, match=r"another vocabulary or data\.stretch"):
        run(tmp_path, PERFORMANCE, "run", "data.stretch=[1.0]")
    with pytest.raises(ConfigError, match="was encoded from music"):
        run(tmp_path, PERFORMANCE, "run", 'data.train_music=[{file="music"}]')


def test_chorales_that_changed_are_noticed(tmp_path: Path) -> None:
    run(tmp_path, CHORALES, "run", "training.steps=2")
    path = tmp_path / "jsb.json"
    path.write_text(path.read_text().replace("72", "71", 1))
    with pytest.raises(DataError, match=r"has changed .*: jsb\.json"):
        run(tmp_path, CHORALES, "run", "training.steps=3")


def test_bad_files_are_left_out_when_asked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, PERFORMANCE)
    (tmp_path / "music" / "7.mid").write_bytes(b"no music")
    with pytest.raises(DataError, match=r"7\.mid"):
        run(tmp_path, PERFORMANCE, "run")
    caplog.set_level("WARNING", "cutaway.training")
    run(tmp_path, PERFORMANCE, "run", 'data.bad_music="skip"', "training.steps=1")
    assert "7.mid" in caplog.text
    assert "music: 1 files are left out" in caplog.text


def test_a_model_to_start_from_has_the_same_vocabulary(tmp_path: Path) -> None:
    base = run(tmp_path, CHORALES, "base", "training.steps=2")
    recipe = CHORALES[: CHORALES.index("[model]")] + CHORALES[CHORALES.index("[optimizer]") :]
    (tmp_path / "toy.toml").write_text(recipe)
    init = str(base.directory)
    tuned = run(tmp_path, recipe, "tuned", "training.steps=1", init=init)
    assert load_checkpoint(tuned.directory).tokenizer == chorale_tokenizer()
    other = PERFORMANCE[: PERFORMANCE.index("[model]")] + PERFORMANCE[PERFORMANCE.index("[opt") :]
    (tmp_path / "toy.toml").write_text(other)
    with pytest.raises(ConfigError, match="vocabulary of performance has 389 entries"):
        run(tmp_path, other, "other", init=init)


def test_a_vocabulary_of_texts_is_refused_whatever_its_size(tmp_path: Path) -> None:
    path = write(tmp_path, CHORALES)
    text = Tokenizer.from_ranks({bytes([i]): i for i in range(256)})
    recipe = read_recipe(path, ["model.vocab_size=257"])
    with pytest.raises(ConfigError, match=r"has 130 entries, model\.vocab_size is 257"):
        open_music(recipe, text, tmp_path, tmp_path / "run")
    with pytest.raises(ConfigError, match="has another vocabulary than chorales have"):
        open_music(read_recipe(path), text, tmp_path, tmp_path / "run")


@pytest.mark.parametrize(
    ("recipe", "settings", "message"),
    [
        (PERFORMANCE, ["model.vocab_size=388"], "has 389 entries, model.vocab_size is 388"),
        (PERFORMANCE, ["data.train_music=[]"], r"data\.train_music names no file"),
        (PERFORMANCE, ['data.train=[{file="a.txt"}]'], r"data\.train is set"),
        (PERFORMANCE, ['data.train_pairs=[{source="a.tsv"}]'], r"data\.train_pairs is set"),
        (PERFORMANCE, ['tokenizer.files=["a.txt"]'], r"tokenizer\.files is set"),
        (PERFORMANCE, ['task.marker="<a>"'], r"task\.marker is set"),
        (PERFORMANCE, ['task.mask="prefix"'], r"task\.mask is set"),
        (PERFORMANCE, ["training.document_mask=true"], r"training\.document_mask is set"),
        (PERFORMANCE, ["data.transpose=13"], r"data\.transpose is 13"),
        (PERFORMANCE, ["data.transpose=-1"], r"data\.transpose is -1"),
        (PERFORMANCE, ["data.stretch=[]"], r"data\.stretch is \[\]"),
        (PERFORMANCE, ["data.stretch=[0.0]"], r"data\.stretch is \[0\.0\]"),
        (PERFORMANCE, ["data.stretch=[1.0, 1.0]"], "one is there twice"),
        (PERFORMANCE, ['data.bad_music="mend"'], r"data\.bad_music"),
        (PERFORMANCE, ['data.train_music=[{file=""}]'], "has no file"),
        (PERFORMANCE, ['data.train_music=[{file="music", draw=-1}]'], "draw of 'music'"),
        (PERFORMANCE, ['data.train_music=[{file="music", part=[1.0, 0.0]}]'], "part of 'music'"),
        (PERFORMANCE, ['data.train_music=[{file="music", split="train"}]'], "which has no splits"),
        (PERFORMANCE, ['data.train_music=[{file="absent"}]'], "No music at .*absent"),
        (PERFORMANCE, ['data.train_music=[{file="jsb.json"}]'], "is no MIDI file and no archive"),
        (PERFORMANCE, ['data.train_music=[{fil="music"}]'], r"Unknown key .*train_music\[0\]\.fil"),
        (PERFORMANCE, ["model.kind=transformer"], "encoder-decoder, and task.kind is"),
        (CHORALES, ["data.stretch=[0.9, 1.0]"], r"data\.stretch is \[0\.9, 1\.0\]"),
        (CHORALES, ['data.train_music=[{file="jsb.json"}]'], "which needs splits"),
        (CHORALES, ['data.train_music=[{file="jsb.json", split="tran"}]'], "no part 'tran'"),
        (CHORALES, ['data.train_music=[{file="music", split="train"}]'], "music cannot be read"),
        (CHORALES, ["training.short_steps=2", "training.short_window=4"], r"training\.short_steps"),
        (CHORALES, ["model.n_ctx=8"], r"chorale \d+ has \d+ tokens and an end, the model 8"),
        (CHORALES, ["model.vocab_size=389"], "has 130 entries, model.vocab_size is 389"),
        (CHORALES, ['task.kind="text"'], r'data\.train_music is set, and task\.kind is "text"'),
        (CHORALES, ['task.kind="coral"'], r"task\.kind is 'coral'"),
    ],
)
def test_what_does_not_go_together_is_refused(
    tmp_path: Path, recipe: str, settings: list[str], message: str
) -> None:
    with pytest.raises((ConfigError, DataError), match=message) as caught:
        run(tmp_path, recipe, "run", *settings)
    assert caught.value.hint
