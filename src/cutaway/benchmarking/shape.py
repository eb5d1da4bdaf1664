"""The size of the model that is measured, and what of it a step has to read."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from cutaway.models import GPT2Config

__all__ = ["GPT2_124M", "Shape"]


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of a GPT-2, without its model: for processes that have no torch."""

    n_layer: int
    n_embd: int
    n_head: int
    vocab_size: int
    n_ctx: int

    @property
    def linear(self) -> int:
        """Weights of a step's products, the head included."""
        return self.n_layer * 12 * self.n_embd**2 + self.vocab_size * self.n_embd

    @property
    def small(self) -> int:
        """Biases and layer norms, float32 in every format."""
        return self.n_layer * 13 * self.n_embd + 2 * self.n_embd

    @property
    def parameters(self) -> int:
        """All of them; the tied head is the token embedding and counts once."""
        return self.linear + self.small + self.n_ctx * self.n_embd

    @property
    def title(self) -> str:
        """How a model of this size is called."""
        return f"GPT-2 {self.parameters / 1e6:,.{0 if self.parameters > 1e7 else 2}f}M"

    def to_dict(self) -> dict[str, int]:
        """All fields."""
        return asdict(self)

    @classmethod
    def of(cls, config: "GPT2Config") -> Self:
        """The shape of a configuration."""
        return cls(**{name: getattr(config, name) for name in cls.__slots__})

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The shape of a checkpoint in the layout of transformers."""
        fields = json.loads((folder / "config.json").read_text())
        theirs = {"n_ctx": "n_positions"}
        return cls(**{name: fields[theirs.get(name, name)] for name in cls.__slots__})


GPT2_124M = Shape(n_layer=12, n_embd=768, n_head=12, vocab_size=50_257, n_ctx=1024)
