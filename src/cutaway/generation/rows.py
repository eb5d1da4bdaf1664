"""Texts that are written together: each with its history, its window and the scores behind it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cutaway.generation.choosing import Logits, log_sums
from cutaway.generation.window import window_start

__all__ = ["Rows"]


class Rows(ABC):
    """Texts that were read. What reads them, and holds their keys and values, is a subclass's.

    Args:
        histories: the ids of each row, at least one.
        n_ctx: positions of the model.

    Attributes:
        logits: the scores ``(B, V)`` of the token that comes next in each row.
    """

    logits: Logits

    def __init__(self, histories: Sequence[Sequence[int]], *, n_ctx: int) -> None:
        self._n_ctx = n_ctx
        self._histories = [list(history) for history in histories]
        self._starts = [window_start(len(history), n_ctx) for history in histories]

    def step(self, tokens: Sequence[int]) -> None:
        """Adds one token to each row; :attr:`logits` then predict the ones behind them."""
        slid: list[int] = []
        for row, token in enumerate(tokens):
            self._histories[row].append(token)
            start = window_start(len(self._histories[row]), self._n_ctx)
            if start != self._starts[row]:
                self._starts[row] = start
                slid.append(row)
        self._read_tokens(tokens, slid)

    def select(self, rows: Sequence[int]) -> None:
        """Makes row ``i`` a copy of the former row ``rows[i]``: rows that end, beams that fork."""
        if list(rows) == list(range(len(self._histories))):
            return
        self._keep(rows)
        self._histories = [list(self._histories[row]) for row in rows]
        self._starts = [self._starts[row] for row in rows]

    def log_sums(self) -> NDArray[np.float64]:
        """For each row of :attr:`logits` the log of the sum of exp."""
        return log_sums(self.logits)

    def close(self) -> None:  # noqa: B027  (most hold nothing that must be given back)
        """Gives back what the rows hold; they are of no use any more."""

    def _window(self, row: int) -> list[int]:
        """The ids that the next token of a row is predicted from."""
        return self._histories[row][self._starts[row] :]

    @abstractmethod
    def _read_tokens(self, tokens: Sequence[int], slid: Sequence[int]) -> None:
        """Reads one token more for each row; the windows of the rows ``slid`` have moved on."""

    @abstractmethod
    def _keep(self, rows: Sequence[int]) -> None:
        """Selects rows of the logits and of what is held."""
