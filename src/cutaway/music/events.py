"""The 388 events of a performance: notes to ids and back (Oore et al. 2018; Huang et al. 2019).

========================  =======  =================================================
event                     ids      meaning
========================  =======  =================================================
NOTE_ON_0 .. 127          0-127    the key is struck, with the velocity set last
NOTE_OFF_0 .. 127         128-255  the key's sound ends
TIME_SHIFT_1 .. 100       256-355  time goes on by so many steps of 10 ms
SET_VELOCITY_1 .. 32      356-387  the velocity of the notes to come: 1 to 4, ... 125 to 127
========================  =======  =================================================

Each time is rounded to a step by itself, and shifts are differences of steps; so no error adds up,
and no time is more than 5 ms off. A velocity comes back as the middle of its four: at most 2 off.

*Canonical* ids are what :func:`encode` makes. At each step first the notes that end, from the
lowest up, then those that begin, from the lowest up, each after a SET_VELOCITY where its own is
another than the one before; a note so short that it ends in the step where it begins ends at once.
A key sounds once at a time: of strikes in one step one is left, the loudest and longest, and a
strike ends the key's earlier note. A pause is as many TIME_SHIFT_100 as fit, then the rest. Nothing
comes behind the last NOTE_OFF. On such ids :func:`encode` undoes :func:`decode`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cutaway.errors import DataError
from cutaway.music.notes import Columns, Note, Performance, one_keyboard

__all__ = [
    "EVENTS",
    "N_EVENTS",
    "STEPS_PER_SECOND",
    "Block",
    "EventReader",
    "decode",
    "encode",
    "encode_array",
    "event_names",
    "event_seconds",
    "one_hot",
    "velocity_bin",
    "velocity_of_bin",
]

STEPS_PER_SECOND = 100
END = 388
"""The id behind the events: ``<|endoftext|>`` in the vocabulary, between two performances."""


@dataclass(frozen=True, slots=True)
class Block:
    """Events of one kind.

    Attributes:
        name: of the kind.
        first_id: of its first event.
        first_value: pitch, steps or bin of the first; those of the others follow.
        count: how many there are.
    """

    name: str
    first_id: int
    first_value: int
    count: int


EVENTS = (
    Block("NOTE_ON", 0, 0, 128),
    Block("NOTE_OFF", 128, 0, 128),
    Block("TIME_SHIFT", 256, 1, 100),
    Block("SET_VELOCITY", 356, 1, 32),
)
N_EVENTS = sum(block.count for block in EVENTS)
_ON, _OFF, _SHIFT, _VELOCITY = (block.first_id for block in EVENTS)
_MAX_SHIFT = EVENTS[2].count
_DEFAULT_BIN = 16  # of notes before any SET_VELOCITY, which canonical ids do not have


def event_names() -> list[str]:
    """The names of all events in the order of their ids.

    >>> names = event_names()
    >>> names[60], names[188], names[256], names[387]
    ('NOTE_ON_60', 'NOTE_OFF_60', 'TIME_SHIFT_1', 'SET_VELOCITY_32')
    """
    return [f"{block.name}_{block.first_value + i}" for block in EVENTS for i in range(block.count)]


def velocity_bin(velocity: int) -> int:
    """The bin, 1 to 32, of a velocity."""
    return (velocity - 1) // 4 + 1


def velocity_of_bin(bin: int) -> int:
    """The velocity that stands for a bin: none of its four is more than 2 away.

    >>> [velocity_of_bin(velocity_bin(velocity)) for velocity in (1, 2, 3, 4, 127)]
    [2, 2, 2, 2, 126]
    """
    return 4 * (bin - 1) + 2


def encode(performance: Performance) -> list[int]:
    """The canonical ids of a performance.

    >>> encode(Performance([Note(0.0, 1.5, 60, 80)]))
    [375, 60, 355, 305, 188]
    """
    return encode_array(performance).tolist()


def encode_array(performance: Performance) -> NDArray[np.uint16]:
    """The canonical ids of a performance as an array: the fast way for whole corpora."""
    columns = performance.columns
    steps = Columns(_steps(columns.starts), _steps(columns.ends), *columns[2:])
    starts, ends, pitches, velocities = one_keyboard(steps)
    n_notes = len(starts)
    at_once = (ends == starts).astype(np.int64)
    # One number that sorts as the canonical order does: step, offs first, pitch, on before off.
    ons = (starts.astype(np.int64) << 9) + 256 + (pitches << 1)
    offs = (ends.astype(np.int64) << 9) + (pitches << 1) + 257 * at_once
    keys = np.concatenate([ons, offs])
    order = np.argsort(keys, kind="stable")
    ids = np.concatenate([_ON + pitches, _OFF + pitches])[order]
    bins = (velocities - 1) // 4
    is_on = np.flatnonzero(order < n_notes)
    sets = np.zeros(2 * n_notes, dtype=np.int64)
    sets[is_on] = np.diff(bins[order[is_on]], prepend=-1) != 0
    pauses = np.diff(keys[order] >> 9, prepend=0)
    return _laid_out(ids, sets, bins[order % max(n_notes, 1)], pauses)


def _steps(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.floor(seconds * STEPS_PER_SECOND + 0.5)


def _laid_out(
    ids: NDArray[np.int64],
    sets: NDArray[np.int64],
    bins: NDArray[np.int64],
    pauses: NDArray[np.int64],
) -> NDArray[np.uint16]:
    """Each event behind its TIME_SHIFTs and, where ``sets`` is 1, its SET_VELOCITY."""
    rests = pauses % _MAX_SHIFT
    counts = pauses // _MAX_SHIFT + (rests > 0) + sets + 1
    lasts = np.cumsum(counts) - 1
    row = np.full(int(counts.sum()), _SHIFT + _MAX_SHIFT - 1, dtype=np.uint16)
    row[lasts] = ids
    has_rest = rests > 0
    row[(lasts - sets - 1)[has_rest]] = _SHIFT + rests[has_rest] - 1
    is_set = sets > 0
    row[lasts[is_set] - 1] = _VELOCITY + bins[is_set]
    return row


class EventReader:
    """Turns ids into notes as they come.

    A key that is struck while it sounds ends its earlier note; a NOTE_OFF of a silent key is
    nothing. ``<|endoftext|>`` before the first event is nothing, and behind it the end.

    Attributes:
        step: the time reached, in steps of 10 ms.
        velocity: of the notes to come.
        ended: whether ``<|endoftext|>`` was read.

    >>> reader = EventReader()
    >>> [note for id in (375, 60, 355, 305, 188) for note in reader.push(id)]
    [Note(start=0.0, end=1.5, pitch=60, velocity=78)]
    """

    def __init__(self) -> None:
        self.step = 0
        self.velocity = velocity_of_bin(_DEFAULT_BIN)
        self.ended = False
        self._has_begun = False
        self._sounding: dict[int, tuple[int, int]] = {}  # of a pitch, since when and how loud

    def push(self, id: int) -> list[Note]:
        """The notes that end with this event: mostly none.

        Raises:
            DataError: if there is no such event, or the performance has ended.
        """
        if self.ended:
            raise DataError(
                f"The event {id} stands behind <|endoftext|>.",
                "Read one performance at a time.",
            )
        if not 0 <= id <= END:
            raise DataError(f"There is no event {id}.", f"Ids of events go from 0 to {END - 1}.")
        if id == END:
            self.ended = self._has_begun
            return self.flush()
        self._has_begun = True
        if id >= _VELOCITY:
            self.velocity = velocity_of_bin(id - _VELOCITY + 1)
            return []
        if id >= _SHIFT:
            self.step += id - _SHIFT + 1
            return []
        finished = self._end(id % 128)
        if id < _OFF:
            self._sounding[id] = (self.step, self.velocity)
        return finished

    def flush(self) -> list[Note]:
        """The notes that still sound: they end at the time reached."""
        return [note for pitch in sorted(self._sounding) for note in self._end(pitch)]

    def _end(self, pitch: int) -> list[Note]:
        if pitch not in self._sounding:
            return []
        start, velocity = self._sounding.pop(pitch)
        seconds = [step / STEPS_PER_SECOND for step in (start, self.step)]
        return [Note(seconds[0], seconds[1], pitch, velocity)]


def decode(ids: Iterable[int], source: str = "") -> Performance:
    """The performance that ids stand for, canonical or not; see :class:`EventReader`.

    Raises:
        DataError: as for :meth:`EventReader.push`, or if it is longer than a performance can be.

    >>> decode([375, 60, 355, 305, 188]).notes
    (Note(start=0.0, end=1.5, pitch=60, velocity=78),)
    """
    reader = EventReader()
    notes = [note for id in ids for note in reader.push(id)]
    return Performance([*notes, *reader.flush()], source)


def event_seconds(ids: Iterable[int]) -> list[float]:
    """When each event happens; a TIME_SHIFT when it begins.

    >>> event_seconds([60, 305, 188])
    [0.0, 0.0, 0.5]
    """
    times: list[float] = []
    step = 0
    for id in ids:
        times.append(step / STEPS_PER_SECOND)
        step += id - _SHIFT + 1 if _SHIFT <= id < _VELOCITY else 0
    return times


def one_hot(ids: Iterable[int]) -> NDArray[np.bool_]:
    """The picture of a performance: a row of 388 cells for each event, one of them filled.

    Raises:
        DataError: if there is no such event.

    >>> one_hot([375, 60]).shape
    (2, 388)
    """
    columns = np.fromiter(ids, dtype=np.int64)
    wrong = columns[(columns < 0) | (columns >= N_EVENTS)]
    if len(wrong):
        raise DataError(
            f"There is no event {wrong[0]}.", f"Ids of events go from 0 to {N_EVENTS - 1}."
        )
    picture = np.zeros((len(columns), N_EVENTS), dtype=bool)
    picture[np.arange(len(columns)), columns] = True
    return picture
