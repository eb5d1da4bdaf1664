"""Other pitches and another tempo: what makes more performances of those there are.

Huang et al. 2019, "Music Transformer", section 4.2, after Oore et al. 2018, "This Time with
Feeling": every performance a few semitones higher or lower, from -3 to 3, and a little slower or
faster, by 0.95, 0.975, 1, 1.025 or 1.05. Both leave what is music about it as it is. Pitches
that would leave the piano's keys are never bent back: such a transposition is not made.
"""

import numpy as np
from numpy.typing import NDArray

from cutaway.errors import OutOfRange
from cutaway.music.notes import Columns, Performance

__all__ = [
    "PIANO",
    "SEMITONES",
    "STRETCHES",
    "allowed_transpositions",
    "from_first_note",
    "stretched",
    "transposed",
    "transposed_ids",
]

PIANO = (21, 108)
"""The lowest and the highest key of a piano, as MIDI counts pitches."""

SEMITONES = 3
STRETCHES = (0.95, 0.975, 1.0, 1.025, 1.05)
"""The paper's: times of a performance are multiplied by one of them."""


def from_first_note(performance: Performance) -> Performance:
    """The same notes, the first of them at once.

    Files have seconds of silence in front, as long as it took until someone played; a model that
    learned those would begin with silence.
    """
    starts, ends, pitches, velocities = performance.columns
    first = starts[0] if len(starts) else 0.0
    if not first:
        return performance
    columns = Columns(starts - first, ends - first, pitches, velocities)
    return Performance.of_columns(columns, performance.source)


def stretched(performance: Performance, factor: float) -> Performance:
    """The same notes, ``factor`` times as late and as long.

    Args:
        performance: of any length.
        factor: above 1 for slower.

    Raises:
        OutOfRange: if the factor is not above 0.
        DataError: if the performance becomes longer than any may be.
    """
    if not 0.0 < factor < float("inf"):
        raise OutOfRange(f"factor is {factor}.", "Give a number above 0.", value=factor)
    starts, ends, pitches, velocities = performance.columns
    columns = Columns(starts * factor, ends * factor, pitches, velocities)
    return Performance.of_columns(columns, performance.source)


def transposed(
    performance: Performance, semitones: int, *, within: tuple[int, int] = PIANO
) -> Performance:
    """The same notes, so many semitones higher.

    Args:
        performance: of any length.
        semitones: below 0 for lower.
        within: the lowest and the highest pitch that there may be then; by 0 semitones anything
            stays as it is.

    Raises:
        OutOfRange: if a pitch would be outside; nothing is bent back.
    """
    pitches = performance.columns.pitches
    if not len(pitches):
        return performance
    lowest, highest = int(pitches.min()), int(pitches.max())
    allowed = allowed_transpositions(lowest, highest, most=abs(semitones), within=within)
    if semitones not in allowed:
        raise OutOfRange(
            f"{semitones:+d} semitones lead pitches {lowest} to {highest} out of "
            f"{within[0]} to {within[1]}.",
            "Choose fewer, or leave this piece as it is.",
            value=semitones,
        )
    columns = performance.columns._replace(pitches=pitches + semitones)
    return Performance.of_columns(columns, performance.source)


def allowed_transpositions(
    lowest: int, highest: int, *, most: int, within: tuple[int, int] = PIANO
) -> range:
    """By how many semitones a piece can be moved; by none always, even if it is outside already.

    Args:
        lowest: of its pitches.
        highest: of its pitches.
        most: up or down.
        within: the lowest and the highest pitch that there may be then.

    >>> allowed_transpositions(23, 100, most=3)
    range(-2, 4)
    >>> allowed_transpositions(20, 60, most=3)
    range(0, 1)
    """
    if lowest < within[0] or highest > within[1]:
        return range(1)
    return range(-min(most, lowest - within[0]), min(most, within[1] - highest) + 1)


def transposed_ids(ids: NDArray[np.int64], semitones: int, *, n_pitched: int) -> NDArray[np.int64]:
    """Ids as if what they say had been moved before it was encoded.

    That holds where ids of pitches are the first of a vocabulary, one pitch behind the other, and
    where no pitch leaves the range: the order of neighbours is that of their pitches before and
    after.

    Args:
        ids: of events or of a chorale.
        semitones: as for :func:`transposed`.
        n_pitched: how many ids, from 0, have a pitch.

    >>> transposed_ids(np.array([60, 188, 300]), 2, n_pitched=256).tolist()
    [62, 190, 300]
    """
    return np.where(ids < n_pitched, ids + semitones, ids)
