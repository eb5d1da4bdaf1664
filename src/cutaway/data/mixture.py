"""Windows of several corpora by weight: a function of the seed and the step, as for one."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from cutaway.data.windows import Windows
from cutaway.errors import ConfigError

__all__ = ["Mixture"]

_ROUND = 10_000  # windows in which every corpus has its exact share


class Mixture:
    """Deals windows of several corpora; each corpus deals its own without replacement.

    Of every 10,000 windows each corpus has its share, rounded to whole ones; in what order is
    drawn from ``(seed, round)`` alone. So the how-manieth window of its corpus a window is can be
    told without dealing those before it, and any step can be asked for at any time.

    Args:
        parts: windows of the same length.
        weights: of the parts, above 0; they need not sum to 1.
        seed: of the order of the parts.

    Raises:
        ConfigError: if weights and parts do not fit, or a weight is below 1/10,000 of the sum.

    >>> tokens = np.arange(999)
    >>> few, many = (Windows(row, length=11, seed=0) for row in (tokens, -tokens))
    >>> batch = Mixture([few, many], [0.25, 0.75], seed=0).batch(first=0, size=10_000)
    >>> int((batch[:, 5] > 0).sum())
    2500
    """

    def __init__(self, parts: Sequence[Windows], weights: Sequence[float], *, seed: int) -> None:
        if not parts or len(parts) != len(weights):
            raise ConfigError(f"{len(parts)} corpora, {len(weights)} weights.", "Give as many.")
        if len({part.length for part in parts}) > 1:
            raise ConfigError("The windows differ in length.", "Cut all to one length.")
        self.parts, self.weights, self.seed = list(parts), list(weights), seed
        self._shares = _shares(weights)
        self._round: tuple[int, NDArray[np.int64], NDArray[np.int64]] | None = None

    @property
    def per_epoch(self) -> int:
        """Windows until the first of the corpora begins again."""
        pairs = zip(self.parts, self._shares, strict=True)
        return max(1, min(part.per_epoch * _ROUND // share for part, share in pairs))

    def cut_to(self, length: int) -> Self:
        """Windows of another length, in an order of their own."""
        cut = [part.cut_to(length) for part in self.parts]
        return type(self)(cut, self.weights, seed=self.seed)

    def batch(self, *, first: int, size: int) -> NDArray[np.int64]:
        """The windows ``first`` to ``first + size`` of all that are ever dealt, in rows."""
        return np.stack([self._window(first + i) for i in range(size)]).astype(np.int64)

    def _window(self, i: int) -> NDArray[Any]:
        number, place = divmod(i, _ROUND)
        if self._round is None or self._round[0] != number:
            self._round = (number, *self._deal(number))
        _, parts, ranks = self._round
        part = int(parts[place])
        return self.parts[part].window(number * self._shares[part] + int(ranks[place]))

    def _deal(self, number: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """For each place of a round, its corpus and how many of the round that had before."""
        rng = np.random.default_rng([self.seed, number])
        parts = rng.permutation(np.repeat(np.arange(len(self._shares)), self._shares))
        ranks = np.empty(_ROUND, np.int64)
        for part, share in enumerate(self._shares):
            ranks[parts == part] = np.arange(share)
        return parts, ranks


def _shares(weights: Sequence[float]) -> list[int]:
    """Whole numbers that sum to a round, in proportion: by largest remainder."""
    if not all(0.0 < weight < float("inf") for weight in weights):
        raise ConfigError(f"The weights are {list(weights)}.", "All must be above 0 and finite.")
    exact = [_ROUND * weight / sum(weights) for weight in weights]
    shares = [int(share + 1e-9) for share in exact]
    by_rest = sorted(range(len(exact)), key=lambda i: (shares[i] - exact[i], i))
    for i in by_rest[: _ROUND - sum(shares)]:
        shares[i] += 1
    if 0 in shares:
        i = shares.index(0)
        raise ConfigError(
            f"The weight {weights[i]} is less than 1/{_ROUND} of the sum.", "Leave that one out."
        )
    return shares
