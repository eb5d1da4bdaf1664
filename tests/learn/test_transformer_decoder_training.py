"""The same loop trains the Transformer-Decoder; and it learns what only its slots can carry."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from cutaway.errors import ConfigError
from cutaway.models import TransformerDecoder, TransformerDecoderConfig
from cutaway.training.estimate import estimate_memory
from cutaway.training.flops import flops_per_token
from cutaway.training.planning import shape_of
from cutaway.training.recipe import read_recipe
from toy_runs import FEW_WORDS, trains_what_everything_loads, write_few_words

RECIPE = f"""
seed = 5
[model]
kind = "transformer-decoder"
vocab_size = 290
n_ctx = 16
n_embd = 16
n_layer = 3
n_head = 2
block = 4
{FEW_WORDS}"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A corpus of few words, and how to learn it."""
    return write_few_words(tmp_path, RECIPE)


def test_a_recipe_trains_a_model_that_everything_loads(recipe: Path) -> None:
    trains_what_everything_loads(recipe, TransformerDecoder)


def test_documents_in_a_row_are_refused(recipe: Path) -> None:
    with pytest.raises(ConfigError, match=r"document_mask.*transformer-decoder"):
        read_recipe(recipe, ["training.document_mask=true"])


def test_a_recipe_names_its_letters(recipe: Path) -> None:
    read = read_recipe(recipe, ["model.pattern=lmf"])
    assert read.model == TransformerDecoderConfig.from_dict(
        read_recipe(recipe).model.to_dict() | {"pattern": "lmf"}
    )
    with pytest.raises(ConfigError, match="pattern is 'xyz'"):
        read_recipe(recipe, ["model.pattern=xyz"])


def test_it_is_planned(recipe: Path) -> None:
    """Fewer keys are less arithmetic; weights are counted, not guessed."""
    read = read_recipe(recipe)
    shape = shape_of(read, device=torch.device("cpu"))
    model = TransformerDecoder(read.model)  # type: ignore[arg-type]
    assert shape.parameters == sum(p.numel() for p in model.parameters())
    assert estimate_memory(shape).parts["weights"] == 4 * shape.parameters
    long, full = (
        flops_per_token(TransformerDecoderConfig(n_ctx=8192, pattern=pattern), 8192)
        for pattern in ("lm", "f")
    )
    assert full - long == 12 * 768 * (3 * (8192 - 256) + 2 * (8192 - 2731)) - 6 * 2 * 2 * 768**2


def test_a_slot_carries_what_is_far_away() -> None:
    """The last token is the one at position 1, in another block: only slots lead there."""
    losses = {}
    for pattern, steps in (("lm", 110), ("l", 40)):
        size = TransformerDecoderConfig(
            vocab_size=8, n_ctx=12, n_embd=32, n_layer=2, n_head=2, block=4, pattern=pattern
        )
        model = TransformerDecoder(size, seed=1)
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
        generator = torch.Generator().manual_seed(0)
        for _ in range(steps):
            tokens = torch.randint(0, 8, (64, 12), generator=generator)
            loss = F.cross_entropy(model(tokens)[:, -1], tokens[:, 1])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        losses[pattern] = loss.item()
    assert losses["lm"] < 0.2
    assert losses["l"] > 1.9  # ln 8 is 2.08
