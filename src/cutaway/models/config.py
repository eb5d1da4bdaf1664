"""The size of a GPT-2: what can be known of a model without its weights, and without torch."""

from dataclasses import asdict, dataclass
from typing import Self

from cutaway.errors import ConfigError, nearest

__all__ = ["GPT2Config"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GPT2Config:
    """The size of a GPT-2. The defaults are the article's small model.

    Attributes:
        vocab_size: entries of the vocabulary.
        n_ctx: positions; the longest text the model can look at.
        n_embd: width of the residual stream.
        n_layer: blocks in the stack.
        n_head: attention heads in a block.
        layer_norm_epsilon: added to the variance in every layer norm.
        dropout: on embeddings, attention weights and both additions, while training only.
    """

    vocab_size: int = 50_257
    n_ctx: int = 1024
    n_embd: int = 768
    n_layer: int = 12
    n_head: int = 12
    layer_norm_epsilon: float = 1e-5
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for field in ("vocab_size", "n_ctx", "n_embd", "n_layer", "n_head"):
            value = getattr(self, field)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ConfigError(f"{field} is {value!r}.", "It must be a positive whole number.")
        if self.n_embd % self.n_head:
            raise ConfigError(
                f"n_embd {self.n_embd} does not divide into {self.n_head} heads.",
                "Choose n_head so that n_embd / n_head is whole.",
            )
        if not (_is_number(self.dropout) and 0.0 <= self.dropout < 1.0):
            raise ConfigError(f"dropout is {self.dropout!r}.", "It must be in [0, 1).")
        if not (_is_number(self.layer_norm_epsilon) and 0.0 < self.layer_norm_epsilon < 1.0):
            raise ConfigError(
                f"layer_norm_epsilon is {self.layer_norm_epsilon!r}.", "It must be in (0, 1)."
            )

    @property
    def head_dim(self) -> int:
        """Width of one head."""
        return self.n_embd // self.n_head

    @property
    def n_inner(self) -> int:
        """Width inside the MLP: "four times wider"."""
        return 4 * self.n_embd

    def to_dict(self) -> dict[str, int | float]:
        """All fields, ready for JSON or TOML."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, object]) -> Self:
        """Builds a configuration from all or some of its fields.

        Raises:
            ConfigError: for a field that does not exist, with the nearest that does.
        """
        for field in fields:
            if field not in cls.__slots__:
                raise ConfigError(f"Unknown model field {field!r}.", nearest(field, cls.__slots__))
        return cls(**fields)  # type: ignore[arg-type]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
