"""MIDI files made byte by byte, and a slow reader of them, event by event as mido gives them."""

import io
from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise

import mido

from cutaway.music.notes import Note


def number(value: int) -> bytes:
    """A number of variable length, as deltas are."""
    data = [value & 0x7F]
    while value := value >> 7:
        data.append(0x80 | value & 0x7F)
    return bytes(reversed(data))


def track(*events: tuple[int, bytes], end: bytes = b"\x00\xff\x2f\x00") -> bytes:
    """A track's chunk; each event is the ticks before it and its bytes."""
    body = b"".join(number(delta) + event for delta, event in events) + end
    return b"MTrk" + len(body).to_bytes(4) + body


def midi(*tracks: bytes, type: int = 1, division: int = 500) -> bytes:
    """A file. With a division of 500 and no tempo a tick is a millisecond."""
    header = [6, 4, type, 2, len(tracks), 2, division, 2]
    pairs = zip(header[::2], header[1::2], strict=True)
    return b"MThd" + b"".join(value.to_bytes(size) for value, size in pairs) + b"".join(tracks)


def on(pitch: int, velocity: int = 64, channel: int = 0) -> bytes:
    return bytes([0x90 + channel, pitch, velocity])


def off(pitch: int, channel: int = 0) -> bytes:
    return bytes([0x80 + channel, pitch, 0])


def pedal(value: int, channel: int = 0) -> bytes:
    return bytes([0xB0 + channel, 64, value])


def tempo(microseconds: int) -> bytes:
    return b"\xff\x51\x03" + microseconds.to_bytes(3)


def slow_read(data: bytes) -> list[Note]:
    """The notes of a file, event by event, by the rules that ``cutaway.music.midi`` states."""
    file = mido.MidiFile(file=io.BytesIO(data))
    notes: list[list[int]] = []  # start, end, pitch, velocity, channel
    pedals: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    tempos: list[tuple[int, int]] = []
    for number, messages in enumerate(file.tracks):
        sounding: dict[tuple[int, int], list[int]] = {}
        tick = 0
        for message in messages:
            tick += message.time
            if message.type == "set_tempo":
                tempos.append((tick, message.tempo))
            elif message.type == "control_change" and message.control == 64:
                pedals[message.channel].append((tick, number, message.value))
            elif message.type in ("note_on", "note_off") and message.channel != 9:
                key = (message.channel, message.note)
                if key in sounding:
                    sounding.pop(key)[1] = tick
                if message.type == "note_on" and message.velocity:
                    note = [tick, -1, message.note, message.velocity, message.channel]
                    notes.append(note)
                    sounding[key] = note
        for note in sounding.values():
            note[1] = tick
    _hold(notes, pedals)
    seconds = _clock(sorted(tempos, key=lambda tempo: tempo[0]), file.ticks_per_beat)
    return [Note(seconds(a), seconds(b), p, v) for a, b, p, v in _one_piano(notes)]


def _hold(notes: list[list[int]], pedals: dict[int, list[tuple[int, int, int]]]) -> None:
    for channel, moves in pedals.items():
        moves.sort(key=lambda move: move[:2])
        latest = max([n[1] for n in notes if n[4] == channel], default=0)
        for note in notes:
            if note[4] != channel:
                continue
            down = False
            for tick, _, value in moves:
                if tick <= note[1]:
                    down = value >= 64
                elif down and value < 64:
                    note[1], down = tick, False
                    break
            if down:
                note[1] = max(latest, moves[-1][0])


def _one_piano(notes: list[list[int]]) -> list[tuple[int, int, int, int]]:
    strikes: dict[tuple[int, int], list[int]] = {}  # of a key and a time: end and velocity
    for start, end, pitch, velocity, _ in notes:
        strike = strikes.setdefault((pitch, start), [0, 0])
        strike[:] = max(strike[0], end), max(strike[1], velocity)
    ordered = sorted(strikes)
    for (pitch, start), (after, again) in pairwise(ordered):
        if pitch == after:
            strikes[pitch, start][0] = min(strikes[pitch, start][0], again)
    found = [(start, *strikes[pitch, start]) for pitch, start in ordered]
    rows = [(s, e, pitch, v) for (s, e, v), (pitch, _) in zip(found, ordered, strict=True)]
    return sorted(rows, key=lambda row: (row[0], row[2]))


def _clock(tempos: list[tuple[int, int]], division: int) -> Callable[[int], float]:
    def seconds(tick: int) -> float:
        time, before, length = 0, 0, 500_000
        for at, tempo in tempos:
            if at > tick:
                break
            time, before, length = time + (at - before) * length, at, tempo
        return (time + (tick - before) * length) / (division * 1e6)

    return seconds
