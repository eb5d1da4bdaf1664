"""The model before the first step, and the vocabulary."""

import logging
from pathlib import Path

import torch
from torch import Tensor

from cutaway.checkpoints import load_checkpoint
from cutaway.errors import ConfigError
from cutaway.models import Decoder, new_model
from cutaway.tokenizers import Tokenizer
from cutaway.training.corpus import vocabulary_of
from cutaway.training.music_corpus import music_vocabulary
from cutaway.training.pair_corpus import PairFiles
from cutaway.training.recipe import Recipe

__all__ = ["first_model", "with_rows"]

logger = logging.getLogger("cutaway.training")

_NOISE = 0.1  # of the deviation of old rows


def first_model(
    recipe: Recipe, data: Path, out: Path, *, pairs: PairFiles
) -> tuple[Decoder, Tokenizer]:
    """The model before the first step, and the vocabulary.

    Args:
        recipe: of the run.
        data: the folder that the recipe's paths are relative to.
        out: the run's own directory.
        pairs: that a vocabulary is learned from, if the recipe says so.

    Raises:
        ConfigError: if they do not go together.
        CheckpointError: if the model to start from cannot be read.
    """
    model = new_model(recipe.model, seed=recipe.seed)
    if not recipe.init:
        if recipe.task.corpus == "music":
            return model, music_vocabulary(recipe)
        texts = pairs.texts() if recipe.tokenizer.pairs else ()
        return model, vocabulary_of(recipe, data, out, pairs=texts)
    loaded = load_checkpoint(recipe.init)
    logger.info("starting from %s", loaded.name)
    if recipe.tokenizer.is_learned:
        key = "files" if recipe.tokenizer.files else "pairs"
        raise ConfigError(
            f"tokenizer.{key} would learn a vocabulary, and {recipe.init} has its own.",
            "Leave one of the two out.",
        )
    if loaded.tokenizer is None:
        raise ConfigError(
            f"{recipe.init} came without a vocabulary.", "Put its tokenizer.json beside it."
        )
    format = recipe.task.format
    tokenizer = loaded.tokenizer.with_specials(() if format is None else format.specials)
    weights = loaded.model.state_dict()
    if tokenizer.vocab_size > loaded.model.config.vocab_size:
        n_new = tokenizer.vocab_size - loaded.model.config.vocab_size
        named = ", ".join(list(tokenizer.specials)[-n_new:])
        logger.info("the vocabulary grows by %s, to %s", named, f"{tokenizer.vocab_size:,}")
        for name in ("wte.weight", "lm_head.weight"):  # GPT-2's head is its embedding
            if name in weights:
                weights[name] = with_rows(weights[name], n_new, seed=recipe.seed)
    model.load_state_dict(weights)
    return model, tokenizer


def with_rows(weight: Tensor, n_new: int, *, seed: int) -> Tensor:
    """An embedding with rows for new tokens behind its own.

    A new row is the mean of the old ones, and a little noise. As a row of the head, the mean has
    the mean of all scores, so the model says at first what it said before; a random one may
    outshine them all (Hewitt 2021, "Initializing New Word Embeddings for Pretrained Language
    Models"). The noise tells several new ones apart.

    Args:
        weight: ``(V, D)``.
        n_new: rows to add.
        seed: of the noise; the global random state is not touched.

    >>> with_rows(torch.tensor([[1.0, 2.0], [3.0, 2.0]]), 1, seed=0)[:, 1]
    tensor([2., 2., 2.])
    """
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(n_new, weight.shape[1], generator=generator).to(weight)
    rows = weight.mean(dim=0) + _NOISE * weight.std(dim=0) * noise
    return torch.cat([weight, rows.to(weight.dtype)])
