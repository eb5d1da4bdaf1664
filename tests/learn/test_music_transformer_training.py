"""The same loop trains the Music Transformer; and distances teach what places do not."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from cutaway.errors import ConfigError
from cutaway.models import MusicTransformer, MusicTransformerConfig
from cutaway.training.estimate import estimate_memory
from cutaway.training.planning import shape_of
from cutaway.training.recipe import read_recipe
from toy_runs import FEW_WORDS, trains_what_everything_loads, write_few_words

RECIPE = f"""
seed = 5
[model]
kind = "music-transformer"
vocab_size = 290
n_ctx = 16
n_embd = 16
n_layer = 2
n_head = 2
n_inner = 32
n_att = 32
max_relative = 8
{FEW_WORDS}"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A corpus of few words, and how to learn it."""
    return write_few_words(tmp_path, RECIPE)


def test_a_recipe_trains_a_model_that_everything_loads(recipe: Path) -> None:
    trains_what_everything_loads(recipe, MusicTransformer)


def test_it_is_planned(recipe: Path) -> None:
    """Weights are counted; where scores must be formed for distances, they are counted too."""
    device = torch.device("cpu")
    read = read_recipe(recipe, ["model.n_ctx=512"])
    shape = shape_of(read, device=device)
    model = MusicTransformer(read.model)  # type: ignore[arg-type]
    assert shape.parameters == sum(p.numel() for p in model.parameters())
    held = estimate_memory(shape).parts
    assert held["weights"] == 4 * shape.parameters
    plain = shape_of(
        read_recipe(recipe, ["model.n_ctx=512", "model.max_relative=0"]), device=device
    )
    more = held["activations"] - estimate_memory(plain).parts["activations"]
    assert more == 2 * 16 * (4 * 512 * 512 * 2)  # of a micro-batch, in every head and block


def test_a_prefix_is_refused(recipe: Path) -> None:
    settings = [
        'task.kind="translation"', 'task.mask="prefix"', "data.train=[]", "data.valid=[]",
        'data.train_pairs=[{source="corpus.txt"}]',
    ]  # fmt: skip
    with pytest.raises(ConfigError, match="the model is a music-transformer"):
        read_recipe(recipe, settings)


def again_six_later(model: MusicTransformer, n: int, generator: torch.Generator) -> torch.Tensor:
    """The loss of saying again what was said six tokens before."""
    tokens = torch.randint(0, 12, (32, n), generator=generator)
    logits = model(tokens)[:, 6:]
    return F.cross_entropy(logits.flatten(0, 1), tokens[:, :-6].flatten())


def test_a_distance_is_learned_where_it_was_never_seen() -> None:
    """In 24 positions, and asked for in 48, of which sinusoids have said nothing."""
    losses = {}
    for max_relative in (8, 0):
        size = MusicTransformerConfig(
            vocab_size=12, n_ctx=48, n_embd=32, n_layer=1, n_head=2, n_inner=64, n_att=32,
            max_relative=max_relative,
        )  # fmt: skip
        model = MusicTransformer(size, seed=1)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        generator = torch.Generator().manual_seed(0)
        for _ in range(150):
            loss = again_six_later(model, 24, generator)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            losses[max_relative] = again_six_later(model, 48, generator).item()
    assert losses[8] < 0.3
    assert losses[0] > 1.0
