"""The bytes of a MIDI file, looked at before a library reads them.

The library (symusic, C++) is fast and trusts what it reads: a track that says it is longer than the
file makes it read memory that is not the file's. So every byte is checked here first, by the rules
of the Standard MIDI File 1.0, and what is wrong is told with its place. Runs of notes and controls
are matched by one regular expression, as fast as memory is searched; only what is between them is
looked at one by one.

What the library gets is written anew from what was found sound, with three helps, for it forgets
channels, pedals of a channel without notes, and notes without an end: each channel has its number
as its program, and at the end of each track all keys are let go and then struck once more. A key
whose last strike is missing from what the library tells still had notes to end.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple, NoReturn

from cutaway.errors import DataError

__all__ = ["MAX_BYTES", "CheckedMidi", "Key", "checked_midi"]

MAX_BYTES = 4 << 20
"""Of a file; four hours of piano, pedal and all, have about two million."""
_MAX_TRACKS = 256
_MAX_OTHERS = 200_000  # events of a file that are looked at one by one
_MAX_TICKS = 1 << 31  # the library counts in 32 bits

_DELTA = rb"[\x80-\x8f]?[\x00-\x7f]"  # up to 2,047 ticks; longer ones are looked at one by one
_DATA = rb"[\x00-\x7f]"
_RUN = re.compile(
    rb"(?:%b([\x80-\xbf\xd0-\xef])(?:"
    rb"(?<=[\x80-\xbf\xe0-\xef])%b%b(?:%b%b%b){0,999}"
    rb"|(?<=[\xd0-\xdf])%b(?:%b%b){0,999})){0,999}"
    % (_DELTA, _DATA, _DATA, _DELTA, _DATA, _DATA, _DATA, _DELTA, _DATA)
)
"""Events of a channel, but for changes of program; the last status byte is the group."""
_RUNNING = {
    n_data: re.compile(rb"(?:%b%b){0,9999}" % (_DELTA, _DATA * n_data)) for n_data in (1, 2)
}
"""Events that leave out their status byte, which is that of the event before."""
_LONG_DELTAS = bytes(range(0x80, 0x90))  # what the first byte of two can be
_NOTHING = b"\xff\x01\x00"  # a text of no length stands for what is left out
# Data of events at one time: all keys are let go, and all are struck softly and let go.
_ALL_OFF = b"\x00".join(bytes([key, 0]) for key in range(128))
_ALL_STRUCK = b"\x00".join(bytes([key, 1, 0, key, 0]) for key in range(128))
_TEMPO, _END = 0x51, 0x2F


Key = tuple[int, int, int]
"""A track (from 1), a channel (from 0), and a pitch."""


class CheckedMidi(NamedTuple):
    """A file that can be read.

    Attributes:
        division: ticks of a quarter note.
        bodies: each track up to the time of its last event.
        played: the channels of each track that may have notes or controls.
    """

    division: int
    bodies: tuple[bytes, ...]
    played: tuple[tuple[int, ...], ...]

    def written(self, n_ends: Mapping[Key, int]) -> bytes:
        """What the library may read: the name of a track is its number, a program the channel.

        The last 128 notes of a channel are no notes: all keys from the lowest up, with no length.

        Args:
            n_ends: how often a key is let go at the end of the track, if not once.
        """
        fields = ((6, 4), (1, 2), (len(self.bodies), 2), (self.division, 2))
        chunks = [b"MThd", *(value.to_bytes(size) for value, size in fields)]
        for number, (body, played) in enumerate(
            zip(self.bodies, self.played, strict=True), start=1
        ):
            closing = [_NOTHING]
            for channel in played:
                off, on = bytes([0, 0x80 + channel]), bytes([0, 0x90 + channel])
                closing += [off, _ALL_OFF, on, _ALL_STRUCK]
                more = [
                    (key[2], n - 1) for key, n in n_ends.items() if key[:2] == (number, channel)
                ]
                closing[-2:-2] = [bytes([0, pitch, 0]) * n for pitch, n in more]
            track = b"".join([body, *closing, b"\x00\xff\x2f\x00"])
            chunks += [b"MTrk", len(track).to_bytes(4), track]
        return b"".join(chunks)


def checked_midi(data: bytes, source: str) -> CheckedMidi:
    """Checks a file and writes it anew.

    Args:
        data: the bytes of the file.
        source: what the file is called in messages.

    Raises:
        DataError: naming the byte (counted from 0) and the track (from 1) that cannot be.
    """
    n_tracks, division, at = _header(data, source)
    tracks: list[_Track] = []
    bodies: list[bytes] = []
    others = _MAX_OTHERS
    while len(tracks) < n_tracks:
        name, number = data[at : at + 4], len(tracks) + 1
        start, end = at + 8, at + 8 + int.from_bytes(data[at + 4 : at + 8])
        if start > len(data):
            _refuse(source, len(data), number, f"the file ends; {n_tracks:,} tracks were promised")
        if end > len(data):
            n_bytes = f"{end - start:,} bytes were promised, {len(data) - start:,} are there"
            _refuse(source, at, number, n_bytes)
        at = end
        if name == b"MTrk":
            track = _Track(data, start, end, number=number, source=source, others=others)
            bodies.append(track.body())
            others = track.others
            tracks.append(track)
    return CheckedMidi(division, tuple(bodies), tuple(track.played for track in tracks))


def _header(data: bytes, source: str) -> tuple[int, int, int]:
    """The number of tracks, the division, and where the header ends."""
    if not data:
        raise DataError(f"{source} is empty.", "Give a MIDI file.")
    if len(data) > MAX_BYTES:
        raise DataError(
            f"{source} has more than {MAX_BYTES:,} bytes.",
            "No performance on a piano has so many; give a smaller file.",
        )
    if data[:4] != b"MThd"[: len(data)]:
        raise DataError(
            f"{source} is no MIDI file: it begins with {data[:4]!r}, not b'MThd'.",
            "Give a Standard MIDI File (.mid).",
        )
    end = 8 + int.from_bytes(data[4:8])
    if len(data) < 14 or end > len(data) or end < 14:
        _refuse(source, min(len(data), 8), 0, f"the header of {len(data) - 8:,} bytes is not whole")
    form, n_tracks, division = (int.from_bytes(data[i : i + 2]) for i in (8, 10, 12))
    if form not in (0, 1):
        why = "separate songs (type 2)" if form == 2 else f"the type {form}"
        raise DataError(f"{source} has {why} (byte 8).", "Types 0 and 1 can be read: one song.")
    if not 0 < n_tracks <= _MAX_TRACKS:
        raise DataError(
            f"{source} has {n_tracks:,} tracks (byte 10).", f"1 to {_MAX_TRACKS:,} can be read."
        )
    if not division or division >= 0x8000:
        why = "0 ticks to a quarter note" if not division else "times in frames of a film (SMPTE)"
        raise DataError(
            f"{source} has {why} (byte 12).", "Ticks to a quarter note must be from 1 to 32,767."
        )
    return n_tracks, division, end


def _refuse(source: str, place: int, track: int, why: str) -> NoReturn:
    where = f", in track {track:,}" if track else ""
    raise DataError(
        f"{source} is damaged at byte {place:,}{where}: {why}.",
        "Export it again, or open it in an editor of MIDI files and save it.",
    )


class _Track:
    """One track, from its first event to its last.

    Attributes:
        others: how many more events of the file may be looked at one by one.
        played: the channels that may have notes or controls; it may name others too.
    """

    def __init__(
        self, data: bytes, start: int, end: int, *, number: int, source: str, others: int
    ) -> None:
        self.data, self.start, self.end = data, start, end
        self.number, self.source, self.others = number, source, others
        self.played = tuple(c for c in range(16) if self._has(0x90 + c) or self._has(0xB0 + c))
        self._ticks = 0  # of the events looked at one by one
        self._status = 0
        self._pieces: list[bytes] = []
        self._copied = start  # all before is among the pieces

    def _has(self, byte: int) -> bool:
        return self.data.find(byte, self.start, self.end) >= 0

    def body(self) -> bytes:
        """The track as the library may read it, up to the time of its end."""
        at: int | None = self.start
        while at is not None and at < self.end:
            if self._status and self._status >> 4 != 0xC:
                running = _RUNNING[self._n_data()].match(self.data, at, self.end)
                at = running.end() if running else at
            run = _RUN.match(self.data, at, self.end)
            if run and run.end() > at:
                at, self._status = run.end(), run[1][0]
            if at < self.end:
                at = self._other(at)
        if at is not None:  # no end of the track
            self._pieces.append(self.data[self._copied : at] + b"\x00")
        self._check_ticks()
        return b"".join([self._beginning(), *self._pieces])

    def _n_data(self) -> int:
        return 1 if self._status >> 4 in (0xC, 0xD) else 2

    def _other(self, at: int) -> int | None:
        """Looks at one event; where it ends, or None behind the last."""
        self.others -= 1
        if self.others < 0:
            self._refuse(at, f"more than {_MAX_OTHERS:,} events are no notes")
        ticks, body = self._number(at)
        self._ticks += ticks
        kind = self._byte(body)
        if kind < 0xF0:
            return self._channel(at, body, kind)
        if kind == 0xFF:
            return self._meta(at, body)
        if kind not in (0xF0, 0xF7):
            self._refuse(body, f"no event of a file begins with 0x{kind:02x}")
        length, content = self._number(body + 1)
        self._status = 0
        return self._leave_out(at, body, self._within(content, length))

    def _channel(self, at: int, body: int, kind: int) -> int:
        if kind >= 0x80:
            self._status, body = kind, body + 1
        elif not self._status:
            self._refuse(body, f"0x{kind:02x} is no event, and there is none before to repeat")
        first = body - (kind >= 0x80)
        end = self._within(body, self._n_data())
        for place in range(body, end):
            if self.data[place] >= 0x80:
                self._refuse(place, f"0x{self.data[place]:02x} where a value up to 127 must be")
        # Programs are ours; the library is to see no other.
        return self._leave_out(at, first, end) if self._status >> 4 == 0xC else end

    def _meta(self, at: int, body: int) -> int | None:
        kind = self._byte(body + 1)
        length, content = self._number(body + 2)
        end = self._within(content, length)
        if kind == _END:
            self._pieces.append(self.data[self._copied : body])
            return None
        if kind != _TEMPO:
            return self._leave_out(at, body, end)
        if length != 3 or not any(self.data[content:end]):
            self._refuse(body, "a tempo of no time, or not of three bytes")
        return end

    def _leave_out(self, at: int, body: int, end: int) -> int:
        """Puts nothing in the place of an event, after the same time."""
        self._pieces += (self.data[self._copied : at], self.data[at:body], _NOTHING)
        self._copied = end
        return end

    def _byte(self, at: int) -> int:
        if at >= self.end:
            self._refuse(at, "the track ends within an event")
        return self.data[at]

    def _number(self, at: int) -> tuple[int, int]:
        """A number of one to four bytes, and where it ends."""
        value = 0
        for place in range(at, at + 4):
            byte = self._byte(place)
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value, place + 1
        return self._refuse(at, "a number of more than four bytes")

    def _within(self, start: int, length: int) -> int:
        """The end of so many bytes."""
        if start + length > self.end:
            n_left = self.end - start
            self._refuse(start, f"an event of {length:,} bytes, and the track has {n_left:,} left")
        return start + length

    def _check_ticks(self) -> None:
        """A track that may be longer than the library can count is refused."""
        track = self.data[self.start : self.end]
        n_long = len(track) - len(track.translate(None, _LONG_DELTAS))
        if self._ticks + 2047 * n_long + 127 * (len(track) // 2) >= _MAX_TICKS:
            self._refuse(self.start, f"the track may last more than {_MAX_TICKS:,} ticks")

    def _beginning(self) -> bytes:
        name = str(self.number).encode()
        parts = [b"\x00\xff\x03", len(name).to_bytes(1), name]
        parts += [bytes([0, 0xC0 + channel, channel]) for channel in self.played]
        return b"".join(parts)

    def _refuse(self, place: int, why: str) -> NoReturn:
        _refuse(self.source, place, self.number, why)
