"""What every layout is read into: a configuration, and tensors that are not in memory yet."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from cutaway.models import GPT2Config

__all__ = ["Stored", "StoredTensor"]


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor in a file.

    Attributes:
        shape: as the model has it: a layout that stores the transpose says so in ``read``.
        nbytes: that it takes in the file.
        read: brings it into memory, in the dtype it is stored in.
    """

    shape: tuple[int, ...]
    nbytes: int
    read: Callable[[], Tensor]


@dataclass(frozen=True, slots=True)
class Stored:
    """A checkpoint whose headers were read and found sound.

    Attributes:
        layout: ``huggingface``, ``tensorflow``, ``nanogpt`` or ``llmc``.
        config: the size of the model.
        tensors: by the model's own names, ``h.0.attn.c_attn.weight``; one for each parameter.
        files: that hold the tensors.
        folder: where a tokenizer would be.
    """

    layout: str
    config: GPT2Config
    tensors: Mapping[str, StoredTensor]
    files: tuple[Path, ...]
    folder: Path
