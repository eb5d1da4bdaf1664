"""What a reader found in the files, before a tensor is read."""

from dataclasses import dataclass

from cutaway.checkpoints.folder import Folder
from cutaway.checkpoints.stored import Stored
from cutaway.models import DecoderConfig
from cutaway.numbers import Bits

__all__ = ["Found"]


@dataclass(frozen=True, slots=True)
class Found:
    """A checkpoint whose tensors are accounted for and not yet read.

    Attributes:
        layout: the name of its layout.
        config: the size, as the files state it.
        tensors: by our names, with our axes; a bias that is absent is zero.
        folder: where a vocabulary may lie beside it.
        head: the output matrix, where one is stored; it must equal the token embedding.
        padded_from: rows of the vocabulary in use, where the file states that others are padding.
        bits: of the codes, where the matrices are quantized.
    """

    layout: str
    config: DecoderConfig
    tensors: dict[str, Stored]
    folder: Folder
    head: Stored | None = None
    padded_from: int | None = None
    bits: Bits | None = None
