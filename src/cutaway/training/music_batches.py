"""Batches of music: crops of performances, and chorales whole."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from cutaway.data.crops import CropDeal, piece_windows
from cutaway.data.pair_deal import PairDeal
from cutaway.data.pieces import Pieces
from cutaway.music.augment import allowed_transpositions, transposed_ids
from cutaway.music.grid import SILENCE, VOICES
from cutaway.training.batches import Sizes
from cutaway.training.cross_entropy import IGNORED
from cutaway.training.objectives import TokenBatch
from cutaway.training.recipe import Recipe

__all__ = ["ChoraleBatches", "PerformanceBatches"]

_N_PITCHED = {"performance": 256, "chorales": SILENCE}
"""How many ids, from 0, have a pitch: NOTE_ON and NOTE_OFF; the pitches of a chorale."""


class PerformanceBatches(Sizes):
    """Deals the batch of every step: a crop of one piece in each row.

    A piece is ``<|endoftext|>``, its events, ``<|endoftext|>``. One that is shorter than a row is
    padded on the right, and the padding is not learned.

    Args:
        recipe: sizes of the batch, short windows, transpositions, seed.
        pieces: to learn from.
        eot: the id of end-of-text.
    """

    def __init__(self, recipe: Recipe, pieces: Pieces, *, eot: int) -> None:
        super().__init__(recipe.training)
        loop, self._n_ctx, self._eot = recipe.training, recipe.model.n_ctx, eot
        self._pieces = pieces
        self._deal = CropDeal(
            pieces.lengths,
            (pieces.lowest, pieces.highest),
            length=self._n_ctx + 1,
            transpose=recipe.data.transpose,
            seed=recipe.seed,
        )
        self._short = self._deal.cut_to(loop.short_window + 1) if loop.short_steps else self._deal

    def of(self, step: int) -> TokenBatch:
        """The batch of a step (from 0)."""
        loop, deal, more = self._loop, self._deal, 1
        if step < loop.short_steps:
            deal, more = self._short, self._n_ctx // loop.short_window
        first, size = more * self.first(step), more * self.size(step)
        rows: list[NDArray[np.int64]] = []
        for row in range(first, first + size):
            crop = deal.crop(row)
            text = _text(self._pieces.events(crop.piece, crop.version), self._eot)
            part = text[crop.start : crop.start + deal.length]
            n_pitched = _N_PITCHED["performance"]
            rows.append(transposed_ids(part, crop.semitones, n_pitched=n_pitched))
        return _batch(rows, self._eot)

    def looks(self, pieces: Pieces, n: int) -> TokenBatch:
        """Windows of a validation corpus, spread evenly over all that there are.

        They do not overlap, and what is predicted are the events: not the end of a piece.
        """
        places = piece_windows(pieces.lengths[:, 0], n_ctx=self._n_ctx)
        chosen = np.unique(np.linspace(0, len(places) - 1, min(n, len(places))).round().astype(int))
        rows: list[NDArray[np.int64]] = []
        for piece, start in places[chosen].tolist():
            text = _text(pieces.events(piece), self._eot)[:-1]
            rows.append(text[start : start + self._n_ctx + 1])
        return _batch(rows, self._eot)


class ChoraleBatches(Sizes):
    """Deals the batch of every step: a whole chorale in each row, padded on the right.

    Chorales of about the same length go together (:mod:`cutaway.data.pair_deal`); by how many
    semitones each is moved follows from the seed and the number of its row.

    Args:
        recipe: sizes of the batch, transpositions, seed.
        chorales: ids of each, soprano, alto, tenor and bass of a step in turn.
        eot: the id of end-of-text, also in the place of padding.
    """

    def __init__(self, recipe: Recipe, chorales: Sequence[NDArray[np.int64]], *, eot: int) -> None:
        super().__init__(recipe.training)
        self._chorales, self._eot = chorales, eot
        self._seed, self._most = recipe.seed, recipe.data.transpose
        lengths = np.array([len(ids) for ids in chorales], np.int64)
        smallest = min(recipe.training.batch_sizes)
        self._deal = PairDeal(lengths, batch_size=smallest, seed=recipe.seed)
        self._allowed = _allowed(chorales, most=self._most)

    def of(self, step: int) -> TokenBatch:
        """The batch of a step (from 0)."""
        pool = self._deal.pool(step)
        sizes = [self.size(i) for i in pool]
        chosen = self._deal.batch(step, sizes=sizes, first=self.first(pool.start)).tolist()
        first = self.first(step)
        rows = [self._moved(chorale, first + i) for i, chorale in enumerate(chosen)]
        return _batch([_text(ids, self._eot) for ids in rows], self._eot)

    def looks(self, chorales: Sequence[NDArray[np.int64]], n: int) -> TokenBatch:
        """The first ``n`` chorales of a validation corpus, 0 for all; the longest first.

        What is predicted are the notes, not that a chorale ends.
        """
        some = sorted(chorales[: n or None], key=len, reverse=True)
        return _batch([_text(ids, self._eot)[:-1] for ids in some], self._eot)

    def _moved(self, chorale: int, row: int) -> NDArray[np.int64]:
        allowed = self._allowed[chorale]
        rng = np.random.default_rng([self._seed, 2, row])
        semitones = allowed[int(rng.integers(len(allowed)))]
        n_pitched = _N_PITCHED["chorales"]
        return transposed_ids(self._chorales[chorale], semitones, n_pitched=n_pitched)


def _allowed(chorales: Sequence[NDArray[np.int64]], *, most: int) -> list[range]:
    """By how many semitones each can be moved: no voice leaves what it sings anywhere in them."""
    found = [range(-most, most + 1)] * len(chorales)
    for voice in range(len(VOICES)):
        sung = [_pitches(ids[voice :: len(VOICES)]) for ids in chorales]
        lows = [int(pitches.min()) for pitches in sung if len(pitches)]
        highs = [int(pitches.max()) for pitches in sung if len(pitches)]
        for i, pitches in enumerate(sung):
            if len(pitches):
                low, high = int(pitches.min()), int(pitches.max())
                within = (min(lows), max(highs))
                this = allowed_transpositions(low, high, most=most, within=within)
                found[i] = range(max(found[i].start, this.start), min(found[i].stop, this.stop))
    return found


def _pitches(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    return ids[ids < _N_PITCHED["chorales"]]


def _text(ids: NDArray[np.integer], eot: int) -> NDArray[np.int64]:  # pyright: ignore[reportMissingTypeArgument]
    """A piece between two ends of text."""
    text = np.full(len(ids) + 2, eot, np.int64)
    text[1:-1] = ids
    return text


def _batch(rows: Sequence[NDArray[np.int64]], eot: int) -> TokenBatch:
    """Every token of rows but the first as a target; shorter rows are padded on the right."""
    width = max(map(len, rows)) - 1
    tokens = np.full((len(rows), width), eot, np.int64)
    targets = np.full((len(rows), width), IGNORED, np.int64)
    for i, row in enumerate(rows):
        tokens[i, : len(row) - 1] = row[:-1]
        targets[i, : len(row) - 1] = row[1:]
    return TokenBatch(torch.from_numpy(tokens), torch.from_numpy(targets))
