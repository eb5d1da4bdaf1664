"""The same loop trains the modern decoder: it learns, stops and goes on, and its files load."""

import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import cutaway
from cutaway.checkpoints import load_checkpoint
from cutaway.models import Modern, ModernConfig
from cutaway.training.recipe import read_recipe
from cutaway.training.run import train
from toy_runs import write_few_words

RECIPE = """
seed = 5
[model]
kind = "modern"
vocab_size = 290
n_ctx = 16
n_embd = 16
n_layer = 2
n_head = 2
[tokenizer]
files = ["corpus.txt"]
[data]
train = [{ file = "corpus.txt" }]
valid = [{ file = "corpus.txt" }]
[optimizer]
kind = "muon"
lr = 1e-2
muon_lr = 1e-2
[schedule]
kind = "wsd"
warmup_steps = 3
decay_steps = 10
[training]
steps = 40
batch_size = 8
micro_batch_size = 4
document_mask = true
[checkpoints]
every = 6
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A corpus of few words, and how to learn it."""
    return write_few_words(tmp_path, RECIPE)


def trained(recipe: Path, out: str, *settings: str) -> Path:
    return train(recipe, data=recipe.parent, out=recipe.parent / out, settings=settings).directory


def logged(recipe: Path, out: str) -> list[str]:
    """The lines of the journal that tell a loss, without their times."""
    lines = (recipe.parent / out / "log.jsonl").read_text().splitlines()
    steps = [line for line in lines if '"loss": ' in line and '"event": ' not in line]
    return [line.split('"loss": ')[1].split(",")[0] for line in steps]


def test_a_recipe_trains_a_model_that_everything_loads(recipe: Path) -> None:
    folder = trained(recipe, "run")
    losses = [float(loss) for loss in logged(recipe, "run")]
    assert losses[0] == pytest.approx(math.log(290), rel=1e-5)
    assert losses[-1] < 0.8 * losses[0]
    lm = cutaway.load(folder)
    assert lm.model.config == read_recipe(recipe).model
    assert lm.generate("the robot", max_new_tokens=4, seed=1).ids
    # a step of the run is a checkpoint of its own
    step = load_checkpoint(sorted((recipe.parent / "run" / "checkpoints").iterdir())[-1])
    assert isinstance(step.model, Modern)
    assert step.fingerprint == load_checkpoint(folder).fingerprint


def test_a_run_goes_on_bit_for_bit(recipe: Path) -> None:
    """As if killed while the last checkpoint was made: its two steps are taken again."""
    folder = trained(recipe, "run", "training.steps=20")
    losses, whole = logged(recipe, "run"), load_checkpoint(folder).fingerprint
    shutil.rmtree(recipe.parent / "run" / "checkpoints" / "step-00000020")
    shutil.rmtree(folder)
    trained(recipe, "run", "training.steps=20")
    assert logged(recipe, "run")[-2:] == losses[-2:]
    assert load_checkpoint(folder).fingerprint == whole


def test_it_learns_at_least_as_fast_as_gpt2(recipe: Path) -> None:
    """Equal tokens, rates and optimizer."""
    final = {}
    for kind in ("modern", "gpt2"):
        trained(recipe, kind, f"model.kind={kind}")
        final[kind] = float(logged(recipe, kind)[-1])
    assert final["modern"] < final["gpt2"] + 0.02


def test_a_recipe_names_its_kind_of_model(recipe: Path) -> None:
    modern = read_recipe(recipe, ["model.rotary_base=500"])
    assert modern.model == replace(read_recipe(recipe).model, rotary_base=500.0)
    assert isinstance(modern.model, ModernConfig)
    assert type(modern).from_dict(modern.to_dict()) == modern  # as a checkpoint keeps it
