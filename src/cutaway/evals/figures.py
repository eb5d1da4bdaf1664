"""A figure as it is shown in a terminal."""

from typing import NamedTuple

__all__ = ["Figure", "percent"]


class Figure(NamedTuple):
    """One line of a result: what was measured, the figure, and what it counts."""

    label: str
    value: str
    note: str = ""


def percent(share: float) -> str:
    """A share of one, in per cent with two places.

    >>> percent(0.125)
    '12.50 %'
    """
    return f"{100 * share:.2f} %"
