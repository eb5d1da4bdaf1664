"""From a name or a path to a model in memory."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cutaway.checkpoints.layouts import config_in
from cutaway.checkpoints.opened import explained, open_checkpoint
from cutaway.checkpoints.places import locate
from cutaway.models import DecoderConfig

if TYPE_CHECKING:
    import torch

    from cutaway.models import Decoder
    from cutaway.tokenizers import Tokenizer

__all__ = ["Loaded", "load_checkpoint", "load_config"]


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

    model: "Decoder"
    tokenizer: "Tokenizer | None"
    name: str
    layout: str
    fingerprint: str


def load_checkpoint(
    source: str | Path,
    *,
    adapter: str | Path | None = None,
    dtype: "torch.dtype | None" = None,
    device: "torch.device | str" = "cpu",
    allow_pickle: bool = False,
) -> Loaded:
    """Loads a checkpoint of any layout, its every tensor accounted for.

    Args:
        source: a known name (see :func:`list_models`), ``owner/name`` on the Hugging Face hub, or
            the path of a directory or file.
        adapter: a directory with a LoRA in PEFT's layout, whose changes are put into the weights;
            or the run that made it.
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
    opened = open_checkpoint(source, adapter=adapter, allow_pickle=allow_pickle)
    with explained(source):
        model = opened.model(dtype=dtype, device=device)
    return Loaded(model, opened.tokenizer, opened.name, opened.layout, opened.fingerprint())


def load_config(source: str | Path) -> DecoderConfig:
    """The size of a checkpoint, without its weights; ``source`` as for :func:`load_checkpoint`."""
    with explained(source):
        return config_in(locate(source, allow_pickle=False))
