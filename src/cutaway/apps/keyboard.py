"""A piano that events are played on: what sounds, what has sounded, and what made no sense.

A model may draw any event at any moment. A piano takes each of them: a key that is down can be
struck again, a key that is up cannot be lifted. What does nothing is counted, not hidden.
"""

from cutaway.music.events import EVENTS, STEPS_PER_SECOND, EventReader, velocity_of_bin
from cutaway.music.notes import Note

__all__ = ["Keyboard"]

_KINDS = [(block.name, block.first_value + i) for block in EVENTS for i in range(block.count)]


class Keyboard:
    """Takes events one by one, and can tell at any moment what has been played.

    It understands them as :class:`cutaway.music.events.EventReader` does.

    Attributes:
        struck: keys that were struck while they sounded: the old note ends there.
        silent: NOTE_OFF events of keys that did not sound.
        empty: notes that ended in the moment in which they began.
    """

    def __init__(self) -> None:
        self.struck = self.silent = self.empty = 0
        self._now = self._since = 0  # steps
        self._velocity = EventReader().velocity
        self._down: dict[int, tuple[int, int]] = {}  # pitch -> step and velocity of its note
        self._ended: list[tuple[int, int, int, int]] = []  # start, end, pitch, velocity

    def mark(self) -> None:
        """Begins to count here: time, notes and what made no sense; keys stay as they are."""
        self._since, self._ended = self._now, []
        self.struck = self.silent = self.empty = 0

    def press(self, event: int) -> None:
        """Takes an event, an id from 0 to 387."""
        kind, value = _KINDS[event]
        match kind:
            case "NOTE_ON":
                if value in self._down:
                    self.struck += 1
                    self._lift(value)
                self._down[value] = (self._now, self._velocity)
            case "NOTE_OFF":
                if value in self._down:
                    self._lift(value)
                else:
                    self.silent += 1
            case "TIME_SHIFT":
                self._now += value
            case _:
                self._velocity = velocity_of_bin(value)

    @property
    def seconds(self) -> float:
        """Since :meth:`mark`, or the beginning."""
        return (self._now - self._since) / STEPS_PER_SECOND

    @property
    def n_notes(self) -> int:
        """That began since :meth:`mark`, those that still sound included."""
        return len(self._ended) + sum(start >= self._since for start, _ in self._down.values())

    def notes(self, *, until: float) -> tuple[tuple[Note, ...], int]:
        """Notes that began since :meth:`mark`, and how many keys of theirs are still down.

        A note that begins at this very moment has no length yet, and is left out.

        Args:
            until: seconds since then, where those end that have not ended before.
        """
        down = [
            (start, self._now, pitch, velocity)
            for pitch, (start, velocity) in self._down.items()
            if start >= self._since
        ]
        held = [note for note in down if note[0] < self._now]
        notes = [
            Note(
                start=(start - self._since) / STEPS_PER_SECOND,
                end=min((end - self._since) / STEPS_PER_SECOND, until),
                pitch=pitch,
                velocity=velocity,
            )
            for start, end, pitch, velocity in sorted([*self._ended, *held])
        ]
        return tuple(notes), len(down)

    def _lift(self, pitch: int) -> None:
        start, velocity = self._down.pop(pitch)
        if start == self._now:
            self.empty += 1
        elif start >= self._since:
            self._ended.append((start, self._now, pitch, velocity))
