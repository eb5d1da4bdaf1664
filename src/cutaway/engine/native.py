"""The engine's library through ctypes: numbers and pointers in, nothing checked.

Whoever calls has checked shapes and bounds: a wrong one ends the process.
"""

import ctypes
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from cutaway.engine.compiling import LIBRARY
from cutaway.errors import ResourceError

__all__ = ["FORMATS", "PRODUCTS", "WHICH", "Batch", "Format", "Handle", "library"]

Format = Literal["float32", "bfloat16", "int8", "int4", "int8_weight_only"]
FORMATS: tuple[Format, ...] = get_args(Format)  # in the order of Format in native/rows.h
_BLOCK_NAMES = (
    "ln_1.weight", "ln_1.bias", "attn.c_attn.weight", "attn.c_attn.bias", "attn.c_proj.weight",
    "attn.c_proj.bias", "ln_2.weight", "ln_2.bias", "mlp.c_fc.weight", "mlp.c_fc.bias",
    "mlp.c_proj.weight", "mlp.c_proj.bias", "attn.c_q.weight", "attn.c_k.weight",
    "attn.c_v.weight", "attn.relative",
)  # fmt: skip
_NAMES = ("wte.weight", "wpe.weight", *_BLOCK_NAMES, "ln_f.weight", "ln_f.bias")
# The library's number for a weight of the model, or of a block.
WHICH = {name: number for number, name in enumerate(_NAMES)}
PRODUCTS = {"wte.weight", *(name for name in _BLOCK_NAMES if ".c_" in name and "weight" in name)}
"""The weights that are multiplied with, which formats hold each in its way; others are float32."""

_INTS, _FLOATS = ctypes.POINTER(ctypes.c_int32), ctypes.POINTER(ctypes.c_float)
_SIGNATURES = {
    "cutaway_new": (ctypes.c_void_p, [_INTS, ctypes.c_float, ctypes.c_float]),
    "cutaway_free": (None, [ctypes.c_void_p]),
    "cutaway_weight_bytes": (ctypes.c_int64, [ctypes.c_void_p]),
    "cutaway_cache_bytes": (ctypes.c_int64, [ctypes.c_void_p]),
    "cutaway_fill": (None, [ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_void_p]),
    "cutaway_fill_codes": (
        None,
        [ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p],
    ),
    "cutaway_clear": (None, [ctypes.c_void_p, ctypes.c_int]),
    "cutaway_copy": (None, [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]),
    "cutaway_log_sums": (
        None,
        [ctypes.c_void_p, ctypes.c_int, ctypes.c_int64, ctypes.c_int, ctypes.c_void_p],
    ),
    "cutaway_read": (
        None,
        [ctypes.c_void_p, ctypes.c_int, *[_INTS] * 5, ctypes.c_void_p, _INTS, ctypes.c_void_p],
    ),
}


@lru_cache(maxsize=8)
def library(level: str = "native") -> ctypes.CDLL:
    """The compiled library; one that does not load is built again.

    Raises:
        EngineUnavailable: if it cannot be built, or does not load even when it is new.
    """
    return LIBRARY.load(_SIGNATURES, level)


def _ints(values: Sequence[int]) -> ctypes.Array[ctypes.c_int32]:
    return (ctypes.c_int32 * len(values))(*values)


class Handle:
    """One engine in the library.

    Args:
        sizes: those of ``native/shape.h`` in their order, format, threads, blocks.
        epsilon: of the layer norms.
        token_scale: that embeddings of tokens are multiplied with.
        level: of the library, see :data:`cutaway.compiling.LEVELS`.

    Raises:
        EngineUnavailable: if there is no library.
        ResourceError: if there is no memory.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        epsilon: float,
        token_scale: float,
        *,
        level: str = "native",
    ) -> None:
        self._library = library(level)
        self._pointer = self._library.cutaway_new(_ints(sizes), epsilon, token_scale)
        if not self._pointer:
            raise ResourceError(
                "The system gives no memory for the engine's weights and cache.",
                "Choose a smaller model, a narrower dtype, or a smaller cache.",
            )

    def __del__(self) -> None:
        if getattr(self, "_pointer", None):
            self._library.cutaway_free(self._pointer)

    @property
    def weight_bytes(self) -> int:
        """Bytes of all weights as they are held."""
        return self._library.cutaway_weight_bytes(self._pointer)

    @property
    def cache_bytes(self) -> int:
        """Bytes of the whole cache."""
        return self._library.cutaway_cache_bytes(self._pointer)

    def fill(self, which: int, layer: int, numbers: NDArray[np.float32]) -> None:
        """Takes a weight from contiguous float32."""
        self._library.cutaway_fill(self._pointer, which, layer, numbers.ctypes.data)

    def fill_codes(
        self, which: int, layer: int, codes: NDArray[np.int8], scales: NDArray[np.float32]
    ) -> None:
        """Takes a weight from contiguous codes and scales."""
        self._library.cutaway_fill_codes(
            self._pointer, which, layer, codes.ctypes.data, scales.ctypes.data
        )

    def clear(self, block: int) -> None:
        """Sets a block of the cache to zeros."""
        self._library.cutaway_clear(self._pointer, block)

    def copy(self, source: int, target: int) -> None:
        """Copies a block of the cache."""
        self._library.cutaway_copy(self._pointer, source, target)

    def read(self, batch: "Batch", n_vocab: int) -> NDArray[np.float32]:
        """Runs the network, for logits ``(N, n_vocab)``."""
        logits = np.empty((sum(batch.n_wanted), n_vocab), np.float32)
        self._read(batch, logits.ctypes.data, None, None)
        return logits

    def log_sums(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """The logarithm of each row's sum of exponentials; the numbers of a row are neighbours."""
        n_rows, n = logits.shape
        sums = np.empty(n_rows, np.float64)
        stride = logits.strides[0] // logits.itemsize
        self._library.cutaway_log_sums(logits.ctypes.data, n_rows, stride, n, sums.ctypes.data)
        return sums

    def score(self, batch: "Batch", targets: Sequence[int]) -> NDArray[np.float64]:
        """Runs the network, for the log-probability of one token behind each wanted one."""
        logprobs = np.empty(len(targets), np.float64)
        self._read(batch, None, _ints(targets), logprobs.ctypes.data)
        return logprobs

    def _read(
        self,
        batch: "Batch",
        logits: int | None,
        targets: ctypes.Array[ctypes.c_int32] | None,
        logprobs: int | None,
    ) -> None:
        lists = (batch.starts, batch.n_new, batch.n_wanted, batch.tokens, batch.blocks)
        self._library.cutaway_read(
            self._pointer, len(batch.starts), *map(_ints, lists), logits, targets, logprobs
        )


class Batch(NamedTuple):
    """What is read in one call; see ``cutaway_read`` in ``native/api.cpp``."""

    starts: Sequence[int]
    n_new: Sequence[int]
    n_wanted: Sequence[int]
    tokens: Sequence[int]
    blocks: Sequence[int]
