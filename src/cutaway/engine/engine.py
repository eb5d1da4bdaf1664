"""GPT-2 and the Music Transformer on the CPU: each network as one compiled step.

The readable model (:mod:`cutaway.models.gpt2`, :mod:`cutaway.models.music_transformer`) is the
source of truth; this computes the same from the same weights, laid out for the machine. See
``native/step.h`` for the order of the work, ``docs/decisions/engine.md`` for the reasons.
"""

import math
import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cutaway.engine.blocks import BLOCK, BlockPool, Piece, Text
from cutaway.engine.native import FORMATS, PRODUCTS, WHICH, Batch, Format, Handle
from cutaway.errors import ConfigError, TokenizerError, nearest
from cutaway.models.config import DecoderConfig, GPT2Config, MusicTransformerConfig
from cutaway.numbers import Bits, Quantized, quantize
from cutaway.processor import default_threads

__all__ = ["Engine", "EngineConfig", "Format", "why_not"]

_BITS: dict[str, Bits] = {"int8": 8, "int4": 4, "int8_weight_only": 8}
EngineConfig = GPT2Config | MusicTransformerConfig
"""The sizes that an engine can have."""
_OTHERWISE = "Leave dtype out, or give dtype='readable' or a torch dtype."
_TEXTS = 8  # whole contexts that the cache holds unless told otherwise


class Engine:
    """A model for the CPU. Not thread-safe: one caller at a time.

    The logits of a row have the same bits alone, in any batch, in any pieces of its prompt, behind
    a shared beginning, and with any number of threads.

    Args:
        config: the size, of a GPT-2 or of a Music Transformer without a window.
        format: of the weights. float32 computes as the readable model does, in another order;
            bfloat16 rounds weights, inputs of products, keys and values. int8 and int4 hold
            weights as integers (:mod:`cutaway.numbers`), keys and values in bfloat16, and
            round the inputs of products to 8 bits, with a scale for every 64 of them;
            int8_weight_only rounds them to 15 bits, which costs speed where many tokens are read
            at once, and nothing that can be seen in the result. Vectors of distances are held as
            keys are.
        threads: that compute; None for one on each core.
        cache_bytes: of keys and values; None for eight texts of a whole context. Memory is taken
            as it is written to.
        level: of the library, see :data:`cutaway.compiling.LEVELS`.

    Raises:
        ConfigError: for an unknown format, an impossible number or a model with a window.
        EngineUnavailable: if the library cannot be built.
        ResourceError: if there is no memory.
    """

    def __init__(
        self,
        config: EngineConfig,
        *,
        format: Format,
        threads: int | None = None,
        cache_bytes: int | None = None,
        level: str = "native",
    ) -> None:
        if format not in FORMATS:
            raise ConfigError(f"format is {format!r}.", nearest(str(format), FORMATS))
        if reason := why_not(config):
            raise ConfigError(f"{reason}.", _OTHERWISE)
        threads = default_threads() if threads is None else threads
        if not 1 <= threads <= 4 * (os.cpu_count() or 1):
            raise ConfigError(
                f"threads is {threads}.", f"It must be from 1 to {4 * (os.cpu_count() or 1)}."
            )
        self.config, self.format, self.threads = config, format, threads
        n_blocks = self._n_blocks(cache_bytes)
        sizes = [*_sizes(config), FORMATS.index(format), threads, n_blocks]
        is_music = isinstance(config, MusicTransformerConfig)
        scale = math.sqrt(config.n_embd) if is_music else 1.0
        self._handle = Handle(sizes, config.layer_norm_epsilon, scale, level=level)
        if is_music:
            self._handle.fill(WHICH["wpe.weight"], 0, _waves(config))
        self.pool = BlockPool(
            n_blocks, n_ctx=config.n_ctx, clear=self._handle.clear, copy=self._handle.copy
        )

    def _n_blocks(self, cache_bytes: int | None) -> int:
        per_text = -(-self.config.n_ctx // BLOCK)
        if cache_bytes is None:
            return _TEXTS * per_text
        n_blocks = cache_bytes // self.block_bytes
        if n_blocks < 1:
            raise ConfigError(
                f"A cache of {cache_bytes:,} bytes holds no text.",
                f"{BLOCK} tokens of this model take {self.block_bytes:,} bytes.",
            )
        return n_blocks

    @property
    def block_bytes(self) -> int:
        """Bytes that :data:`BLOCK` tokens take in the cache."""
        width = -(-self.config.head_dim // 16) * 16
        item = 4 if self.format == "float32" else 2
        return 2 * self.config.n_layer * self.config.n_head * width * BLOCK * item

    @property
    def weight_bytes(self) -> int:
        """Bytes of the weights, taken as they are filled in."""
        return self._handle.weight_bytes

    @property
    def cache_bytes(self) -> int:
        """Bytes of the whole cache, taken as it is written to."""
        return self._handle.cache_bytes

    def fill(self, name: str, weight: ArrayLike | Quantized) -> None:
        """Takes one tensor of the model.

        Args:
            name: ours, as in the readable model's ``state_dict``.
            weight: with our axes, any array of numbers (a tensor on the CPU too), which is rounded
                or quantized to :attr:`format`. A quantized one of as many bits as the format's is
                held as it is, another is widened first.
        """
        parts = name.split(".")
        layer, name = (int(parts[1]), ".".join(parts[2:])) if parts[0] == "h" else (0, name)
        which, bits = WHICH[name], _BITS.get(self.format)
        if isinstance(weight, Quantized):
            if weight.bits == bits:
                return self._fill_codes(which, layer, weight)
            rows = weight.dequantized()  # of outputs, as the embedding lies; others are transposed
            weight = rows if name == "wte.weight" else rows.T
        if bits is None or name not in PRODUCTS:
            return self._handle.fill(which, layer, np.ascontiguousarray(weight, np.float32))
        numbers = np.asarray(weight)
        rows = numbers if name == "wte.weight" else numbers.T
        return self._fill_codes(which, layer, quantize(rows, bits))

    def _fill_codes(self, which: int, layer: int, weight: Quantized) -> None:
        codes = np.ascontiguousarray(weight.codes)
        self._handle.fill_codes(which, layer, codes, np.ascontiguousarray(weight.scales))

    def new_text(self) -> Text:
        """A text without tokens."""
        return Text(self.pool)

    def read(self, pieces: Sequence[Piece]) -> NDArray[np.float32]:
        """Reads new tokens of some texts, each text at most once.

        Returns:
            Logits ``(N, V)`` behind the wanted tokens, in the order of the pieces.

        Raises:
            ContextLengthError: if a text becomes longer than the model has positions.
            ResourceError: if the cache is full. In both cases no text has changed.
            TokenizerError: for an id outside the vocabulary.
        """
        logits = self._handle.read(self._batch(pieces), self.config.vocab_size)
        self._lengthen(pieces)
        return logits

    def log_sums(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """For each row of logits ``(N, V)`` the log of the sum of their exponentials ``(N,)``.

        A log-probability is a logit less this. Sums are made in parts of 1,024 in float32, and
        joined in float64.
        """
        assert logits.dtype == np.float32
        assert not logits.size or logits.strides[1] == logits.itemsize
        return self._handle.log_sums(logits)

    def score(self, pieces: Sequence[Piece], targets: Sequence[int]) -> NDArray[np.float64]:
        """Reads as :meth:`read` does, and says how likely given tokens are instead of all.

        Args:
            pieces: to read.
            targets: for each wanted token the one that may follow it.

        Returns:
            The natural logarithms ``(N,)`` of their probabilities. Sums over the vocabulary are
            made in parts of 1,024 in float32, and joined in float64.

        Raises:
            ConfigError: if there are not as many targets as wanted tokens; otherwise as
                :meth:`read`.
        """
        n_wanted = sum(piece.n_wanted for piece in pieces)
        if len(targets) != n_wanted:
            raise ConfigError(
                f"{len(targets)} targets for {n_wanted} tokens.", "Give one for each wanted token."
            )
        if targets:
            self._check_ids(targets)
        logprobs = self._handle.score(self._batch(pieces), targets)
        self._lengthen(pieces)
        return logprobs

    def _batch(self, pieces: Sequence[Piece]) -> Batch:
        """Checks pieces and makes room for them."""
        for piece in pieces:
            self._check(piece)
        needed = sum(self.pool.n_needed(piece.text, len(piece.ids)) for piece in pieces)
        self.pool.check_free(needed)
        for piece in pieces:
            piece.text.reserve(len(piece.ids))
        per_text = -(-self.config.n_ctx // BLOCK)
        blocks: list[int] = []
        for piece in pieces:
            blocks += piece.text.blocks
            blocks += [0] * (per_text - len(piece.text.blocks))
        return Batch(
            starts=[piece.text.length for piece in pieces],
            n_new=[len(piece.ids) for piece in pieces],
            n_wanted=[piece.n_wanted for piece in pieces],
            tokens=[token for piece in pieces for token in piece.ids],
            blocks=blocks,
        )

    def _lengthen(self, pieces: Sequence[Piece]) -> None:
        for piece in pieces:
            piece.text.length += len(piece.ids)

    def _check(self, piece: Piece) -> None:
        if not 0 <= piece.n_wanted <= len(piece.ids) or not piece.ids:
            raise ConfigError(
                f"{piece.n_wanted} logits of {len(piece.ids)} tokens.",
                "Give at least one token, and ask for at most one logit row for each.",
            )
        self._check_ids(piece.ids)
        piece.text.check_fits(len(piece.ids))

    def _check_ids(self, ids: Sequence[int]) -> None:
        low, high = min(ids), max(ids)
        if low < 0 or high >= self.config.vocab_size:
            raise TokenizerError(
                f"Token id {low if low < 0 else high} is outside the vocabulary.",
                f"This model has ids 0 to {self.config.vocab_size - 1}.",
            )


def why_not(config: DecoderConfig) -> str:
    """Why no engine can compute a model of this size; empty where one can."""
    if not isinstance(config, GPT2Config | MusicTransformerConfig):
        kind = getattr(config, "kind", type(config).__name__)
        knows = "The engine knows GPT-2 and the Music Transformer only"
        return f"{knows}; this model is of the kind {kind!r}"
    if isinstance(config, MusicTransformerConfig) and config.window:
        return f"The engine knows no windows, and this model has one of {config.window} positions"
    return ""


def _sizes(config: EngineConfig) -> list[int]:
    """The numbers of ``native/shape.h``."""
    sizes = [config.vocab_size, config.n_ctx, config.n_embd, config.n_layer, config.n_head]
    if isinstance(config, MusicTransformerConfig):
        return [*sizes, config.n_att, config.n_inner, config.max_relative, 1]
    return [*sizes, config.n_embd, config.n_inner, 0, 0]


def _waves(config: MusicTransformerConfig) -> NDArray[np.float32]:
    """What :func:`cutaway.nn.sinusoids.sinusoids` says of all positions, without torch."""
    pairs = np.arange(0, config.n_embd, 2)
    angles = np.arange(config.n_ctx)[:, None] * 10_000.0 ** (-pairs / config.n_embd)
    waves = np.stack([np.sin(angles), np.cos(angles)], axis=-1)
    return np.ascontiguousarray(waves.reshape(config.n_ctx, config.n_embd), np.float32)
