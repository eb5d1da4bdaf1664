"""A part of a corpus of pairs or pieces: a fair sample that is always the same."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np

__all__ = ["Parted", "part_of"]

T = TypeVar("T")


class Parted(Protocol):
    """A source of which a part may be taken."""

    @property
    def part(self) -> tuple[float, ...]:
        """From where to where, as shares of the number."""
        ...

    @property
    def draw(self) -> int:
        """Which random order they are cut from."""
        ...


def part_of(source: Parted, items: Sequence[T]) -> Sequence[T]:
    """The items of the part that a source names, in their own order.

    Two parts of one draw that do not overlap have no item in common; so one that begins where
    rounding leaves no item has none.
    """
    if source.part == (0.0, 1.0):
        return items
    begin, end = (round(share * len(items)) for share in source.part)
    order = np.random.default_rng([source.draw, len(items)]).permutation(len(items))
    return [items[i] for i in sorted(order[begin : max(end, begin + 1)].tolist())]
