"""From a name or a path to a model in memory."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from cutaway.checkpoints.build import build
from cutaway.checkpoints.found import Found
from cutaway.checkpoints.layouts import config_in, find
from cutaway.checkpoints.places import locate
from cutaway.checkpoints.vocabulary import tokenizer_of, vocabulary_size
from cutaway.errors import CheckpointError, CutawayError, ResourceError
from cutaway.models import GPT2, GPT2Config

if TYPE_CHECKING:
    from cutaway.tokenizers import Tokenizer

__all__ = ["Loaded", "explained", "load_checkpoint", "load_config", "load_found"]


@dataclass(frozen=True)
class Loaded:
    """A model from files.

    Attributes:
        model: ready to run, dropout off.
        tokenizer: its vocabulary, or None where none is known.
        name: what was asked for.
        layout: how it was stored: huggingface, openai, nanogpt, llmc or training.
        fingerprint: the SHA-256 of its sizes and weights as stored; equal in every layout.
    """

    model: GPT2
    tokenizer: "Tokenizer | None"
    name: str
    layout: str
    fingerprint: str


def load_checkpoint(
    source: str | Path,
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
    allow_pickle: bool = False,
) -> Loaded:
    """Loads a checkpoint of any layout, its every tensor accounted for.

    Args:
        source: a known name (see :func:`list_models`), ``owner/name`` on the Hugging Face hub, or
            the path of a directory or file.
        dtype: to hold the weights in. None widens float16 and bfloat16 to float32, exactly: that
            is what a CPU computes fastest in.
        device: to hold them on.
        allow_pickle: whether ``pytorch_model.bin`` may be read (by torch, weights only).

    Raises:
        CheckpointNotFound: if there is no such name, directory or file.
        MissingWeights: if a file or a tensor is missing.
        KeyMismatch: if tensors, configuration and vocabulary do not fit one another.
        CorruptCheckpoint: if a file is damaged, or a weight is not finite.
        UnsafeCheckpoint: if a file would run code or leads out of its directory.
        TokenizerError: if the vocabulary is damaged.
        ResourceError: if there is too little memory.
    """
    with explained(source):
        found = find(locate(source, allow_pickle=allow_pickle), allow_pickle=allow_pickle)
        return load_found(found, str(source), dtype=dtype, device=device)


def load_found(
    found: Found, name: str, *, dtype: torch.dtype | None, device: torch.device | str
) -> Loaded:
    """Reads what a reader found."""
    tokenizer = tokenizer_of(found)
    n_vocab = vocabulary_size(found, tokenizer)
    model, fingerprint = build(found, n_vocab=n_vocab, dtype=dtype, device=device)
    return Loaded(model, tokenizer, name, found.layout, fingerprint)


def load_config(source: str | Path) -> GPT2Config:
    """The size of a checkpoint, without its weights; ``source`` as for :func:`load_checkpoint`."""
    with explained(source):
        return config_in(locate(source, allow_pickle=False))


@contextmanager
def explained(source: str | Path) -> Generator[None]:
    """What the system refuses becomes an error of ours."""
    try:
        yield
    except CutawayError:  # some of them are OSErrors too
        raise
    except OSError as error:
        raise CheckpointError(
            f"{source} cannot be read: {error}.", "See to the permissions of its files."
        ) from error
    except MemoryError as error:
        raise ResourceError(
            f"Out of memory while loading {source}.", "Choose a smaller model, or a narrower dtype."
        ) from error
