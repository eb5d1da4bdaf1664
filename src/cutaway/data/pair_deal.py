"""Which pairs a training step learns from: a function of the seed and the step.

Pairs are dealt without replacement, epoch by epoch, in an order drawn from ``(seed, epoch)``. So
that a batch has little padding, the pairs of some neighbouring steps, a *pool*, are sorted by
length before they are cut into batches; which of those batches each step has is drawn from
``(seed, pool)``.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["PairDeal"]

_STEPS = 64  # of a pool, at most: enough to make batches even, and no batch is told by its place


class PairDeal:
    """Deals pairs of about the same length together.

    Args:
        lengths: tokens of each pair.
        batch_size: of the smallest batch; a pool is not more than an epoch has of those, so that
            a pair and itself seldom meet.
        seed: of the order.

    >>> deal = PairDeal(np.array([5, 1, 6, 2]), batch_size=2, seed=0)
    >>> sorted(sorted(deal.batch(i, sizes=[2, 2], first=0).tolist()) for i in range(2))
    [[0, 2], [1, 3]]
    """

    def __init__(self, lengths: NDArray[np.int64], *, batch_size: int, seed: int) -> None:
        self.lengths, self.seed = lengths, seed
        self.steps = max(1, min(_STEPS, len(lengths) // batch_size))
        self._orders: dict[int, NDArray[np.int64]] = {}  # of the last two epochs asked for

    def pool(self, step: int) -> range:
        """The steps that share their pairs with a step."""
        begin = step - step % self.steps
        return range(begin, begin + self.steps)

    def batch(self, step: int, *, sizes: Sequence[int], first: int) -> NDArray[np.int64]:
        """The pairs of a step, the longest first.

        Args:
            step: from 0.
            sizes: of the batches of all steps of its :meth:`pool`.
            first: how many pairs all steps before that have had.
        """
        steps = self.pool(step)
        pairs = self._dealt(first, sum(sizes))
        by_length = pairs[np.argsort(self.lengths[pairs], kind="stable")]
        order = np.random.default_rng([self.seed, 1, steps.start]).permutation(len(sizes))
        place = int(np.flatnonzero(order == step - steps.start)[0])
        start = sum(sizes[i] for i in order[:place])
        return by_length[start : start + sizes[step - steps.start]][::-1]

    def _dealt(self, first: int, n: int) -> NDArray[np.int64]:
        """The ``first``-th and ``n - 1`` more of all pairs that are ever dealt."""
        parts: list[NDArray[np.int64]] = []
        while n:
            epoch, place = divmod(first, len(self.lengths))
            parts.append(self._order(epoch)[place : place + n])
            first, n = first + len(parts[-1]), n - len(parts[-1])
        return np.concatenate(parts)

    def _order(self, epoch: int) -> NDArray[np.int64]:
        if epoch not in self._orders:
            order = np.random.default_rng([self.seed, 0, epoch]).permutation(len(self.lengths))
            kept = list(self._orders.items())[-1:]
            self._orders = dict([*kept, (epoch, order)])
        return self._orders[epoch]
