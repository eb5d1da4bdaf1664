"""The elements of an array: as bytes, finite or not, and narrowed to be written."""

from collections.abc import Iterator

import numpy as np

from cutaway.errors import CorruptCheckpoint
from cutaway.numbers import BFLOAT16, FLOAT16, FLOAT32, Array, Kind

__all__ = ["all_finite", "narrowed", "pieces", "raw_bytes"]

_PIECE = 1 << 16
# Of each kind: whole numbers as wide, all bits but the sign, and the exponent of what is not finite
# (IEEE 754, section 3.4). A comparison of these is quick where that of the numbers is not.
_PATTERNS = {
    FLOAT32: (np.uint32, 0x7FFFFFFF, 0x7F800000),
    BFLOAT16: (np.uint16, 0x7FFF, 0x7F80),
    FLOAT16: (np.uint16, 0x7FFF, 0x7C00),
}


def raw_bytes(array: Array) -> memoryview:
    """The elements in row-major order, little-endian; a view where that is possible."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def pieces(array: Array) -> Iterator[Array]:
    """The elements in row-major order, some at a time, so that work on them stays in a cache."""
    flat = array.reshape(-1)
    return (flat[start : start + _PIECE] for start in range(0, len(flat), _PIECE))


def all_finite(array: Array) -> bool:
    """Whether no element is NaN or infinite; allocates nothing the size of a dense array."""
    if array.dtype not in _PATTERNS:
        return all(np.isfinite(piece).all() for piece in pieces(array))
    bits, magnitude, infinite = _PATTERNS[array.dtype]
    return all((piece.view(bits) & bits(magnitude)).max() < infinite for piece in pieces(array))


def narrowed(name: str, array: Array, kind: Kind) -> Array:
    """The array as ``kind``, ready to be written.

    Raises:
        CorruptCheckpoint: if an element is not finite, or too large for ``kind``.
    """
    with np.errstate(all="ignore"):  # what becomes infinite is looked for
        result = array.astype(kind, copy=False)
    if all_finite(result):
        return result
    reason = "too large for" if all_finite(array) else "not finite, in"
    raise CorruptCheckpoint(
        f"An element of {name} is {reason} {kind.name}.",
        "Nothing was written. Save as float32, or from a checkpoint before the model diverged.",
    )
