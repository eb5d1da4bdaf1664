"""Saving a model in the layout that we, and transformers, load."""

import json
from pathlib import Path

import torch
from safetensors.torch import save

from cutaway.checkpoints.huggingface import CONFIG_FILE, WEIGHTS_FILE, config_to_json
from cutaway.errors import ConfigError
from cutaway.files import atomic_write, disk_full
from cutaway.models import GPT2
from cutaway.tokenizers import Tokenizer

__all__ = ["save_checkpoint"]


def save_checkpoint(
    directory: Path,
    model: GPT2,
    tokenizer: Tokenizer | None,
    *,
    dtype: torch.dtype | None = None,
    card: str | None = None,
) -> None:
    """Writes ``config.json``, ``model.safetensors`` and the vocabulary into a directory.

    Each file replaces its predecessor whole. The weights come before the configuration: a
    directory without ``config.json`` is no model.

    Args:
        directory: made if it is not there.
        model: to save, under its own names.
        tokenizer: its vocabulary, or None.
        dtype: to store the weights in; None for the one they have.
        card: text of ``README.md``.

    Raises:
        ConfigError: if the tokenizer has more entries than the model, or for an unusual dtype.
        ResourceError: if the disk is full; previous files are as they were.
    """
    if tokenizer is not None and tokenizer.vocab_size > model.config.vocab_size:
        raise ConfigError(
            f"The tokenizer has {tokenizer.vocab_size:,} entries, the model "
            f"{model.config.vocab_size:,}.",
            "They belong to different models.",
        )
    kept = dtype or model.wte.weight.dtype
    if kept not in (torch.float32, torch.float16, torch.bfloat16):
        raise ConfigError(f"Weights cannot be saved as {kept}.", "Use float32, float16, bfloat16.")
    state = {name: p.detach().to("cpu", kept).contiguous() for name, p in model.named_parameters()}
    eot = model.config.vocab_size - 1 if tokenizer is None else tokenizer.eot
    settings = config_to_json(model.config, dtype=kept, eot=eot)
    with disk_full(directory):
        directory.mkdir(parents=True, exist_ok=True)
        with atomic_write(directory / WEIGHTS_FILE) as file:
            file.write(save(state, metadata={"format": "pt"}))
        if tokenizer is not None:
            tokenizer.save(directory)
        if card is not None:
            with atomic_write(directory / "README.md") as file:
                file.write(card.encode())
        with atomic_write(directory / CONFIG_FILE) as file:
            file.write((json.dumps(settings, indent=2) + "\n").encode())
