"""From rounds to figures: medians, what memory would allow, and the share of it reached."""

import statistics
from dataclasses import dataclass

from cutaway.benchmarking.cases import Case
from cutaway.benchmarking.floor import floor_rate, step_bytes
from cutaway.benchmarking.rounds import Result
from cutaway.benchmarking.shape import Shape

__all__ = ["Floor", "floor_of", "medians", "share"]


def medians(result: Result) -> dict[str, float]:
    """Of each case that has figures."""
    return {case: statistics.median(values) for case, values in result.figures.items() if values}


@dataclass(frozen=True, slots=True)
class Floor:
    """What memory allows in a decode case.

    Attributes:
        n_bytes: that the average step has to read.
        bytes_per_s: that memory gave, the median of what was read beside the rounds.
        rate: tokens a second of steps that take as long as their reads.
    """

    n_bytes: float
    bytes_per_s: float
    rate: float


def floor_of(result: Result, case: Case, shape: Shape) -> Floor | None:
    """For a contender's width; None for what is no decode step on a quiet machine."""
    reads = result.reads.get(case.name)
    if not reads:
        return None
    width = result.contender.width
    n_bytes = step_bytes(shape, width, batch=case.batch, prompt=case.prompt, new=case.new)
    bytes_per_s = statistics.median(reads)
    rate = floor_rate(n_bytes=n_bytes, batch=case.batch, bytes_per_s=bytes_per_s)
    return Floor(n_bytes, bytes_per_s, rate)


def share(result: Result, case: Case, shape: Shape) -> float | None:
    """Of the floor that a contender reaches; None where there is no floor, or no figure."""
    floor, rate = floor_of(result, case, shape), medians(result).get(case.name)
    return None if floor is None or rate is None else rate / floor.rate
