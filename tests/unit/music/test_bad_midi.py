"""Files that are damaged, hostile, or no music for a piano: an error of two lines, soon."""

import random
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutaway.errors import DataError
from cutaway.music import read_midi
from cutaway.music.midi_bytes import MAX_BYTES, checked_midi
from midi_files import midi, off, on, pedal, slow_read, tempo, track

SOUND = midi(
    track((0, tempo(400_000)), (0, b"\xff\x03\x04name")),
    track((0, pedal(127)), *((20, on(50 + i % 30)) for i in range(40)), (900, off(60))),
)
NOTE = track((0, on(60)), (10, off(60)))


def promising(size: int, body: bytes) -> bytes:
    return b"MTrk" + size.to_bytes(4) + body


def header(type: int = 1, tracks: int = 1, division: int = 480) -> bytes:
    return b"MThd" + b"".join(
        v.to_bytes(n) for v, n in ((6, 4), (type, 2), (tracks, 2), (division, 2))
    )


CASES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "no midi": (b"RIFF\x00\x00", "is no MIDI file: it begins with b'RIFF'"),
    "a text": (b"<html>", "is no MIDI file"),
    "half a name": (b"MTh", "byte 3"),
    "half a header": (header()[:12], "byte 8: the header"),
    "a short header": (b"MThd\x00\x00\x00\x04" + bytes(20), "the header"),
    "an endless header": (b"MThd\xff\xff\xff\xff" + bytes(20), "the header"),
    "type 2": (header(type=2) + NOTE, "separate songs (type 2) (byte 8)"),
    "type 7": (header(type=7) + NOTE, "the type 7 (byte 8)"),
    "no tracks": (header(tracks=0), "0 tracks (byte 10)"),
    "65535 tracks": (header(tracks=65535) + NOTE, "65,535 tracks (byte 10)"),
    "zero division": (header(division=0) + NOTE, "0 ticks to a quarter note (byte 12)"),
    "SMPTE": (header(division=0xE728) + NOTE, "frames of a film (SMPTE) (byte 12)"),
    "a track missing": (header(tracks=2) + NOTE, "byte 34, in track 2: the file ends"),
    "a track cut off": (header() + NOTE[:-3], "byte 14, in track 1: 12 bytes were promised, 9"),
    "an endless track": (header() + promising(0xFFFFFFFF, NOTE), "4,294,967,295 bytes"),
    "an event cut off": (header() + promising(3, b"\x00\x90\x3c"), "byte 24, in track 1: an event"),
    "a delta cut off": (header() + promising(2, b"\x81\x80"), "ends within an event"),
    "a delta of five bytes": (
        header() + promising(9, b"\x81\x81\x81\x81\x00\x90\x3c\x40\x00"),
        "byte 22, in track 1: a number of more than four bytes",
    ),
    "no status": (header() + promising(4, b"\x00\x3c\x40\x00"), "byte 23, in track 1: 0x3c is no"),
    "no status after a message": (
        header() + promising(11, b"\x00\x90\x3c\x40\x00\xf0\x00\x00\x3c\x00\x00"),
        "byte 30, in track 1: 0x3c is no event",
    ),
    "data too large": (
        header() + promising(8, b"\x00\x90\x3c\x40\x00\x90\x3c\xc8"),
        "byte 29, in track 1: 0xc8 where a value up to 127 must be",
    ),
    "an event of no file": (header() + promising(3, b"\x00\xf8\x00"), "begins with 0xf8"),
    "an endless text": (
        header() + promising(9, b"\x00\xff\x01\xff\xff\xff\x7fab"),
        "an event of 268,435,455 bytes, and the track has 2 left",
    ),
    "an endless message": (header() + promising(6, b"\x00\xf0\xff\x7fab"), "16,383 bytes"),
    "tempo zero": (header() + promising(7, b"\x00\xff\x51\x03\x00\x00\x00"), "a tempo of no time"),
    "a tempo of two bytes": (header() + promising(6, b"\x00\xff\x51\x02\x07\xa1"), "a tempo of no"),
    "no notes": (midi(track((0, tempo(500_000)))), "has no notes"),
    "drums only": (
        midi(track((0, on(36, channel=9)), (9, off(36, channel=9)))),
        "has nothing but drums (channel 10)",
    ),
    "ten hours": (
        midi(NOTE, track((0, on(60)), (36_000_000, off(60)))),
        "lasts 10.0 hours (track 2)",
    ),
    "ten hours of pauses": (
        midi(track(*((2_000_000, on(60)) for _ in range(20)))),
        "lasts 11.1 hours (track 1)",
    ),
    "slow beyond measure": (
        midi(track((0, tempo(2**24 - 1)), (0, on(60)), (2**28 - 1, off(60))), division=1),
        "hours (track 1)",
    ),
    "more ticks than 32 bits": (
        midi(track((0, on(60)), *((2**28 - 1, b"\xd0\x00") for _ in range(17)), (9, off(60)))),
        "2,147,483,648 ticks",
    ),
    "much too large": (header() + bytes(MAX_BYTES), "more than 4,194,304 bytes"),
    "other events without end": (
        header() + promising(1_000_000, b"\x00\xff\x01\x00" * 250_000),
        "more than 200,000 events are no notes",
    ),
    "chunks of no size": (header() + b"XXXX\x00\x00\x00\x00" * 200_000, "the file ends"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_error_names_what_is_wrong_and_the_way_out(case: str) -> None:
    data, message = CASES[case]
    with pytest.raises(DataError) as caught:
        read_midi(data, "bad.mid")
    assert message in caught.value.what
    assert "bad.mid" in caught.value.what
    assert caught.value.hint
    assert "\n" not in caught.value.what + caught.value.hint


def test_too_many_notes_are_refused() -> None:
    """Whether they end or not."""
    for again in (b"\x00\x3c\x00\x00\x3c\x40", b"\x00\x3c\x40"):
        body = b"\x00\x90\x3c\x40" + again * 500_001
        with pytest.raises(DataError, match="more than 500,000 notes"):
            read_midi(header() + promising(len(body), body))


def test_a_file_as_large_as_may_be_takes_no_memory_beyond_bounds() -> None:
    body = (b"\x0a\x90\x3c\x40\x0a\xb0\x40\x7f" + b"\x0a\x40\x00" * 2) * 250_000
    tracemalloc.start()
    try:
        checked = checked_midi(header() + promising(len(body), body), "large.mid")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(checked.written({})) < len(body) + 10_000
    assert peak < 8 * len(body)


def test_a_file_is_cut_off_anywhere_and_refused() -> None:
    read_midi(SOUND)
    for n_bytes in range(len(SOUND)):
        with pytest.raises(DataError):
            read_midi(SOUND[:n_bytes])


@settings(max_examples=300)
@given(st.data())
def test_bytes_changed_anywhere_are_music_or_an_error(data: st.DataObject) -> None:
    changed = bytearray(SOUND)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(changed) - 1))
        kind = data.draw(st.integers(0, 2))
        if kind == 0:
            changed[place] = data.draw(st.integers(0, 255))
        elif kind == 1:
            del changed[place]
        else:
            changed[place:place] = data.draw(st.binary(max_size=6))
    _read_or_refuse(bytes(changed))


@settings(max_examples=300)
@given(st.binary(max_size=120), st.integers(0, 3))
def test_any_bytes_behind_a_sound_header_are_music_or_an_error(body: bytes, lie: int) -> None:
    _read_or_refuse(header() + promising(len(body), body))
    _read_or_refuse(header(tracks=lie) + promising(len(body) + lie, body))


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_any_bytes_at_all_are_refused(data: bytes) -> None:
    with pytest.raises(DataError):
        read_midi(data)


def _read_or_refuse(data: bytes) -> None:
    """Any other error, a crash among them, ends the test."""
    with suppress(DataError):
        assert len(read_midi(data))


def test_long_runs_of_all_kinds_are_passed_whole() -> None:
    chance = random.Random(5)
    kinds = [b"\x90\x3c\x40", b"\xd0\x05", b"\xb0\x40\x7f", b"\xe0\x01\x02"]
    events = [(chance.randrange(3000), kinds[chance.randrange(4)]) for _ in range(5000)]
    run = [*events, (0, off(60)), *((1, b"\x3c\x00") for _ in range(20_000))]
    data = midi(track(*run))
    assert read_midi(data).notes == tuple(slow_read(data))
