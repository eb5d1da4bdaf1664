"""Axes: where a value lies on them, and which numbers stand beside them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["Axis", "axis_of", "told"]


@dataclass(frozen=True, slots=True)
class Axis:
    """A stretch of numbers laid on a stretch of pixels.

    Attributes:
        low: number at ``start``.
        high: number at ``end``.
        start: pixels.
        end: pixels; smaller than ``start`` where larger numbers are higher up.
        is_log: whether equal lengths are equal ratios.
    """

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def place(self, value: float) -> float:
        """Pixels of a number; outside of the stretch it is put on its edge."""
        bend: Callable[[float], float] = math.log10 if self.is_log else float
        held = min(max(value, self.low), self.high)
        share = (bend(held) - bend(self.low)) / (bend(self.high) - bend(self.low))
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round numbers in the stretch, four to ten of them where that can be."""
        return _log_ticks(self.low, self.high) if self.is_log else _ticks(self.low, self.high)


def axis_of(values: Sequence[float], start: float, end: float, *, is_log: bool = False) -> Axis:
    """An axis that holds all values, with a little room; a logarithmic one those above 0."""
    held = [value for value in values if value > 0] if is_log else list(values)
    low, high = (min(held), max(held)) if held else (1.0, 2.0)
    if low == high:
        low, high = (low / 1.1, high * 1.1) if is_log else (low - 0.5, high + 0.5)
    return Axis(low, high, start, end, is_log)


def _ticks(low: float, high: float) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten.

    >>> _ticks(0, 300)
    [0.0, 50.0, 100.0, 150.0, 200.0, 250.0, 300.0]
    """
    rough = (high - low) / 6
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten, with 2 and 5 times them where the stretch is short.

    >>> _log_ticks(1, 300)
    [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0]
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if len(powers) <= 5 else (1,)
    found = [factor * 10.0**power for power in powers for factor in factors]
    inside = [tick for tick in found if low * 0.999 <= tick <= high * 1.001]
    return inside if len(inside) >= 3 else _ticks(low, high)


def told(value: float) -> str:
    """A number as short as it can be without being rounded away.

    >>> told(0.25), told(3.0), told(1500.0), told(2e6), told(1.5e9)
    ('0.25', '3', '1,500', '2M', '1.5G')
    """
    for unit, size in (("G", 1e9), ("M", 1e6)):
        if abs(value) >= size:
            return f"{value / size:g}{unit}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
