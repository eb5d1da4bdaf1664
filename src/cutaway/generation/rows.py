"""The rows of a ragged batch inside the model: prefill, one token more, rows that leave or fork.

A prompt is read by itself, never padded. A step runs all rows at once; where rows must not
depend on each other to the last bit, a *ruler* runs with them, a row of no text that is always
there:

- one row and many are then the same kind of product (on CPUs one row alone takes another kernel,
  which adds up in another order);
- the ruler is as long as the next multiple of 64, so attention adds up the keys of a row in the
  same order whatever its neighbours' length.

So each row of a batch gets the bits that it would get in any other batch, as far as the machine's
matrix product allows it. Alone, the ruler costs a quarter of the speed; without it a row agrees to
rounding. The rest of the package sees rows without the ruler.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor

from cutaway.generation.window import window_start
from cutaway.models import GPT2
from cutaway.nn import KVCache

__all__ = ["Rows", "evaluating"]

_BLOCK = 64


@contextmanager
def evaluating(model: GPT2) -> Generator[None]:
    """Runs a model without gradients and dropout, and leaves it in the mode it was in."""
    was_training = model.training
    if was_training:
        model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        if was_training:
            model.train()


class Rows:
    """Texts that a model has read, each with its keys and values, and the scores behind them.

    Args:
        model: that reads.
        histories: the ids of each row; equal ones are read once.
        n_total: tokens of the longest text that any row may become.
        n_vocab: entries of the vocabulary that have a token; scores of padding behind are cut off.
        ruler: whether the bits of a row must not depend on the other rows.
    """

    def __init__(
        self,
        model: GPT2,
        histories: Sequence[Sequence[int]],
        *,
        n_total: int,
        n_vocab: int,
        ruler: bool = False,
    ) -> None:
        self._model, self._n_vocab, self._ruler = model, n_vocab, ruler
        n_ctx = model.config.n_ctx
        self._block = _BLOCK if n_ctx % _BLOCK == 0 else n_ctx
        self._histories = [list(history) for history in histories]
        self._starts = [0] * len(self._histories)
        with evaluating(model):
            self._cache = model.new_cache(len(self._histories) + ruler, self._round_up(n_total))
            self.logits: Float[Tensor, "B V"] = self._read_all()

    def step(self, tokens: Sequence[int]) -> None:
        """Adds one token to each row; :attr:`logits` then predict the ones behind them."""
        with evaluating(self._model):
            for row, token in enumerate(tokens):
                self._histories[row].append(token)
                self._slide(row)
            column = list(tokens)
            if self._ruler:
                lengths = self._cache.lengths
                lengths[-1] = self._round_up(max(lengths[:-1]) + 1) - 1
                column.append(0)
            new = torch.tensor(column, device=self.logits.device)[:, None]
            x = self._model.hidden(new, cache=self._cache)[:, -1]  # (B, D), the ruler last
            self.logits = self._model.unembed(x)[: len(tokens), : self._n_vocab]

    def select(self, rows: Sequence[int]) -> None:
        """Makes row ``i`` a copy of the former row ``rows[i]``: rows that end, beams that fork."""
        if list(rows) == list(range(len(self._histories))):
            return
        with torch.inference_mode():
            ruler = [len(self._histories)] if self._ruler else []
            self._cache.select([*rows, *ruler])
            self.logits = self.logits[list(rows)]
        self._histories = [list(self._histories[row]) for row in rows]
        self._starts = [self._starts[row] for row in rows]

    def _round_up(self, n: int) -> int:
        return min(-(-n // self._block) * self._block, self._model.config.n_ctx)

    def _read_all(self) -> Tensor:
        """Reads each different history once, and copies its keys and values to its rows."""
        rows_of: dict[tuple[int, ...], list[int]] = {}
        for row, history in enumerate(self._histories):
            rows_of.setdefault(tuple(history), []).append(row)
        scores: dict[int, Tensor] = {}
        for history, rows in rows_of.items():
            start = window_start(len(history), self._model.config.n_ctx)
            x = self._read(history[start:], rows)
            logits = self._model.unembed(x)[0, : self._n_vocab]
            for row in rows:
                self._starts[row], scores[row] = start, logits
        return torch.stack([scores[row] for row in range(len(self._histories))])

    def _read(self, ids: Sequence[int], rows: Sequence[int]) -> Tensor:
        """Reads a text by itself into the cache of ``rows``; the stream behind it ``(1, D)``."""
        alone = self._model.new_cache(1, len(ids))
        tokens = torch.tensor([list(ids)], device=alone.k.device)
        x = self._model.hidden(tokens, cache=alone)[:, -1]
        for row in rows:
            _copy(alone, self._cache, row)
        return x

    def _slide(self, row: int) -> None:
        """Reads the kept part of a row again if its window moves; its last token is yet to come."""
        history = self._histories[row]
        start = window_start(len(history), self._model.config.n_ctx)
        if start == self._starts[row]:
            return
        self._starts[row] = start
        kept = history[start:-1]
        if kept:
            self._read(kept, [row])
        else:
            self._cache.lengths[row] = 0


def _copy(source: KVCache, target: KVCache, row: int) -> None:
    n = source.lengths[0]
    target.k[:, row, :, :n] = source.k[:, 0, :, :n]
    target.v[:, row, :, :n] = source.v[:, 0, :, :n]
    target.lengths[row] = n
