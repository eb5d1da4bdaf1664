"""Batches of pairs, as rows for a decoder or as two sides for an encoder and a decoder."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cutaway.data.pair_deal import PairDeal
from cutaway.data.pair_tokens import PairTokens
from cutaway.data.task import TaskFormat
from cutaway.training.batches import Sizes
from cutaway.training.cross_entropy import IGNORED
from cutaway.training.objectives import TokenBatch
from cutaway.training.recipe import LoopConfig
from cutaway.training.seq2seq import PairBatch

__all__ = ["PairBatches", "Rows"]

_Ids = NDArray[np.int32]


class Rows:
    """Lays pairs out as tensors, padded on the right.

    Args:
        format: of the task.
        marker: its id.
        eot: the id of end-of-text, also in the place of padding.
        two_sides: whether for an encoder and a decoder.
    """

    def __init__(self, format: TaskFormat, *, marker: int, eot: int, two_sides: bool) -> None:
        self.format, self.marker, self.eot, self.two_sides = format, marker, eot, two_sides

    def batch(self, pairs: PairTokens, chosen: Sequence[int]) -> TokenBatch | PairBatch:
        """Some of the pairs, in the order given."""
        sides = [(pairs.source(i), pairs.target(i)) for i in chosen]
        return self._two(sides) if self.two_sides else self._one(sides)

    def _one(self, sides: Sequence[tuple[_Ids, _Ids]]) -> TokenBatch:
        rows = [np.array([*s, self.marker, *t, self.eot], np.int64) for s, t in sides]
        tokens, targets = self._shifted(rows)
        prompts = [len(source) + 1 for source, _ in sides]
        if self.format.loss == "target":
            for row, n_prompt in zip(targets, prompts, strict=True):
                row[: n_prompt - 1] = IGNORED  # at the marker the first of the target is due
        prefix = torch.tensor(prompts) if self.format.mask == "prefix" else None
        return TokenBatch(tokens, targets, prefix=prefix)

    def _two(self, sides: Sequence[tuple[_Ids, _Ids]]) -> PairBatch:
        rows = [np.array([self.marker, *t, self.eot], np.int64) for _, t in sides]
        tokens, targets = self._shifted(rows)
        sources = [np.array([*s, self.eot], np.int64) for s, _ in sides]
        lengths = torch.tensor([len(source) for source in sources])
        return PairBatch(_padded(sources, self.eot), lengths, tokens, targets)

    def _shifted(self, rows: Sequence[NDArray[np.int64]]) -> tuple[Tensor, Tensor]:
        """What is read, and what is due behind each token of it."""
        tokens = _padded([row[:-1] for row in rows], self.eot)
        return tokens, _padded([row[1:] for row in rows], IGNORED)


def _padded(rows: Sequence[NDArray[np.int64]], filling: int) -> Tensor:
    table = np.full((len(rows), max(map(len, rows))), filling, np.int64)
    for place, row in zip(table, rows, strict=True):
        place[: len(row)] = row
    return torch.from_numpy(table)


class PairBatches(Sizes):
    """Deals the batch of every step.

    Args:
        loop: sizes of the batch.
        pairs: to learn from.
        rows: how they are laid out.
        seed: of the order.
    """

    def __init__(self, loop: LoopConfig, pairs: PairTokens, rows: Rows, *, seed: int) -> None:
        super().__init__(loop)
        self._pairs, self._rows = pairs, rows
        self._deal = PairDeal(pairs.lengths, batch_size=min(loop.batch_sizes), seed=seed)

    def of(self, step: int) -> TokenBatch | PairBatch:
        """The batch of a step (from 0)."""
        pool = self._deal.pool(step)
        sizes = [self.size(i) for i in pool]
        chosen = self._deal.batch(step, sizes=sizes, first=self.first(pool.start))
        return self._rows.batch(self._pairs, chosen.tolist())

    def looks(self, pairs: PairTokens, n: int) -> TokenBatch | PairBatch:
        """The first ``n`` pairs of a validation corpus, 0 for all; the longest first."""
        n = len(pairs) if n == 0 else min(n, len(pairs))
        longest_first = np.argsort(-pairs.lengths[:n], kind="stable")
        return self._rows.batch(pairs, longest_first.tolist())
