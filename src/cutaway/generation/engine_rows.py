"""The rows of a batch inside the engine: texts that share what they have in common.

The engine gives a row the same bits alone, in any batch, in any pieces and behind a shared
beginning. So a beginning that several prompts have in common is read once, rows are added to a
step as they are, and a beam that forks copies nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from threading import RLock

import numpy as np
from numpy.typing import NDArray

from cutaway.engine import Engine, Piece, Text
from cutaway.engine.blocks import BLOCK
from cutaway.generation.choosing import Logits
from cutaway.generation.drafting import DrafterMaker
from cutaway.generation.prefixes import n_common
from cutaway.generation.rows import Rows

__all__ = ["EngineRows"]


@dataclass(slots=True)
class _Group:
    """Rows that begin alike: ``text`` holds the first ``n_held`` ids of their windows."""

    rows: list[int]
    text: Text
    n_held: int


class EngineRows(Rows):
    """Texts that an engine has read, and the scores behind them.

    Args:
        engine: that reads.
        lock: held while the engine is asked.
        histories: the ids of each row; long beginnings that some have in common are read once.
        n_vocab: entries of the vocabulary that have a token; scores of padding behind are cut off.
        drafter: makes what guesses the next tokens of a row; None to guess nothing.
    """

    def __init__(
        self,
        engine: Engine,
        lock: RLock,
        histories: Sequence[Sequence[int]],
        *,
        n_vocab: int,
        drafter: DrafterMaker | None = None,
    ) -> None:
        super().__init__(histories, n_ctx=engine.config.n_ctx)
        self._engine, self._lock, self._n_vocab = engine, lock, n_vocab
        self._texts: list[Text] = []
        self._drafters = [drafter() for _ in histories] if drafter else []
        # Of each row: guessed tokens that are read already, with the scores behind them.
        self._ahead: list[list[tuple[int, Logits]]] = [[] for _ in histories]
        with self._lock:
            self._read_all()

    def log_sums(self) -> NDArray[np.float64]:
        """For each row of :attr:`logits` the log of the sum of exp."""
        return self._engine.log_sums(self.logits)

    def close(self) -> None:
        """Gives the blocks of all rows back."""
        with self._lock:
            for text in self._texts:
                text.close()
        self._texts = []

    def _read_tokens(self, tokens: Sequence[int], slid: Sequence[int]) -> None:
        found: dict[int, Logits] = {}
        pieces: dict[int, Piece] = {}
        with self._lock:
            for row, token in enumerate(tokens):
                if row not in slid and self._ahead[row] and self._ahead[row][0][0] == token:
                    found[row] = self._ahead[row].pop(0)[1]
                else:
                    pieces[row] = self._piece(row, is_slid=row in slid)
            if not self._drafters:
                self.logits = self._engine.read(list(pieces.values()))[:, : self._n_vocab]
                return
            if pieces:
                found.update(self._read_pieces(pieces))
        self.logits = np.stack([found[row] for row in range(len(tokens))])

    def _piece(self, row: int, *, is_slid: bool) -> Piece:
        """What a row has to read for its new token, with guesses behind it."""
        history, start, text = self._histories[row], self._starts[row], self._texts[row]
        n_window = len(history) - start
        text.truncate(0 if is_slid else min(text.length, n_window - 1))
        guesses: list[int] = []
        if self._drafters:
            n_most = self._engine.config.n_ctx - n_window
            guesses = self._drafters[row].propose(history, n_most)
        return Piece(text, [*history[start + text.length :], *guesses], n_wanted=1 + len(guesses))

    def _read_pieces(self, pieces: Mapping[int, Piece]) -> Iterator[tuple[int, Logits]]:
        """Reads, keeps the scores behind guesses, and gives those behind the new tokens."""
        logits = self._engine.read(list(pieces.values()))[:, : self._n_vocab]
        end = 0
        for row, piece in pieces.items():
            end += piece.n_wanted
            scores = logits[end - piece.n_wanted : end]
            guesses = piece.ids[len(piece.ids) - piece.n_wanted + 1 :]
            self._ahead[row] = list(zip(guesses, scores[1:], strict=True))
            yield row, scores[0]

    def _keep(self, rows: Sequence[int]) -> None:
        kept: list[Text] = []
        last = {row: i for i, row in enumerate(rows)}
        with self._lock:
            for i, row in enumerate(rows):
                kept.append(self._texts[row] if last[row] == i else self._texts[row].fork())
            for row in set(range(len(self._texts))) - last.keys():
                self._texts[row].close()
        self._texts = kept
        self._ahead = [list(self._ahead[row]) for row in rows]
        if self._drafters:
            self._drafters = [self._drafters[row] for row in rows]
        self.logits = self.logits[list(rows)]

    def _read_all(self) -> None:
        """Reads what rows have in common before what they have not, a level of the tree a time."""
        windows = [self._window(row) for row in range(len(self._histories))]
        texts: dict[int, Text] = {}
        logits: dict[int, Logits] = {}
        order = sorted(range(len(windows)), key=lambda row: windows[row])
        groups = self._divided(order, windows, None, 0)
        while groups:
            pieces, ends = list[Piece](), list[list[int]]()
            for group in groups:
                done = [row for row in group.rows if len(windows[row]) == group.n_held]
                ids = windows[group.rows[0]][group.text.length : group.n_held]
                pieces.append(Piece(group.text, ids, n_wanted=1 if done else 0))
                if done:
                    ends.append(done)
            for rows, scores in zip(ends, self._engine.read(pieces), strict=True):
                logits.update((row, scores[: self._n_vocab]) for row in rows)
            deeper: list[_Group] = []
            for group in groups:
                on = [row for row in group.rows if row not in logits]
                texts.update((row, group.text.fork()) for row in group.rows if row in logits)
                deeper += self._divided(on, windows, group.text, group.n_held)
                group.text.close()
            groups = deeper
        self._texts = [texts[row] for row in range(len(windows))]
        self.logits = np.stack([logits[row] for row in range(len(windows))])

    def _divided(
        self, rows: list[int], windows: Sequence[list[int]], text: Text | None, n_held: int
    ) -> list[_Group]:
        """Rows in the order of their windows, put together where they go on alike for long.

        For less than a block it is not worth reading a beginning by itself first.
        """
        alike: list[list[int]] = [[row] for row in rows[:1]]
        for before, row in pairwise(rows):
            n = n_common(windows[before], windows[row])
            if n >= n_held + BLOCK or windows[before] == windows[row]:
                alike[-1].append(row)
            else:
                alike.append([row])
        groups: list[_Group] = []
        for group in alike:
            n = n_common(windows[group[0]], windows[group[-1]])
            fresh = self._engine.new_text() if text is None else text.fork()
            groups.append(_Group(group, fresh, n))
        return groups
