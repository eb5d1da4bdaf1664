"""Which part of which piece a row is: a function of the seed and the row, so nothing to save.

Pieces are dealt without replacement, epoch by epoch, in an order drawn from ``(seed, epoch)``; of
each, a row has a crop drawn from ``(seed, row)``: one of its tempos, a transposition, and where it
begins. So it is in the Music Transformer's own code (tensor2tensor's ``random_crop_in_train`` over
Magenta's ``score2perf``) and in its reproductions: a piece has one crop in an epoch, however long
it is.

In those, the first note of a piece is in a crop only if that begins at the very first place, once
in some thousands, and models hardly learn how a piece begins. Here a crop may be drawn to begin up
to half its length before the piece, or to end as much behind it, and is then moved inside: edges
count on average as much as the middle.
"""

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from cutaway.music.augment import PIANO, allowed_transpositions

__all__ = ["Crop", "CropDeal", "piece_windows"]


class Crop(NamedTuple):
    """Where a row comes from.

    Attributes:
        piece: which.
        version: which of its tempos.
        semitones: by how many it is moved up.
        start: the first token, end-of-text in front of the piece being 0.
    """

    piece: int
    version: int
    semitones: int
    start: int


class CropDeal:
    """Deals crops of pieces.

    Args:
        lengths: events of each version of each piece ``(pieces, versions)``; end-of-text stands
            before and behind them.
        pitches: the lowest and the highest of each piece.
        length: tokens of a crop, one more than the positions trained on.
        transpose: semitones up or down at most.
        seed: of all draws.
    """

    def __init__(
        self,
        lengths: NDArray[np.int64],
        pitches: tuple[NDArray[np.int64], NDArray[np.int64]],
        *,
        length: int,
        transpose: int = 0,
        seed: int,
    ) -> None:
        self.length = length
        self._lengths, self._pitches = lengths, pitches
        self._transpose, self._seed = transpose, seed
        self._epoch: tuple[int, NDArray[np.int64]] | None = None

    @property
    def per_epoch(self) -> int:
        """Rows until a piece comes again."""
        return len(self._lengths)

    def cut_to(self, length: int) -> Self:
        """Crops of another length, drawn anew."""
        return type(self)(
            self._lengths, self._pitches, length=length, transpose=self._transpose, seed=self._seed
        )

    def crop(self, row: int) -> Crop:
        """The ``row``-th of all crops that are ever dealt.

        >>> lengths = np.full((3, 2), 50)
        >>> deal = CropDeal(lengths, (np.full(3, 40), np.full(3, 80)), length=11, seed=0)
        >>> sorted(deal.crop(row).piece for row in range(3)), deal.crop(7) == deal.crop(7)
        ([0, 1, 2], True)
        """
        epoch, place = divmod(row, self.per_epoch)
        piece = int(self._order(epoch)[place])
        rng = np.random.default_rng([self._seed, 1, self.length, row])
        version = int(rng.integers(self._lengths.shape[1]))
        lowest, highest = (int(side[piece]) for side in self._pitches)
        allowed = allowed_transpositions(lowest, highest, most=self._transpose, within=PIANO)
        semitones = allowed[int(rng.integers(len(allowed)))]
        last = max(int(self._lengths[piece, version]) + 2 - self.length, 0)
        margin = self.length // 2
        start = int(rng.integers(-margin, last + margin + 1))
        return Crop(piece, version, semitones, min(max(start, 0), last))

    def _order(self, epoch: int) -> NDArray[np.int64]:
        if self._epoch is None or self._epoch[0] != epoch:
            rng = np.random.default_rng([self._seed, 0, epoch])
            self._epoch = (epoch, rng.permutation(self.per_epoch))
        return self._epoch[1]


def piece_windows(lengths: NDArray[np.int64], *, n_ctx: int) -> NDArray[np.int64]:
    """All pieces cut into windows that do not overlap: each event is predicted in one of them.

    Args:
        lengths: events of each piece.
        n_ctx: positions of a window.

    Returns:
        Piece and first position of each window, end-of-text in front of the piece being 0.

    >>> piece_windows(np.array([5, 2]), n_ctx=2).tolist()
    [[0, 0], [0, 2], [0, 4], [1, 0]]
    """
    starts = [np.arange(0, max(int(n), 1), n_ctx) for n in lengths]
    pieces = np.repeat(np.arange(len(lengths)), [len(some) for some in starts])
    return np.stack([pieces, np.concatenate(starts)], axis=1)
