"""The size of a model: what can be known of it without its weights, and without torch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from dataclasses import fields as fields_of
from typing import Any, Literal, Self

from cutaway.errors import ConfigError, nearest, unknown

__all__ = [
    "DecoderConfig",
    "GPT2Config",
    "ModelConfig",
    "ModernConfig",
    "MusicTransformerConfig",
    "TransformerDecoderConfig",
    "config_of_kind",
    "gpt2_only",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderConfig:
    """The size of any decoder. The defaults are the article's small model.

    Attributes:
        vocab_size: entries of the vocabulary.
        n_ctx: positions; the longest text the model can look at.
        n_embd: width of the residual stream.
        n_layer: blocks in the stack.
        n_head: attention heads in a block.
    """

    vocab_size: int = 50_257
    n_ctx: int = 1024
    n_embd: int = 768
    n_layer: int = 12
    n_head: int = 12

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

    @property
    def n_att(self) -> int:
        """Width of all heads together."""
        return self.n_embd

    @property
    def head_dim(self) -> int:
        """Width of one head."""
        return self.n_att // self.n_head

    @property
    def n_inner(self) -> int:
        """Width inside the MLP: "four times wider"."""
        return 4 * self.n_embd

    def to_dict(self) -> dict[str, Any]:
        """All fields, ready for JSON or TOML."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, object]) -> Self:
        """Builds a configuration from all or some of its fields.

        Raises:
            ConfigError: for a field that does not exist, with the nearest that does.
        """
        known = [field.name for field in fields_of(cls)]
        for field in fields:
            if field not in known:
                raise ConfigError(f"Unknown model field {field!r}.", nearest(field, known))
        return cls(**fields)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class GPT2Config(DecoderConfig):
    """The size of a GPT-2.

    Attributes:
        layer_norm_epsilon: added to the variance in every layer norm.
        dropout: on embeddings, attention weights and both additions, while training only.
    """

    layer_norm_epsilon: float = 1e-5
    dropout: float = 0.0

    def __post_init__(self) -> None:
        DecoderConfig.__post_init__(self)  # super() does not know a class with slots
        _check_shares(self.dropout, self.layer_norm_epsilon)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModernConfig(DecoderConfig):
    """The size of a :class:`cutaway.models.Modern`.

    Attributes:
        kind: tells it from a GPT-2 in files.
        rotary_base: of the wavelengths of the rotary positions: the slowest pair of a head turns
            once in some ``2 pi rotary_base`` positions.
    """

    kind: Literal["modern"] = "modern"
    rotary_base: float = 10_000.0

    def __post_init__(self) -> None:
        DecoderConfig.__post_init__(self)
        if self.kind != "modern":
            raise ConfigError(f"kind is {self.kind!r}.", "It must be 'modern'.")
        if self.head_dim % 2:
            raise ConfigError(
                f"n_embd {self.n_embd} in {self.n_head} heads makes heads of {self.head_dim}.",
                "Rotary positions turn pairs: choose heads of an even width.",
            )
        if not (_is_number(self.rotary_base) and 1.0 < self.rotary_base < float("inf")):
            raise ConfigError(f"rotary_base is {self.rotary_base!r}.", "It must be above 1.")


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformerDecoderConfig(DecoderConfig):
    """The size of a :class:`cutaway.models.TransformerDecoder`; the defaults are the paper's depth.

    Attributes:
        kind: tells it from a GPT-2 in files.
        n_ctx: positions; there are no weights for them.
        n_layer: blocks in the stack.
        pattern: a letter for each block, which are begun anew where they end: ``l`` for local
            attention, ``m`` for memory-compressed, ``f`` for full.
        block: positions that see each other in local attention.
        stride: tokens that memory-compressed attention puts into one slot.
        layer_norm_epsilon: added to the variance in every layer norm.
        dropout: on embeddings, attention weights and both additions, while training only.
    """

    kind: Literal["transformer-decoder"] = "transformer-decoder"
    n_ctx: int = 4096
    n_layer: int = 5
    pattern: str = "lm"
    block: int = 256
    stride: int = 3
    layer_norm_epsilon: float = 1e-6
    dropout: float = 0.0

    def __post_init__(self) -> None:
        DecoderConfig.__post_init__(self)
        if self.kind != "transformer-decoder":
            raise ConfigError(f"kind is {self.kind!r}.", "It must be 'transformer-decoder'.")
        if not (isinstance(self.pattern, str) and self.pattern and set(self.pattern) <= set("lmf")):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError(
                f"pattern is {self.pattern!r}.",
                "Give a letter for each block: l (local), m (memory-compressed), f (full).",
            )
        for field, least in (("block", 1), ("stride", 2)):
            value = getattr(self, field)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ConfigError(f"{field} is {value!r}.", f"It must be {least} or more.")
        if self.n_embd % 2:
            raise ConfigError(
                f"n_embd is {self.n_embd}.", "Sinusoids are sine and cosine in pairs: make it even."
            )
        _check_shares(self.dropout, self.layer_norm_epsilon)

    @property
    def letters(self) -> str:
        """The letter of every block.

        >>> TransformerDecoderConfig().letters
        'lmlml'
        """
        repeats = -(-self.n_layer // len(self.pattern))
        return (self.pattern * repeats)[: self.n_layer]

    def count(self, letter: str) -> int:
        """Blocks of a letter, by arithmetic: a file may claim any number of blocks."""
        whole, rest = divmod(self.n_layer, len(self.pattern))
        return whole * self.pattern.count(letter) + self.pattern[:rest].count(letter)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformerConfig(DecoderConfig):
    """The size of a :class:`cutaway.models.EncoderDecoder`.

    The defaults are the paper's base, but for its dropout of 0.1.

    Attributes:
        kind: tells it from a GPT-2 in files.
        vocab_size: entries of the vocabulary, which source and target share.
        n_ctx: positions of the source, and of the target; there are no weights for them.
        n_layer: blocks in each of the two stacks.
        n_inner: width inside the MLP.
        layer_norm_epsilon: added to the variance in every layer norm.
        dropout: on embeddings and on what each part of a block adds, while training only.
    """

    kind: Literal["transformer"] = "transformer"
    vocab_size: int = 37_000
    n_embd: int = 512
    n_layer: int = 6
    n_head: int = 8
    n_inner: int = 2048  # pyright: ignore[reportIncompatibleMethodOverride]
    layer_norm_epsilon: float = 1e-6
    dropout: float = 0.0

    def __post_init__(self) -> None:
        DecoderConfig.__post_init__(self)
        if self.kind != "transformer":
            raise ConfigError(f"kind is {self.kind!r}.", "It must be 'transformer'.")
        if not isinstance(self.n_inner, int) or isinstance(self.n_inner, bool) or self.n_inner < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError(
                f"n_inner is {self.n_inner!r}.", "It must be a positive whole number."
            )
        if self.n_embd % 2:
            raise ConfigError(
                f"n_embd is {self.n_embd}.", "Sinusoids are sine and cosine in pairs: make it even."
            )
        _check_shares(self.dropout, self.layer_norm_epsilon)


@dataclass(frozen=True, slots=True, kw_only=True)
class MusicTransformerConfig(DecoderConfig):
    """The size of a :class:`cutaway.models.MusicTransformer`; the defaults are the paper's piano.

    But for its dropout of 0.1; and the paper has 388 tokens, to which we add one between pieces.

    Attributes:
        kind: tells it from a GPT-2 in files.
        n_ctx: positions; there are no weights for them.
        n_inner: width inside the MLP.
        n_att: width of all heads together, of queries, keys and values.
        max_relative: distances, from 0, that have a vector of their own in every head; the last
            one's goes for those beyond. 0 for none: the Transformer without relative attention.
        window: positions of a block in local attention, where a query sees its block and the one
            before it; 0 for attention to all.
        layer_norm_epsilon: added to the variance in every layer norm.
        dropout: on embeddings, attention weights and both additions, while training only.
    """

    kind: Literal["music-transformer"] = "music-transformer"
    vocab_size: int = 389
    n_ctx: int = 2048
    n_embd: int = 256
    n_layer: int = 6
    n_head: int = 8
    n_inner: int = 2048  # pyright: ignore[reportIncompatibleMethodOverride]
    n_att: int = 512  # pyright: ignore[reportIncompatibleMethodOverride]
    max_relative: int = 1024
    window: int = 0
    layer_norm_epsilon: float = 1e-6
    dropout: float = 0.0

    def __post_init__(self) -> None:
        DecoderConfig.__post_init__(self)
        if self.kind != "music-transformer":
            raise ConfigError(f"kind is {self.kind!r}.", "It must be 'music-transformer'.")
        for field, least in (("n_inner", 1), ("n_att", 1), ("max_relative", 0), ("window", 0)):
            value = getattr(self, field)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ConfigError(f"{field} is {value!r}.", f"It must be {least} or more.")
        if self.n_att % self.n_head:
            raise ConfigError(
                f"n_att {self.n_att} does not divide into {self.n_head} heads.",
                "Choose n_head so that n_att / n_head is whole.",
            )
        if self.n_embd % 2:
            raise ConfigError(
                f"n_embd is {self.n_embd}.", "Sinusoids are sine and cosine in pairs: make it even."
            )
        _check_shares(self.dropout, self.layer_norm_epsilon)


ModelConfig = (
    GPT2Config
    | ModernConfig
    | TransformerDecoderConfig
    | TransformerConfig
    | MusicTransformerConfig
)
"""The size of a model of any kind that can be trained."""

_KINDS: dict[str, type[ModelConfig]] = {
    "gpt2": GPT2Config,
    "modern": ModernConfig,
    "transformer-decoder": TransformerDecoderConfig,
    "transformer": TransformerConfig,
    "music-transformer": MusicTransformerConfig,
}


def config_of_kind(fields: Mapping[str, Any]) -> tuple[type[ModelConfig], dict[str, Any]]:
    """Which configuration a table with a ``kind`` describes (none: a GPT-2), and its fields.

    >>> config_of_kind({"kind": "gpt2", "n_layer": 2})
    (<class 'cutaway.models.config.GPT2Config'>, {'n_layer': 2})

    Raises:
        ConfigError: for an unknown kind, with the nearest that exists.
    """
    kind = fields.get("kind", "gpt2")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise unknown("kind of model", str(kind), _KINDS)
    return _KINDS[kind], {name: value for name, value in fields.items() if name != "kind"}


def gpt2_only(config: DecoderConfig, what: str, hint: str = "") -> GPT2Config:
    """The same configuration, if it is a GPT-2's.

    Args:
        config: of any model.
        what: that takes no other model, as the beginning of a sentence.
        hint: the way out.

    Raises:
        ConfigError: if it is another's.
    """
    if isinstance(config, GPT2Config):
        return config
    kind = getattr(config, "kind", type(config).__name__)
    raise ConfigError(f"{what} knows GPT-2 only; this model is of the kind {kind!r}.", hint)


def _check_shares(dropout: float, epsilon: float) -> None:
    if not (_is_number(dropout) and 0.0 <= dropout < 1.0):
        raise ConfigError(f"dropout is {dropout!r}.", "It must be in [0, 1).")
    if not (_is_number(epsilon) and 0.0 < epsilon < 1.0):
        raise ConfigError(f"layer_norm_epsilon is {epsilon!r}.", "It must be in (0, 1).")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
