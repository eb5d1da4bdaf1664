"""What generation asks of an engine: texts whose keys and values it holds, read in pieces."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from jaxtyping import Float
from torch import Tensor

from cutaway.models import GPT2Config

__all__ = ["Engine", "Format", "Piece", "Text"]

Format = Literal["float32", "bfloat16", "int8", "int4"]


class Text(Protocol):
    """A text whose keys and values an engine holds, in blocks that texts may share."""

    @property
    def length(self) -> int:
        """Positions held."""
        ...

    def fork(self) -> "Text":
        """Another text with the same beginning; what both hold is not copied."""
        ...

    def truncate(self, length: int) -> None:
        """Forgets what lies past ``length`` positions."""
        ...

    def close(self) -> None:
        """Gives its memory back."""
        ...


@dataclass(frozen=True, slots=True)
class Piece:
    """Ids to add to a text.

    Attributes:
        text: that they go behind.
        ids: at least one.
        n_wanted: logits are given behind the last so many of them; 0 for none.
    """

    text: Text
    ids: Sequence[int]
    n_wanted: int = 1


class Engine(Protocol):
    """GPT-2 for the CPU. One caller at a time."""

    @property
    def config(self) -> GPT2Config:
        """The size of the model."""
        ...

    @property
    def format(self) -> Format:
        """The kind of number that the weights are held in."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes of weights and cache."""
        ...

    def new_text(self) -> Text:
        """An empty text."""
        ...

    def read(self, pieces: Sequence[Piece]) -> Float[Tensor, "N V"]:
        """Reads pieces; logits in float32, the wanted ones of each piece in order."""
        ...
