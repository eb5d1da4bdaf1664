"""MIDI files: their notes as one piano sounds them, and files of notes.

Tracks and channels are played together on one keyboard; drums are left out. Within a channel of a
track a NOTE_ON ends the key's earlier note and a NOTE_OFF the one that sounds. While the pedal
(CC64 from 64 up) of a channel is down, in whatever track, its notes go on until it is lifted or the
key is struck again. Times come of the tempo map, in whole numbers until the last division.

:mod:`~cutaway.music.midi_bytes` checks the bytes, symusic reads them, mido writes them.
"""

import io
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cutaway.errors import DataError, MissingExtra
from cutaway.files import atomic_write
from cutaway.music.midi_bytes import MAX_BYTES, CheckedMidi, Key, checked_midi
from cutaway.music.notes import MAX_SECONDS, Columns, Performance, one_keyboard

if TYPE_CHECKING:
    from symusic.core import ScoreTick, TrackTick

__all__ = ["midi_of", "read_midi", "write_midi"]

logger = logging.getLogger(__name__)

MAX_NOTES = 500_000
_MORE_ENDS = 8  # times as often a key is let go when it is asked again
_DRUMS = 9  # the tenth channel
_PEDAL = 64
_USUAL_TEMPO = 500_000  # microseconds of a quarter note
_TICKS_PER_SECOND = 1000  # of the files we write: 500 to a quarter note


class _Part(NamedTuple):
    """One channel of one track; times in ticks.

    Attributes:
        track: its number, from 1.
        channel: from 0.
        notes: starts, ends, pitches and velocities, in the order of the starts.
        pedal: times and values of CC64, in order.
    """

    track: int
    channel: int
    notes: tuple[NDArray[np.int64], ...]
    pedal: tuple[NDArray[np.int64], NDArray[np.int64]]

    @property
    def n_notes(self) -> int:
        return len(self.notes[0])


def read_midi(file: str | Path | bytes, source: str = "") -> Performance:
    """The notes of a MIDI file, as they sound on one piano.

    Args:
        file: its path, or its bytes.
        source: what it is called in messages; its path if not given.

    Raises:
        DataError: if it cannot be read, is damaged (with the byte and the track), is too long, or
            has no notes but drums.
        MissingExtra: if symusic is not installed.
    """
    source = source or ("The MIDI file" if isinstance(file, bytes) else str(file))
    checked = checked_midi(file if isinstance(file, bytes) else _bytes(Path(file)), source)
    score, parts = _all_notes(checked, source)
    drums, played = (
        [part for part in parts if (part.channel == _DRUMS) == are_drums and part.n_notes]
        for are_drums in (True, False)
    )
    if not played:
        what = "nothing but drums (channel 10)" if drums else "no notes"
        raise DataError(f"{source} has {what}.", "Give a file with notes of a piano.")
    if drums:
        n_strokes = sum(part.n_notes for part in drums)
        logger.warning("%s: drums (channel 10) are left out, %d notes", source, n_strokes)
    starts, ends, pitches, velocities = _sounding(played, parts)
    clock = _Clock(score, checked.division)
    seconds = clock.seconds(ends)
    if seconds.max() > MAX_SECONDS:
        tracks = np.repeat([part.track for part in played], [part.n_notes for part in played])
        raise DataError(
            f"{source} lasts {seconds.max() / 3600:,.1f} hours (track {tracks[seconds.argmax()]}).",
            f"A performance lasts at most {MAX_SECONDS / 3600:g} hours.",
        )
    columns = Columns(clock.seconds(starts), seconds, pitches, velocities)
    return Performance.of_columns(one_keyboard(columns), source)


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.", "See to its name.") from error


def _all_notes(checked: CheckedMidi, source: str) -> tuple["ScoreTick", list[_Part]]:
    """What the library tells, asked again where a key was struck more often than it was let go.

    Raises:
        DataError: for more notes than a performance can have.
    """
    n_ends: dict[Key, int] = {}
    while True:
        score = _score(checked.written(n_ends), source)
        parts: list[_Part] = []
        open_keys: list[Key] = []
        for track in score.tracks:
            number, channel = int(track.name), track.program
            part, pitches = _part(track, number, channel)
            parts.append(part)
            open_keys += [(number, channel, pitch) for pitch in pitches]
        if sum(part.n_notes for part in parts) > MAX_NOTES:
            raise DataError(
                f"{source} has more than {MAX_NOTES:,} notes.", "A performance has fewer."
            )
        if not open_keys:
            return score, parts
        n_ends |= {key: _MORE_ENDS * n_ends.get(key, 1) for key in open_keys}


def _score(data: bytes, source: str) -> "ScoreTick":
    try:
        from symusic.core import ScoreTick
    except ImportError as error:
        raise MissingExtra(
            "Reading MIDI files needs symusic, which is not installed.",
            "Install it with: pip install 'cutaway[music]'",
        ) from error
    try:
        return ScoreTick.from_midi(data)
    except (RuntimeError, ValueError, OSError) as error:
        raise DataError(f"{source} cannot be read: {error}", "Export it again.") from error


def _part(track: "TrackTick", number: int, channel: int) -> tuple[_Part, list[int]]:
    """One channel of a track, and the keys that still had notes to end."""
    told, controls = track.notes.numpy(), track.controls.numpy()
    starts, lengths, pitches, velocities = (
        told[name].astype(np.int64) for name in ("time", "duration", "pitch", "velocity")
    )
    # The strikes of all keys at the end of the track, as many of them as there are.
    tail = slice(max(0, len(starts) - 128), None)
    is_strike = (lengths[tail] == 0) & (velocities[tail] == 1) & (starts[tail] == starts[-1:])
    rises = np.diff(pitches[tail], append=128) > 0
    n_strikes = int(np.logical_and.accumulate((is_strike & rises)[::-1]).sum())
    n_notes = len(starts) - n_strikes
    missing = [] if n_strikes == 128 else sorted({*range(128)} - {*pitches[n_notes:].tolist()})
    notes = tuple(column[:n_notes] for column in (starts, starts + lengths, pitches, velocities))
    is_pedal = controls["number"] == _PEDAL
    times, values = (controls[name][is_pedal].astype(np.int64) for name in ("time", "value"))
    return _Part(number, channel, notes, (times, values)), missing


def _sounding(played: list[_Part], parts: list[_Part]) -> tuple[NDArray[np.int64], ...]:
    """All notes in the order of the played parts, ended by keys and lengthened by pedals; in ticks.

    Pedals are those of all parts.
    """
    starts, ends, pitches, velocities = (
        np.concatenate([part.notes[i] for part in played]) for i in range(4)
    )
    sizes = [part.n_notes for part in played]
    ends = _let_go(starts, ends, np.repeat(np.arange(len(played)), sizes) * 128 + pitches)
    channels = np.repeat([part.channel for part in played], sizes)
    for channel in {part.channel for part in played}:
        pedals = [part.pedal for part in parts if part.channel == channel]
        times, values = (np.concatenate([pedal[i] for pedal in pedals]) for i in (0, 1))
        own = channels == channel
        ends[own] = _lengthened(ends[own], times, values)
    return starts, ends, pitches, velocities


def _let_go(
    starts: NDArray[np.int64], ends: NDArray[np.int64], keys: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The ends of notes whose key is let go at the first NOTE_OFF after they start.

    The library gives the first NOTE_OFF of a key to its first NOTE_ON, the second to the second and
    so on. Where a NOTE_OFF is missing, all later notes of the key would end too late.
    """
    order = np.argsort(keys, kind="stable")
    keys, late = keys[order] << 32, ends[order]
    first_after = np.searchsorted(keys + late, keys + starts[order], side="right")
    result = np.empty_like(ends)
    result[order] = late[np.minimum(first_after, np.arange(len(late)))]
    return result


def _lengthened(
    ends: NDArray[np.int64], times: NDArray[np.int64], values: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The ends of notes, where those that end while the pedal is down wait until it is lifted.

    A pedal that is never lifted is so with the last event of the channel.
    """
    if not len(times):
        return ends
    order = np.argsort(times, kind="stable")
    times, is_down = times[order], values[order] >= _PEDAL
    changes = np.diff(is_down, prepend=False)
    downs, ups = times[changes & is_down], times[changes & ~is_down]
    if not len(downs):
        return ends
    if len(ups) < len(downs):
        ups = np.append(ups, max(int(ends.max(initial=0)), int(times[-1])))
    last = np.searchsorted(downs, ends, side="right") - 1  # the pedal's last way down before
    return np.where((last >= 0) & (ends < ups[last]), ups[last], ends)


class _Clock:
    """Ticks to seconds, by the tempo map."""

    def __init__(self, score: "ScoreTick", division: int) -> None:
        tempos: dict[str, Any] = score.tempos.numpy()
        times = np.concatenate([[0], tempos["time"]]).astype(np.int64)
        self._lengths = np.concatenate([[_USUAL_TEMPO], tempos["mspq"]]).astype(np.int64)
        self._times = times
        passed = np.diff(times) * self._lengths[:-1]  # at most 31 and 24 bits
        self._before = np.concatenate([[0], np.cumsum(passed)])
        self._division = division

    def seconds(self, ticks: NDArray[np.int64]) -> NDArray[np.float64]:
        last = np.searchsorted(self._times, ticks, side="right") - 1
        whole = self._before[last] + (ticks - self._times[last]) * self._lengths[last]
        return whole / (self._division * 1e6)


def midi_of(performance: Performance) -> bytes:
    """A MIDI file of one track, a tick a millisecond, played by a piano.

    Raises:
        MissingExtra: if mido is not installed.
    """
    try:
        import mido
    except ImportError as error:
        raise MissingExtra(
            "Writing MIDI files needs mido, which is not installed.",
            "Install it with: pip install 'cutaway[music]'",
        ) from error
    file = mido.MidiFile(type=0, ticks_per_beat=_TICKS_PER_SECOND * _USUAL_TEMPO // 1_000_000)
    track = mido.MidiTrack()
    file.tracks.append(track)
    track.append(mido.MetaMessage("set_tempo", tempo=_USUAL_TEMPO))
    track.append(mido.Message("program_change", program=0))
    before = 0
    for tick, kind, pitch, velocity in _messages(performance):
        track.append(mido.Message(kind, note=pitch, velocity=velocity, time=tick - before))
        before = tick
    data = io.BytesIO()
    file.save(file=data)
    return data.getvalue()


def _messages(performance: Performance) -> list[tuple[int, str, int, int]]:
    """NOTE_ONs and NOTE_OFFs in order: at one time first those that end what began before."""
    starts, ends = (
        np.floor(column * _TICKS_PER_SECOND + 0.5) for column in performance.columns[:2]
    )
    columns = one_keyboard(Columns(starts, ends, *performance.columns[2:]))
    messages: list[tuple[int, bool, int, bool, int]] = []
    for start, end, pitch, velocity in zip(*(c.astype(int).tolist() for c in columns), strict=True):
        messages.append((start, True, pitch, False, velocity))
        messages.append((end, start == end, pitch, True, 0))
    return [
        (tick, "note_off" if is_off else "note_on", pitch, velocity)
        for tick, _, pitch, is_off, velocity in sorted(messages)
    ]


def write_midi(performance: Performance, path: str | Path) -> None:
    """Writes a MIDI file; see :func:`midi_of`.

    Raises:
        MissingExtra: if mido is not installed.
        ResourceError: if the disk is full or refuses.
    """
    data = midi_of(performance)
    with atomic_write(Path(path)) as file:
        file.write(data)
