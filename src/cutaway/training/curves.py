"""Figures of a run over its steps, tokens or time, thinned so that they can be drawn."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cutaway.errors import DataError, unknown
from cutaway.training.runs import Run

__all__ = ["OVER", "Point", "figures_of", "series", "thinned"]

OVER = {"steps": "step", "tokens": "tokens", "time": "seconds"}
_VALID = {"valid_loss": "loss", "bits_per_byte": "bits_per_byte"}


@dataclass(frozen=True, slots=True)
class Point:
    """One place of a curve.

    Attributes:
        x: step, tokens or seconds.
        y: the mean of what lies here.
        low: the least of it.
        high: the most of it.
    """

    x: float
    y: float
    low: float
    high: float


def figures_of(run: Run) -> list[str]:
    """The names of what can be drawn of a run."""
    names = {name for step in (*run.steps[:1], *run.steps[-1:]) for name in step}
    looks = [name for name in _VALID if series(run, name)]
    return sorted(names - {"step", "tokens", "seconds"}) + looks


def series(run: Run, what: str, over: str = "steps") -> list[tuple[float, float]]:
    """Pairs of place and value; what is missing or not finite is left out.

    Args:
        run: all of its steps.
        what: ``loss``, ``valid_loss``, ``bits_per_byte``, or any other figure of the steps.
        over: ``steps``, ``tokens`` or ``time`` (seconds spent in steps, over all sessions).

    Raises:
        UnknownName: for another ``over``.
        DataError: if the journal does not note tokens or seconds.
    """
    if over not in OVER:
        raise unknown("axis", over, OVER)
    places = [_number(step.get(OVER[over])) for step in run.steps]
    if places and None in places:
        raise DataError(
            f"The journal of {run.name} does not note {OVER[over]} with every step.",
            "Look at it over steps.",
        )
    if what in _VALID:
        found = _looks(run, _VALID[what], places)
    else:
        found = [(x, _number(step.get(what))) for x, step in zip(places, run.steps, strict=True)]
    return [(x, y) for x, y in found if x is not None and y is not None]


def _looks(
    run: Run, what: str, places: Sequence[float | None]
) -> list[tuple[float | None, float | None]]:
    """Validations, each at the place of the step it came behind."""
    numbers = [int(step["step"]) for step in run.steps]
    found: list[tuple[float | None, float | None]] = []
    for look in run.validations:
        i = bisect_right(numbers, look.step) - 1
        found.append((places[i] if i >= 0 else None, _number(getattr(look, what))))
    return found


def thinned(points: Sequence[tuple[float, float]], most: int = 400) -> list[Point]:
    """At most so many points: neighbours become one, with the least and the most of them.

    >>> [(p.x, p.y, p.low, p.high) for p in thinned([(1, 4.0), (2, 2.0), (3, 1.0)], most=2)]
    [(1.5, 3.0, 2.0, 4.0), (3.0, 1.0, 1.0, 1.0)]
    """
    size = max(1, math.ceil(len(points) / most))
    found: list[Point] = []
    for i in range(0, len(points), size):
        xs, ys = zip(*points[i : i + size], strict=True)
        found.append(Point(sum(xs) / len(xs), sum(ys) / len(ys), min(ys), max(ys)))
    return found


def _number(value: Any) -> float | None:
    is_plain = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_plain and math.isfinite(value) else None
