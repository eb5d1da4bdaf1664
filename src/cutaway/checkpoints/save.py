"""Writing a model in our layout, the Hugging Face one, so that no reader ever finds a half."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cutaway.checkpoints.huggingface import config_to_json
from cutaway.checkpoints.names import HUGGINGFACE
from cutaway.checkpoints.safetensors_file import write_safetensors
from cutaway.checkpoints.stored import WEIGHT_DTYPES
from cutaway.checkpoints.vocabulary import check_fit
from cutaway.errors import ConfigError
from cutaway.files import replace_together
from cutaway.models import GPT2

if TYPE_CHECKING:
    from cutaway.tokenizers import Tokenizer

__all__ = ["save_checkpoint", "write_huggingface"]


def save_checkpoint(
    directory: str | Path,
    model: GPT2,
    tokenizer: "Tokenizer | None",
    *,
    dtype: torch.dtype | None = None,
    card: str | None = None,
) -> None:
    """Writes ``config.json``, ``model.safetensors``, ``tokenizer.json`` and ``README.md``.

    They take their places together when all are on the disk; a failure before that leaves what
    was there. Other files in the directory stay.

    Args:
        directory: made if it does not exist.
        model: to save.
        tokenizer: saved beside the model, unless None.
        dtype: to store the weights in; None as the model holds them.
        card: the text of ``README.md``, unless None.

    Raises:
        ConfigError: if ``dtype`` is none of float32, float16 and bfloat16.
        CorruptCheckpoint: if a weight is not finite, or does not fit into ``dtype``.
        KeyMismatch: if the tokenizer has more or fewer entries than the model.
        ResourceError: if the disk is full.
    """
    with replace_together(Path(directory)) as folder:
        write_huggingface(folder, model, tokenizer, dtype=dtype, card=card)


def write_huggingface(
    folder: Path,
    model: GPT2,
    tokenizer: "Tokenizer | None",
    *,
    dtype: torch.dtype | None = None,
    card: str | None = None,
) -> None:
    """Writes the files of :func:`save_checkpoint` into a folder that nobody reads yet."""
    config, dtype = model.config, model.wte.weight.dtype if dtype is None else dtype
    if dtype not in WEIGHT_DTYPES:
        raise ConfigError(f"{dtype} cannot be stored.", "Give dtype=torch.float32, or narrower.")
    eot = 50_256 if config.vocab_size == 50_257 else None
    if tokenizer is not None:
        check_fit(tokenizer, config.vocab_size, str(folder))
        eot = tokenizer.eot
        tokenizer.save(folder)
    text = json.dumps(config_to_json(config, dtype=dtype, eot=eot), indent=2) + "\n"
    (folder / "config.json").write_text(text)
    with (folder / "model.safetensors").open("wb") as file:
        write_safetensors(file, _in_order(model), dtype)
    if card is not None:
        (folder / "README.md").write_text(card)


def _in_order(model: GPT2) -> dict[str, Tensor]:
    state = model.state_dict()
    return {row.ours: state[row.ours] for row in HUGGINGFACE.expanded(model.config.n_layer)}
