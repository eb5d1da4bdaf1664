"""A soprano on the grid of sixteenth notes, from a line of pitches or a melody; and back to notes.

The grid of the chorales does not tell a held note from one that is struck again
(:mod:`cutaway.music.grid`). A soprano that is given does, so it is kept beside the pitches.
"""

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from cutaway.errors import ConfigError, DataError
from cutaway.music.grid import SILENCE, VOICES, Chorale
from cutaway.music.notes import Note, Performance

__all__ = [
    "Soprano",
    "check_tempo",
    "midi_of_voices",
    "read_line",
    "soprano_of",
    "tempo_of",
    "voices_of",
]

PER_QUARTER = 4
"""Steps of a quarter note."""
_MOST_STEPS = 20_000  # far more than any chorale: the longest of the 382 has 640
_VELOCITY = 80
_TICKS = 480  # of a quarter note, in the files that are written
_RESTS = {"r", "-", "."}
_SCALE = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ITEM = re.compile(r"(?P<pitch>[^:]+)(?::(?P<steps>[0-9]{1,6}))?")
_NAME = re.compile(r"([A-Ga-g])([#b]?)(-?[0-9])")


@dataclass(frozen=True, slots=True)
class Soprano:
    """A melody.

    Attributes:
        pitches: of each sixteenth note; None for silence.
        struck: the steps at which a note begins.
    """

    pitches: tuple[int | None, ...]
    struck: frozenset[int]


def read_line(text: str, where: str) -> Soprano:
    """A melody that is written down: pitches with blanks between, each a sixteenth note long.

    A pitch is a number from 0 to 127 (60 is middle C) or a name (``C4``, ``F#5``, ``Bb4``); ``r``,
    ``-`` or ``.`` is silence; ``G4:4`` lasts four sixteenths.

    Args:
        text: one line or more.
        where: what is named in errors.

    Raises:
        DataError: for what is no pitch, with its line.

    >>> read_line("67:2 A4 r", "line").pitches
    (67, 67, 69, None)
    """
    pitches: list[int | None] = []
    struck: set[int] = set()
    for number, line in enumerate(text.splitlines(), start=1):
        for item in line.split():
            pitch, n = _item(item, f"{where}:{number}")
            if pitch is not None:
                struck.add(len(pitches))
            pitches += [pitch] * n
            _check_length(len(pitches), where)
    if not struck:
        raise DataError(f"{where} has no pitches.", "Write some, such as: G4:4 A4:4 B4:8")
    return Soprano(tuple(pitches), frozenset(struck))


def soprano_of(melody: Performance, *, quarters_per_minute: float) -> Soprano:
    """The highest voice of a performance, each note moved to the nearest sixteenth.

    Silence before the first note is left out.

    Args:
        melody: with one note at least.
        quarters_per_minute: its tempo.

    Raises:
        DataError: if it has no notes, or is too long.
    """
    if not melody.notes:
        raise DataError(f"{melody.source or 'The melody'} has no notes.", "Give another MIDI file.")
    per_second = PER_QUARTER * quarters_per_minute / 60
    first = round(melody.notes[0].start * per_second)
    spans = [
        (max(round(n.end * per_second), round(n.start * per_second) + 1), n) for n in melody.notes
    ]
    n_steps = max(end for end, _ in spans) - first
    _check_length(n_steps, melody.source or "The melody")
    highest: list[int] = [-1] * n_steps
    owner: list[int] = [-1] * n_steps
    for number, (end, note) in enumerate(spans):
        for step in range(round(note.start * per_second) - first, end - first):
            if note.pitch >= highest[step]:  # of equal ones the later, which was struck anew
                highest[step], owner[step] = note.pitch, number
    struck = {s for s in range(n_steps) if owner[s] >= 0 and (s == 0 or owner[s] != owner[s - 1])}
    return Soprano(tuple(p if p >= 0 else None for p in highest), frozenset(struck))


def voices_of(
    chorale: Chorale, *, quarters_per_minute: float, struck: Iterable[int] = ()
) -> list[Performance]:
    """Each voice of a chorale as notes; equal pitches one after another are one held note.

    Args:
        chorale: its four voices.
        quarters_per_minute: the tempo.
        struck: steps at which the soprano begins a note, though it may be the pitch before.
    """
    seconds = 60 / (PER_QUARTER * quarters_per_minute)
    found: list[Performance] = []
    for number, voice in enumerate(chorale.voices.tolist()):
        borders = frozenset(struck) if number == 0 else frozenset[int]()
        found.append(Performance(_notes(voice, borders, seconds)))
    return found


def check_tempo(quarters_per_minute: float) -> None:
    """Refuses a tempo that no one sings.

    Raises:
        ConfigError: outside of 10 to 400.
    """
    if not 10 <= quarters_per_minute <= 400:
        raise ConfigError(
            f"The tempo is {quarters_per_minute:g} quarter notes a minute.",
            "It must be from 10 to 400: give --bpm.",
        )


def tempo_of(path: Path) -> float:
    """Quarter notes a minute at the beginning of a MIDI file that could be read.

    Raises:
        ConfigError: if no one sings at that tempo.
    """
    import mido

    file = mido.MidiFile(path, clip=True)
    tempos = [m.tempo for track in file.tracks for m in track if m.type == "set_tempo"]
    found = round(60e6 / (tempos[0] if tempos else 500_000), 6)
    check_tempo(found)
    return found


def midi_of_voices(voices: Sequence[Performance], quarters_per_minute: float) -> bytes:
    """A MIDI file with a track and a channel for each voice, so that two may sing one pitch."""
    import mido

    file = mido.MidiFile(type=1, ticks_per_beat=_TICKS)
    for channel, (name, voice) in enumerate(zip(VOICES, voices, strict=True)):
        track = mido.MidiTrack()
        file.tracks.append(track)
        track.append(mido.MetaMessage("track_name", name=name))
        if channel == 0:
            tempo = round(60e6 / quarters_per_minute)
            track.append(mido.MetaMessage("set_tempo", tempo=tempo))
        track.append(mido.Message("program_change", program=0, channel=channel))
        per_second, before = _TICKS * quarters_per_minute / 60, 0
        for note in voice.notes:  # one ends before the next begins
            for kind, seconds in (("note_on", note.start), ("note_off", note.end)):
                tick = round(seconds * per_second)
                track.append(
                    mido.Message(
                        kind,
                        note=note.pitch,
                        velocity=note.velocity,
                        channel=channel,
                        time=tick - before,
                    )
                )
                before = tick
    data = io.BytesIO()
    file.save(file=data)
    return data.getvalue()


def _notes(voice: Sequence[int], struck: frozenset[int], seconds: float) -> list[Note]:
    notes: list[Note] = []
    begun = 0
    marks = [begun := begun + 1 if step in struck else begun for step in range(len(voice))]
    at = 0
    for (pitch, _), group in groupby(zip(voice, marks, strict=True)):
        n = sum(1 for _ in group)
        if pitch != SILENCE:
            notes.append(Note(at * seconds, (at + n) * seconds, pitch, _VELOCITY))
        at += n
    return notes


def _item(item: str, where: str) -> tuple[int | None, int]:
    found = _ITEM.fullmatch(item)
    pitch = _pitch(found["pitch"]) if found else -1
    steps = int(found["steps"] or 1) if found else 0
    if pitch == -1 or steps < 1:
        raise DataError(
            f"{where}: {item[:40]!r} is no pitch.",
            "Write a number from 0 to 127, a name such as C4 or F#5, or r for silence; "
            "G4:4 lasts four sixteenths.",
        )
    return pitch, steps


def _pitch(text: str) -> int | None:
    """The number of a pitch; None for silence, -1 for what is none."""
    if text in _RESTS:
        return None
    if text.isascii() and text.isdecimal():
        return int(text) if len(text) <= 3 and int(text) <= 127 else -1
    name = _NAME.fullmatch(text)
    if name is None:
        return -1
    letter, sign, octave = name.groups()
    pitch = 12 * (int(octave) + 1) + _SCALE[letter.upper()] + {"#": 1, "b": -1, "": 0}[sign]
    return pitch if 0 <= pitch <= 127 else -1


def _check_length(n_steps: int, where: str) -> None:
    if n_steps > _MOST_STEPS:
        raise DataError(
            f"{where} has more than {_MOST_STEPS:,} sixteenth notes.", "Give a shorter soprano."
        )
