"""Training runs of a second: a corpus of a few sentences, a model of a few hundred numbers."""

import json
import math
import random
from pathlib import Path

import numpy as np
import pytest

import cutaway
from cutaway.checkpoints import load_checkpoint
from cutaway.models import Decoder
from cutaway.training import train
from cutaway.training.checkpoint import Checkpoints
from cutaway.training.recipe import read_recipe
from faults import Faults, installed

__all__ = [
    "DOCUMENTS",
    "FEW_WORDS",
    "RECIPE",
    "TOY_DATA",
    "TOY_MODEL",
    "hex_losses",
    "losses",
    "run",
    "run_to_a_fault",
    "trains_what_everything_loads",
    "write_corpus",
    "write_few_words",
]

TOY_MODEL = """
seed = 3
[model]
vocab_size = 290
n_ctx = 16
n_embd = 16
n_layer = 2
n_head = 2
[tokenizer]
files = ["tales.txt"]
"""
TOY_DATA = """
[data]
train = [{ file = "tales.txt", repeat = 2 }]
valid = [{ file = "tales.txt", first = 0.5 }]
"""

RECIPE = """
seed = 3
[model]
vocab_size = 290
n_ctx = 8
n_embd = 8
n_layer = 1
n_head = 2
dropout = 0.1
[tokenizer]
files = ["tales.txt"]
[data]
train = [{ file = "tales.txt", repeat = 2 }]
valid = [{ file = "tales.txt", first = 0.5 }]
[optimizer]
kind = "muon"
lr = 1e-2
[training]
steps = 60
batch_size = 2
micro_batch_size = 1
[checkpoints]
every = 2
keep_every = 20
[validation]
every = 30
windows = 4
"""
DOCUMENTS = [f"The {a} fox saw a {b} hen. The hen ran away from the {a} fox." for a in
             ("red", "old", "shy", "sly") for b in ("fat", "red", "wise")]  # fmt: skip


def write_corpus(folder: Path, recipe: str = RECIPE) -> None:
    """A corpus and a recipe, ``toy.toml``."""
    (folder / "tales.txt").write_text("\n<|endoftext|>\n".join(DOCUMENTS))
    (folder / "toy.toml").write_text(recipe)


FEW_WORDS = """
[tokenizer]
files = ["corpus.txt"]
[data]
train = [{ file = "corpus.txt" }]
valid = [{ file = "corpus.txt" }]
[optimizer]
kind = "adamw"
lr = 1e-2
[schedule]
kind = "wsd"
warmup_steps = 3
decay_steps = 10
[training]
steps = 40
batch_size = 8
micro_batch_size = 4
[checkpoints]
every = 30
"""
"""How a model of 290 words learns a corpus of few words; its own tables go before."""


def trains_what_everything_loads(recipe: Path, kind: type[Decoder]) -> None:
    """A recipe of :data:`FEW_WORDS` is learned, and what comes of it is loaded and writes."""
    folder = train(recipe, data=recipe.parent, out=recipe.parent / "run").directory
    lines = (recipe.parent / "run" / "log.jsonl").read_text().splitlines()
    found = [json.loads(line).get("loss") for line in lines]
    losses = [loss for loss in found if isinstance(loss, float)]
    assert losses[0] == pytest.approx(math.log(290), abs=0.25)
    assert losses[-1] < 0.8 * losses[0]
    lm = cutaway.load(folder)
    assert lm.model.config == read_recipe(recipe).model
    assert lm.generate("the robot", max_new_tokens=4, seed=1).ids
    step = load_checkpoint(sorted((recipe.parent / "run" / "checkpoints").iterdir())[-1])
    assert isinstance(step.model, kind)
    assert step.fingerprint == load_checkpoint(folder).fingerprint


def write_few_words(folder: Path, recipe: str) -> Path:
    """A corpus of few words, ``corpus.txt``, and the recipe that learns it."""
    rng = np.random.default_rng(0)
    words = ["the", "robot", "must", "obey", "orders", "river", "sang", "all", "day", "long"]
    documents = [" ".join(rng.choice(words, 12)) for _ in range(300)]
    (folder / "corpus.txt").write_text("\n<|endoftext|>\n".join(documents))
    (folder / "toy.toml").write_text(recipe)
    return folder / "toy.toml"


def run(folder: str, out: str, *settings: str) -> None:
    """Trains to the end, or goes on."""
    train(Path(folder) / "toy.toml", data=Path(folder), out=Path(out), settings=settings)


def run_to_a_fault(folder: str, out: str, kind: str, n_saves: int, seed: int) -> None:
    """Trains until, in the save after so many, some call to the system is the process's last."""
    real = Checkpoints.save
    rng, left = random.Random(seed), [n_saves]

    def save(self: Checkpoints, *arguments: object, **named: object) -> Path | None:
        left[0] -= 1
        if left[0] != 0:
            return real(self, *arguments, **named)  # type: ignore[arg-type]
        with installed(Faults(rng.randrange(1, 45), kind)):
            return real(self, *arguments, **named)  # type: ignore[arg-type]

    Checkpoints.save = save  # type: ignore[method-assign]
    run(folder, out)


def losses(out: Path) -> list[float]:
    """The loss of every step, in the order of the journal."""
    entries = map(json.loads, (out / "log.jsonl").read_text().splitlines())
    return [entry["loss"] for entry in entries if "loss" in entry]


def hex_losses(out: Path) -> dict[int, str]:
    """The loss of every step, every bit of it; no step is there twice."""
    losses: dict[int, str] = {}
    for entry in map(json.loads, (out / "log.jsonl").read_text().splitlines()):
        if "loss" in entry:
            assert entry["step"] not in losses
            losses[entry["step"]] = float(entry["loss"]).hex()
    return losses
