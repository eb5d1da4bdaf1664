"""From a name or a path to a model that writes."""

from pathlib import Path

import torch

from cutaway.generation.language_model import LanguageModel

__all__ = ["load"]


def load(
    source: str | Path = "pocket",
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
    allow_pickle: bool = False,
) -> LanguageModel:
    """Loads a model with its tokenizer: a known name, a directory or a file.

    Args:
        source: what to load; the bundled model by default.
        dtype: to hold the weights in; None for float32, into which half precision fits exactly.
        device: to run on.
        allow_pickle: whether files that can run code may be read.

    Raises:
        CheckpointError: if there is no such model, or its files are incomplete, corrupt or unsafe.
    """
    from cutaway.checkpoints import load_checkpoint  # not needed for a model in memory

    loaded = load_checkpoint(source, dtype=dtype, device=device, allow_pickle=allow_pickle)
    return LanguageModel(
        loaded.model, loaded.tokenizer, name=loaded.name, fingerprint=loaded.fingerprint
    )
