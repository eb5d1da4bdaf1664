"""Notes in seconds: what a performance is, before and behind the events.

A performance may have a hundred thousand notes, so it is kept as four columns; notes as objects are
made when they are asked for.
"""

from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from cutaway.errors import DataError

__all__ = ["MAX_SECONDS", "Columns", "Note", "Performance", "one_keyboard"]

MAX_SECONDS = 4 * 3600.0
"""The longest performance; a longer one is a damaged file, or not one performance."""


class Note(NamedTuple):
    """A key that is struck and sounds for a while.

    Attributes:
        start: seconds from the beginning.
        end: seconds from the beginning; with the pedal down, when the sound ends, not the touch.
        pitch: MIDI's number of the key, 0 to 127; middle C is 60.
        velocity: how hard it is struck, 1 to 127.
    """

    start: float
    end: float
    pitch: int
    velocity: int


class Columns(NamedTuple):
    """Notes as four arrays of one length."""

    starts: NDArray[np.float64]
    ends: NDArray[np.float64]
    pitches: NDArray[np.int64]
    velocities: NDArray[np.int64]

    def at(self, places: NDArray[np.int64]) -> "Columns":
        """The notes at these places, in this order."""
        starts, ends, pitches, velocities = self
        return Columns(starts[places], ends[places], pitches[places], velocities[places])


class Performance:
    """Notes in the order of their starts, and of their pitches where they start together.

    Attributes:
        columns: the notes as arrays, which must not be changed.
        source: where they come from, for messages; not compared.

    >>> performance = Performance([Note(0.5, 1.0, 64, 80), Note(0.0, 1.5, 60, 72)])
    >>> performance.notes[0]
    Note(start=0.0, end=1.5, pitch=60, velocity=72)
    >>> performance.seconds
    1.5
    """

    def __init__(self, notes: Iterable[Note] = (), source: str = "") -> None:
        """Sorts and checks the notes.

        Raises:
            DataError: for a note that ends before it starts, is too late, or has a pitch or a
                velocity out of range: with the note's number and the value.
        """
        rows = list(notes)
        starts, ends, pitches, velocities = zip(*rows, strict=True) if rows else ((), (), (), ())
        self._set(_columns(starts, ends, pitches, velocities, source), source)

    @classmethod
    def of_columns(cls, columns: Columns, source: str = "") -> Self:
        """A performance of arrays; see the constructor for what is checked."""
        self = cls.__new__(cls)
        self._set(_columns(*columns, source), source)
        return self

    def _set(self, columns: Columns, source: str) -> None:
        order = np.lexsort((columns.velocities, columns.ends, columns.pitches, columns.starts))
        self.columns = columns.at(order)
        for column in self.columns:
            column.flags.writeable = False
        self.source = source

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """The notes, one by one."""
        return tuple(
            map(Note._make, zip(*(column.tolist() for column in self.columns), strict=True))
        )

    @property
    def seconds(self) -> float:
        """Where the last note ends; 0 without notes."""
        return float(self.columns.ends.max(initial=0.0))

    def __len__(self) -> int:
        return len(self.columns.starts)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Performance):
            return NotImplemented
        return all(map(np.array_equal, self.columns, other.columns))

    def __hash__(self) -> int:
        return hash(tuple(column.tobytes() for column in self.columns))

    def __repr__(self) -> str:
        where = f" of {self.source}" if self.source else ""
        return f"<Performance{where}: {len(self):,} notes, {self.seconds:.1f} s>"


def _columns(
    starts: object, ends: object, pitches: object, velocities: object, source: str
) -> Columns:
    """The arrays with their types, if every note can be one."""
    floats = [np.array(column, dtype=np.float64) for column in (starts, ends)]
    whole = [_whole(column) for column in (pitches, velocities)]
    columns = Columns(floats[0], floats[1], whole[0], whole[1])
    rules = (
        ("start", columns.starts, 0.0, MAX_SECONDS, "seconds"),
        ("end", columns.ends, columns.starts, MAX_SECONDS, "seconds, not before it starts"),
        ("pitch", columns.pitches, 0, 127, ""),
        ("velocity", columns.velocities, 1, 127, ""),
    )
    for name, values, least, most, unit in rules:
        wrong = np.flatnonzero(~((values >= least) & (values <= most)))
        if len(wrong):
            where = f" of {source}" if source else ""
            low = "0" if name == "end" else f"{least:g}"
            raise DataError(
                f"Note {wrong[0] + 1:,}{where} has the {name} {values[wrong[0]]:g}.",
                f"It must be from {low} to {most:g}{' ' if unit else ''}{unit}.",
            )
    return columns


def _whole(column: object) -> NDArray[np.int64]:
    values = np.asarray(column)
    if values.dtype.kind not in "iu" and len(values):
        raise DataError(
            f"A pitch or a velocity is of the type {values.dtype}.", "Give whole numbers."
        )
    return values.astype(np.int64)


def one_keyboard(columns: Columns) -> Columns:
    """Notes as one keyboard can play them: no key is down twice.

    Of strikes of one key at the same time one is left, as loud as the loudest and as long as the
    longest. A key that is struck while it sounds ends its earlier note.
    """
    starts, ends, pitches, velocities = columns.at(np.lexsort((columns.starts, columns.pitches)))
    is_first = np.ones(len(starts), dtype=bool)
    is_first[1:] = (pitches[1:] != pitches[:-1]) | (starts[1:] != starts[:-1])
    if not is_first.all():
        firsts = np.flatnonzero(is_first)
        ends = np.maximum.reduceat(ends, firsts)
        velocities = np.maximum.reduceat(velocities, firsts)
        starts, pitches = starts[firsts], pitches[firsts]
    follows = pitches[1:] == pitches[:-1]
    ends[:-1][follows] = np.minimum(ends[:-1], starts[1:])[follows]
    return Columns(starts, ends, pitches, velocities)
