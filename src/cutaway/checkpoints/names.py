"""Which tensor is which: one table for each layout, read one way to save and the other to load.

Our names and shapes are those of the models themselves. ``{i}`` stands for the number of a
block. The order of the rows is the order in which llm.c writes them, and that of a fingerprint.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from cutaway.models import (
    DecoderConfig,
    ModernConfig,
    MusicTransformerConfig,
    TransformerConfig,
    TransformerDecoderConfig,
)
from cutaway.numbers import Array

__all__ = [
    "HUGGINGFACE",
    "LLMC",
    "MODERN",
    "MUSIC",
    "NANOGPT",
    "OPENAI",
    "QUANTIZED",
    "TRANSFORMER",
    "Form",
    "Row",
    "Table",
    "code_form",
    "code_rows",
    "our_table",
    "parameter_count",
    "parameter_shapes",
]


class Form(Enum):
    """How a layout stores a tensor of ours."""

    SAME = "as it is"
    TRANSPOSED = "as torch.nn.Linear does, (out, in)"
    LEADING_ONE = "as a convolution of width one, (1, in, out)"

    def shape(self, ours: tuple[int, ...]) -> tuple[int, ...]:
        """The shape that the layout gives a tensor of this shape of ours."""
        if self is Form.TRANSPOSED:
            return ours[::-1]
        return (1, *ours) if self is Form.LEADING_ONE else ours

    def to_ours(self, theirs: Array) -> Array:
        """A view of their tensor with our axes."""
        if self is Form.TRANSPOSED:
            return theirs.T
        return theirs[0] if self is Form.LEADING_ONE else theirs

    def to_theirs(self, ours: Array) -> Array:
        """A view of our tensor with their axes."""
        if self is Form.TRANSPOSED:
            return ours.T
        return ours[None] if self is Form.LEADING_ONE else ours


class Row(NamedTuple):
    """One parameter: its name here, its name there, how it is stored there."""

    ours: str
    theirs: str
    form: Form = Form.SAME


@dataclass(frozen=True, slots=True)
class Table:
    """All parameters of a layout."""

    rows: tuple[Row, ...]

    def expanded(self, n_layer: int) -> Iterator[Row]:
        """The rows with block numbers filled in; row by row, each for all blocks."""
        for row in self.rows:
            if "{i}" not in row.ours:
                yield row
                continue
            for i in range(n_layer):
                yield Row(row.ours.format(i=i), row.theirs.format(i=i), row.form)


# V vocabulary, C positions, D n_embd.
_SHAPES: dict[str, tuple[str, ...]] = {
    "wte.weight": ("V", "D"),
    "wpe.weight": ("C", "D"),
    "h.{i}.ln_1.weight": ("D",),
    "h.{i}.ln_1.bias": ("D",),
    "h.{i}.attn.c_attn.weight": ("D", "3D"),
    "h.{i}.attn.c_attn.bias": ("3D",),
    "h.{i}.attn.c_proj.weight": ("D", "D"),
    "h.{i}.attn.c_proj.bias": ("D",),
    "h.{i}.ln_2.weight": ("D",),
    "h.{i}.ln_2.bias": ("D",),
    "h.{i}.mlp.c_fc.weight": ("D", "4D"),
    "h.{i}.mlp.c_fc.bias": ("4D",),
    "h.{i}.mlp.c_proj.weight": ("4D", "D"),
    "h.{i}.mlp.c_proj.bias": ("D",),
    "ln_f.weight": ("D",),
    "ln_f.bias": ("D",),
}

_MODERN_SHAPES: dict[str, tuple[str, ...]] = {
    "wte.weight": ("V", "D"),
    "h.{i}.attn.c_q.weight": ("D", "D"),
    "h.{i}.attn.c_k.weight": ("D", "D"),
    "h.{i}.attn.c_v.weight": ("D", "D"),
    "h.{i}.attn.c_proj.weight": ("D", "D"),
    "h.{i}.mlp.c_fc.weight": ("D", "4D"),
    "h.{i}.mlp.c_proj.weight": ("4D", "D"),
    "lm_head.weight": ("V", "D"),
}

# A all heads together, H heads, K one of them, R distances.
_MUSIC_SHAPES: dict[str, tuple[str, ...]] = {
    "wte.weight": ("V", "D"),
    "h.{i}.ln_1.weight": ("D",),
    "h.{i}.ln_1.bias": ("D",),
    "h.{i}.attn.c_q.weight": ("D", "A"),
    "h.{i}.attn.c_k.weight": ("D", "A"),
    "h.{i}.attn.c_v.weight": ("D", "A"),
    "h.{i}.attn.relative": ("H", "R", "K"),
    "h.{i}.attn.c_proj.weight": ("A", "D"),
    "h.{i}.ln_2.weight": ("D",),
    "h.{i}.ln_2.bias": ("D",),
    "h.{i}.mlp.c_fc.weight": ("D", "F"),
    "h.{i}.mlp.c_fc.bias": ("F",),
    "h.{i}.mlp.c_proj.weight": ("F", "D"),
    "h.{i}.mlp.c_proj.bias": ("D",),
    "ln_f.weight": ("D",),
    "ln_f.bias": ("D",),
}
_DISTANCES = "h.{i}.attn.relative"  # which a Music Transformer has only if it looks at distances

_ATTENTION = ("c_q", "c_k", "c_v", "c_proj")


def _of_transformer_block(stack: str, attention: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The tensors of a block of the encoder (``attn``) or the decoder (``attn``, ``cross``)."""
    named: dict[str, tuple[str, ...]] = {}
    for number, part in enumerate(attention, start=1):
        named |= {f"{stack}.{{i}}.{part}.{name}.weight": ("D", "D") for name in _ATTENTION}
        named |= {f"{stack}.{{i}}.ln_{number}.{name}": ("D",) for name in ("weight", "bias")}
    last = len(attention) + 1
    return named | {
        f"{stack}.{{i}}.mlp.c_fc.weight": ("D", "F"),
        f"{stack}.{{i}}.mlp.c_fc.bias": ("F",),
        f"{stack}.{{i}}.mlp.c_proj.weight": ("F", "D"),
        f"{stack}.{{i}}.mlp.c_proj.bias": ("D",),
        f"{stack}.{{i}}.ln_{last}.weight": ("D",),
        f"{stack}.{{i}}.ln_{last}.bias": ("D",),
    }


_TRANSFORMER_SHAPES: dict[str, tuple[str, ...]] = {
    "wte.weight": ("V", "D"),
    **_of_transformer_block("encoder", ("attn",)),
    **_of_transformer_block("h", ("attn", "cross")),
}

# Of the blocks of a Transformer-Decoder, those with memory-compressed attention only; R is stride.
_COMPRESSED_SHAPES: dict[str, tuple[str, ...]] = {
    "attn.compress_k.weight": ("RD", "D"),
    "attn.compress_k.bias": ("D",),
    "attn.compress_v.weight": ("RD", "D"),
    "attn.compress_v.bias": ("D",),
    "attn.null_k": ("D",),
    "attn.null_v": ("D",),
}

_MATRICES = {
    "h.{i}.attn.c_attn.weight",
    "h.{i}.attn.c_proj.weight",
    "h.{i}.mlp.c_fc.weight",
    "h.{i}.mlp.c_proj.weight",
}


def _linear(name: str) -> Form:
    return Form.TRANSPOSED if name in _MATRICES else Form.SAME


HUGGINGFACE = Table(tuple(Row(name, name) for name in _SHAPES))
MODERN = Table(tuple(Row(name, name) for name in _MODERN_SHAPES))
MUSIC = Table(tuple(Row(name, name) for name in _MUSIC_SHAPES))
TRANSFORMER = Table(tuple(Row(name, name) for name in _TRANSFORMER_SHAPES))
NANOGPT = Table(tuple(Row(name, f"transformer.{name}", _linear(name)) for name in _SHAPES))
LLMC = Table(tuple(Row(name, name, _linear(name)) for name in _SHAPES))
QUANTIZED = LLMC  # our own: rows of codes are outputs
OPENAI = Table(
    (
        Row("wte.weight", "model/wte"),
        Row("wpe.weight", "model/wpe"),
        Row("h.{i}.ln_1.weight", "model/h{i}/ln_1/g"),
        Row("h.{i}.ln_1.bias", "model/h{i}/ln_1/b"),
        Row("h.{i}.attn.c_attn.weight", "model/h{i}/attn/c_attn/w", Form.LEADING_ONE),
        Row("h.{i}.attn.c_attn.bias", "model/h{i}/attn/c_attn/b"),
        Row("h.{i}.attn.c_proj.weight", "model/h{i}/attn/c_proj/w", Form.LEADING_ONE),
        Row("h.{i}.attn.c_proj.bias", "model/h{i}/attn/c_proj/b"),
        Row("h.{i}.ln_2.weight", "model/h{i}/ln_2/g"),
        Row("h.{i}.ln_2.bias", "model/h{i}/ln_2/b"),
        Row("h.{i}.mlp.c_fc.weight", "model/h{i}/mlp/c_fc/w", Form.LEADING_ONE),
        Row("h.{i}.mlp.c_fc.bias", "model/h{i}/mlp/c_fc/b"),
        Row("h.{i}.mlp.c_proj.weight", "model/h{i}/mlp/c_proj/w", Form.LEADING_ONE),
        Row("h.{i}.mlp.c_proj.bias", "model/h{i}/mlp/c_proj/b"),
        Row("ln_f.weight", "model/ln_f/g"),
        Row("ln_f.bias", "model/ln_f/b"),
    )
)


def code_rows(n_layer: int) -> Iterator[Row]:
    """The rows whose weights a quantized checkpoint holds as codes: the embedding and matrices."""
    coded = {"wte.weight", *_MATRICES}
    return (row for row in QUANTIZED.expanded(n_layer) if _template(row.ours) in coded)


def code_form(name: str) -> Form:
    """How the codes of one of them lie, whose rows are outputs."""
    return _linear(_template(name))


def our_table(config: DecoderConfig) -> Table:
    """How our own files name the tensors of such a model."""
    if isinstance(config, TransformerDecoderConfig):
        names = parameter_shapes(config)  # its blocks are not alike: each is named
        return Table(tuple(Row(name, name) for name in names))
    if isinstance(config, MusicTransformerConfig):
        absent = None if config.max_relative else _DISTANCES
        return Table(tuple(row for row in MUSIC.rows if row.ours != absent))
    if isinstance(config, TransformerConfig):
        return TRANSFORMER
    return MODERN if isinstance(config, ModernConfig) else HUGGINGFACE


def parameter_shapes(config: DecoderConfig) -> dict[str, tuple[int, ...]]:
    """Every parameter of a model of this size and its shape; nothing is allocated.

    The number of entries grows with ``n_layer``: check :func:`parameter_count` first.
    """
    d = config.n_embd
    sizes = {"V": config.vocab_size, "C": config.n_ctx, "D": d, "3D": 3 * d, "4D": 4 * d}
    sizes |= {"F": config.n_inner, "A": config.n_att, "H": config.n_head, "K": config.head_dim}
    if isinstance(config, TransformerDecoderConfig):
        sizes["RD"] = config.stride * d
        named = _of_transformer_decoder(config)
    else:
        shapes = _SHAPES
        if isinstance(config, ModernConfig):
            shapes = _MODERN_SHAPES
        elif isinstance(config, TransformerConfig):
            shapes = _TRANSFORMER_SHAPES
        elif isinstance(config, MusicTransformerConfig):
            shapes = _MUSIC_SHAPES
            sizes["R"] = config.max_relative
        rows = our_table(config).expanded(config.n_layer)
        named = {row.ours: shapes[_template(row.ours)] for row in rows}
    return {name: tuple(sizes[axis] for axis in axes) for name, axes in named.items()}


def _of_transformer_decoder(config: TransformerDecoderConfig) -> dict[str, tuple[str, ...]]:
    """GPT-2's tensors without positions, and those that compress, in the blocks that do."""
    named = {name: axes for name, axes in _SHAPES.items() if "{i}" not in name}
    del named["wpe.weight"]
    for i, letter in enumerate(config.letters):
        for name, axes in _SHAPES.items():
            if "{i}" in name:
                named[name.format(i=i)] = axes
        if letter == "m":
            named |= {f"h.{i}.{name}": axes for name, axes in _COMPRESSED_SHAPES.items()}
    return named


def parameter_count(config: DecoderConfig, *, biases: bool = True) -> int:
    """The number of parameters, by arithmetic: a config may ask for any size.

    >>> from cutaway.models import GPT2Config
    >>> parameter_count(GPT2Config())
    124439808
    """
    d = config.n_embd
    if isinstance(config, ModernConfig):  # no biases, gains or places; a head of its own
        return 2 * config.vocab_size * d + config.n_layer * 12 * d * d
    if isinstance(config, MusicTransformerConfig):  # no biases in attention; vectors of distances
        block = 4 * d * config.n_att + config.max_relative * config.n_att
        block += 2 * d * config.n_inner + config.n_inner + 5 * d
        return config.vocab_size * d + config.n_layer * block + 2 * d
    if isinstance(config, TransformerConfig):  # three attentions, two networks, five norms
        pair = 12 * d * d + 2 * (2 * d * config.n_inner + config.n_inner + d) + 10 * d
        return config.vocab_size * d + config.n_layer * pair
    if isinstance(config, TransformerDecoderConfig):  # no places; two matrices that compress
        slots = 2 * (config.stride * d * d + 2 * d) * config.count("m")
        block = 12 * d * d + 13 * d
        return config.vocab_size * d + config.n_layer * block + slots + 2 * d
    block = 12 * d * d + 2 * d  # matrices of 3, 1, 4 and 4 D x D; two gains
    if biases:
        block += 11 * d  # of 3, 1, 4 and 1 D; of the norms
    norm = 2 * d if biases else d
    return (config.vocab_size + config.n_ctx) * d + config.n_layer * block + norm


def _template(name: str) -> str:
    return ".".join("{i}" if part.isdigit() else part for part in name.split("."))
