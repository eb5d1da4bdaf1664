"""Weights in 8 or 4 bits: whole numbers, and a scale for every row or every 64 of a row.

Only weights are rounded here; what multiplies them decides how. Both kinds are symmetric (0 is
coded as 0), so a product of codes needs no correction for a zero point.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from cutaway.errors import ConfigError

__all__ = ["GROUP", "Bits", "Quantized", "quantize"]

Bits = Literal[4, 8]
_Floats = NDArray[np.float32]

GROUP = 64
"""Inputs that share a scale at 4 bits."""

_LOW, _HIGH = np.float32(-8), np.float32(7)
# The extreme of a group over these are tried as its scale; a fit by least squares follows. On
# normal and on heavy-tailed weights a search of 120 scales is at most 0.4 % better.
_DIVISORS = (7.5, 8.0, 8.5, 9.0)
_NOTHING = np.float32(1e-36)  # smaller extremes are 0: their scales could not be held exactly
_LARGEST = np.float32((2 - 2**-7) * 2.0**124)  # a bfloat16; -8 times it is still finite
_CHUNK = 2**16  # numbers worked on at a time: they stay in a cache, and steps are long enough
_THREADS = 8  # at most; more would wait for the interpreter


@dataclass(frozen=True, slots=True, eq=False)
class Quantized:
    """A matrix whose rows are outputs, as codes and scales: ``codes * scales``.

    Attributes:
        codes: ``(N, K)``, -127 to 127 at 8 bits, -8 to 7 at 4 bits; one code an element.
        scales: ``(N, G)``, finite, not 0. At 8 bits one positive scale a row (G = 1). At 4 bits one
            for each 64 inputs (G = ceil(K / 64), the last group may be short), exact in bfloat16;
            it is negative where the extreme of its group is positive, for only -8 has a code.
        bits: 4 or 8.
    """

    codes: NDArray[np.int8]
    scales: NDArray[np.float32]
    bits: Bits

    def dequantized(self) -> NDArray[np.float32]:
        """``codes * scales`` in float32, ``(N, K)``, each product rounded once."""
        result = np.empty(self.codes.shape, np.float32)

        def widen(rows: slice) -> None:
            scales = self.scales[rows]
            if self.bits == 4:
                scales = scales.repeat(GROUP, axis=1)[:, : self.codes.shape[1]]
            np.multiply(self.codes[rows], scales, out=result[rows])

        _for_chunks(self.codes.shape, widen)
        return result


def quantize(weight: NDArray[Any], bits: Bits) -> Quantized:
    r"""Rounds a matrix whose rows are outputs to codes and scales.

    8 bits, for each row :math:`w`: :math:`s = \max|w| / 127` and :math:`c = round(w / s)`, ties to
    even.

    4 bits, for each 64 inputs of a row, with :math:`m` the number in them of greatest magnitude:
    :math:`c = clamp(round(w / s), -8, 7)`, where :math:`s` is the one with the least
    :math:`\sum (w - s c)^2` of :math:`-m/7.5, -m/8, -m/8.5, -m/9` and of
    :math:`\sum w c / \sum c^2` for the best of them, each rounded to bfloat16 first.

    A row or group whose magnitudes are all below 1e-36 gets codes 0 and scale 1.

    Args:
        weight: ``(N, K)``, in any floating-point type and any strides; it is not changed. A Conv1D
            weight goes in transposed.
        bits: 8 or 4.

    Raises:
        ConfigError: if ``bits`` is another number, or a weight is not finite in float32.

    >>> quantize(np.array([[1.0, -0.5, 0.25]]), 8).codes.tolist()
    [[127, -64, 32]]
    """
    if bits not in get_args(Bits):
        raise ConfigError(f"bits is {bits!r}.", "Weights are quantized to 8 or 4 bits.")
    n_outputs, n_inputs = weight.shape
    codes = np.empty((n_outputs, n_inputs), np.int8)
    scales = np.empty((n_outputs, 1 if bits == 8 else -(-n_inputs // GROUP)), np.float32)
    round_rows = _round8 if bits == 8 else _round4

    def work(rows: slice) -> None:
        with np.errstate(all="ignore"):  # what is too large is looked for, and a fit may divide 0
            w = np.ascontiguousarray(weight[rows], dtype=np.float32)
            round_rows(w, codes[rows], scales[rows])

    _for_chunks(weight.shape, work)
    return Quantized(codes, scales, bits)


def _for_chunks(shape: tuple[int, ...], work: Callable[[slice], None]) -> None:
    """Calls ``work`` for slices of rows that together are some ``_CHUNK`` numbers, in threads."""
    n_rows = max(1, _CHUNK // max(1, shape[1]))
    chunks = [slice(start, start + n_rows) for start in range(0, shape[0], n_rows)]
    if len(chunks) < 2:
        for rows in chunks:
            work(rows)
        return
    with ThreadPoolExecutor(min(len(chunks), os.cpu_count() or 1, _THREADS)) as pool:
        for _ in pool.map(work, chunks):  # numpy lets go of the interpreter while it computes
            pass


def _round8(w: _Floats, codes: NDArray[np.int8], scales: _Floats) -> None:
    """Rounds rows ``(n, K)`` into codes and scales ``(n, 1)``."""
    if not w.shape[1]:
        scales.fill(1)
        return
    extreme = np.abs(_extreme(w, axis=1))
    scales[:] = np.minimum(extreme / np.float32(127), _LARGEST / 16)  # 127 times it is finite
    scales[extreme < _NOTHING] = 1
    ratios = w / scales  # not in the weight's own memory
    np.rint(ratios, out=ratios)
    codes[:] = np.clip(ratios, -127, 127, out=ratios)


def _round4(w: _Floats, codes: NDArray[np.int8], scales: _Floats) -> None:
    """Rounds rows ``(n, K)`` into codes and scales ``(n, G)``.

    Groups stand in columns while it works, so that what is done for each is done for many at once.
    """
    n_rows, n_inputs = w.shape
    if n_inputs % GROUP:
        w = np.pad(w, ((0, 0), (0, -n_inputs % GROUP)))
    if not w.size:
        return
    w = np.array(w.reshape(-1, GROUP).T, order="C")  # a copy, always
    best = _scales4(w).reshape(-1)
    chosen = _codes4(np.divide(w, best, out=w), w).astype(np.int8)
    codes[:] = chosen.T.reshape(n_rows, -1)[:, :n_inputs]
    scales[:] = best.reshape(n_rows, -1)


def _scales4(w: _Floats) -> _Floats:
    """The scales of groups in columns: ``(GROUP, n)`` to ``(1, n)``."""
    extreme = _extreme(w, axis=0)
    nothing = np.abs(extreme) < _NOTHING
    extreme[nothing] = 1
    one, other = np.empty_like(w), np.empty_like(w)
    scales, error = _bfloat16(extreme / np.float32(-_DIVISORS[0])), np.full_like(extreme, np.inf)

    def keep_better(candidate: _Floats) -> None:
        """Takes a scale where its squared error, over extreme^2, is smaller."""
        ratios = np.divide(w, candidate, out=one)
        missed = np.subtract(ratios, _codes4(ratios, other), out=ratios)
        found = _sum(np.square(missed, out=missed), other) * np.square(candidate / extreme)
        better = found < error
        np.copyto(scales, candidate, where=better)
        np.copyto(error, found, where=better)

    for divisor in _DIVISORS:
        keep_better(_bfloat16(extreme / np.float32(-divisor)))
    codes = _codes4(np.divide(w, scales, out=one), one)
    product = _sum(np.multiply(w, codes, out=other), other)
    fitted = product / _sum(np.square(codes, out=codes), other)
    usable = np.isfinite(fitted) & (fitted != 0)
    keep_better(np.where(usable, _bfloat16(fitted), scales))
    scales[nothing] = 1
    return scales


def _extreme(w: _Floats, axis: int) -> _Floats:
    """The number of greatest magnitude along an axis, with its sign."""
    low, high = w.min(axis, keepdims=True), w.max(axis, keepdims=True)  # NaN if any is
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise ConfigError(
            "A weight is not finite in float32.", "Quantize weights that training left finite."
        )
    return np.where(high >= -low, high, low)


def _sum(x: _Floats, room: _Floats) -> _Floats:
    """Sums ``(GROUP, n)`` to ``(1, n)`` in one fixed order, the same on every machine.

    Eight sums side by side, four times, then all: the error of a sum and so, once in a while, the
    choice of a scale depends on the order, and files should not.
    """
    half = np.add(x[:32], x[32:], out=room[:32])
    eight = half[:8]
    for start in (8, 16, 24):
        eight += half[start : start + 8]
    total = eight[:1].copy()
    for lane in range(1, 8):
        total += eight[lane : lane + 1]
    return total


def _bfloat16(scales: _Floats) -> _Floats:
    """Rounded to the nearest bfloat16, ties to even, in float32."""
    bits = np.clip(scales, -_LARGEST, _LARGEST).view(np.uint32)
    bits += np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    bits &= np.uint32(0xFFFF0000)
    return bits.view(np.float32)


def _codes4(ratios: _Floats, room: _Floats) -> _Floats:
    np.rint(ratios, out=room)
    return np.clip(room, _LOW, _HIGH, out=room)
