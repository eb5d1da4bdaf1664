"""What the notes of a MIDI file are: pedals, tracks, tempos and damaged habits of files."""

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutaway.errors import DataError, MissingExtra
from cutaway.music import Note, Performance, midi_of, read_midi, write_midi
from cutaway.music.notes import MAX_SECONDS
from midi_files import midi, off, on, pedal, slow_read, tempo, track


def times(data: bytes) -> list[tuple[int, int, int]]:
    """Starts and ends in milliseconds, and pitches."""
    return [(round(n.start * 1e3), round(n.end * 1e3), n.pitch) for n in read_midi(data).notes]


def test_notes_have_their_times_pitches_and_velocities() -> None:
    data = midi(track((0, on(60, 80)), (250, on(64, 1)), (250, off(60)), (0, off(64))))
    assert read_midi(data).notes == (Note(0.0, 0.5, 60, 80), Note(0.25, 0.5, 64, 1))


def test_running_status_and_a_strike_without_velocity_as_end() -> None:
    data = midi(track((0, on(60)), (100, b"\x3c\x00"), (0, b"\x3e\x40"), (50, b"\x3e\x00")))
    assert times(data) == [(0, 100, 60), (100, 150, 62)]


@pytest.mark.parametrize("between", [b"\xff\x01\x03abc", b"\xff\x03\x00", b"\xff\x21\x01\x00"])
def test_running_status_goes_on_behind_texts(between: bytes) -> None:
    data = midi(track((0, on(60)), (40, between), (60, b"\x3c\x00")))
    assert times(data) == [(0, 100, 60)]


def test_what_is_no_note_takes_its_time_and_no_more() -> None:
    others = [
        b"\xf0\x03abc", b"\xf7\x01a", b"\xc0\x05", b"\x07", b"\xd0\x05", b"\x06", b"\xe0\x00\x40",
        b"\xa0\x3c\x05", b"\xb0\x07\x64", b"\xff\x7f\x02ab", b"\xff\x58\x04\x04\x02\x18\x08",
        b"\xff\x05\x02la", b"\xff\x06\x01m", b"\xff\x20\x01\x00", b"\xff\x03\x01x",
    ]  # fmt: skip
    data = midi(track((0, on(60)), *((10, other) for other in others), (10, off(60))))
    assert times(data) == [(0, 10 * len(others) + 10, 60)]
    assert read_midi(data).notes == tuple(slow_read(data))


def test_the_pedal_lengthens_notes_until_it_is_lifted() -> None:
    data = midi(
        track(
            *((0, on(60)), (50, pedal(64)), (50, off(60)), (0, on(62)), (50, off(62))),
            *((50, pedal(63)), (0, on(64)), (50, off(64))),
        )
    )
    assert times(data) == [(0, 200, 60), (100, 200, 62), (200, 250, 64)]


def test_the_pedal_ends_no_later_than_the_key_is_struck_again() -> None:
    data = midi(track((0, pedal(127)), (0, on(60)), (50, off(60)), (50, on(60)), (50, off(60))))
    assert times(data) == [(0, 100, 60), (100, 150, 60)]


def test_a_pedal_that_moves_without_being_lifted_is_one() -> None:
    moves = [(10, pedal(70)), (10, pedal(120)), (10, off(60)), (10, pedal(64)), (10, pedal(0))]
    assert times(midi(track((0, on(60)), *moves))) == [(0, 50, 60)]


def test_a_pedal_lifted_and_down_again_at_once_lets_go_what_it_held() -> None:
    data = midi(
        track(
            *((0, pedal(127)), (0, on(60)), (50, off(60)), (50, pedal(0)), (0, pedal(127))),
            *((0, on(64)), (50, off(64)), (50, pedal(0))),
        )
    )
    assert times(data) == [(0, 100, 60), (100, 200, 64)]


def test_the_pedal_of_a_channel_counts_in_all_tracks_and_in_no_other_channel() -> None:
    data = midi(
        track((0, on(60)), (50, off(60))),
        track((0, on(70, channel=1)), (50, off(70, channel=1))),
        track((0, pedal(127)), (300, pedal(0))),
    )
    assert times(data) == [(0, 300, 60), (0, 50, 70)]


def test_changes_of_program_part_nothing() -> None:
    data = midi(
        track(
            *((0, b"\xc0\x05"), (0, pedal(127)), (0, on(60)), (10, b"\xc0\x0d"), (10, off(60))),
            *((10, on(62)), (10, off(62)), (60, b"\xc0\x00"), (0, pedal(0))),
        )
    )
    assert times(data) == [(0, 100, 60), (30, 100, 62)]


def test_a_key_struck_again_ends_its_earlier_note() -> None:
    data = midi(track((0, on(60)), (50, on(60)), (50, off(60)), (50, off(60))))
    assert times(data) == [(0, 50, 60), (50, 100, 60)]
    lost = [(0, on(60)), (10, on(60)), (10, off(60)), (10, on(60)), (10, off(60))]
    assert times(midi(track(*lost))) == [(0, 10, 60), (10, 20, 60), (30, 40, 60)]


def test_tracks_that_share_a_key_are_played_on_one_keyboard() -> None:
    data = midi(
        track((0, on(60, 50)), (100, off(60)), (100, on(62, 40)), (10, off(62))),
        track((50, on(60, 70)), (100, off(60)), (50, on(62, 60)), (30, off(62))),
    )
    assert times(data) == [(0, 50, 60), (50, 150, 60), (200, 230, 62)]
    assert [note.velocity for note in read_midi(data).notes] == [50, 70, 60]


def test_a_note_without_end_sounds_to_the_end_of_its_track() -> None:
    data = midi(track((0, on(60)), (100, on(62)), (50, off(62)), end=b"\x32\xff\x2f\x00"))
    assert times(data) == [(0, 200, 60), (100, 150, 62)]
    assert times(midi(track((0, on(60)), (100, pedal(0)), end=b""))) == [(0, 100, 60)]


@pytest.mark.parametrize("n", [2, 3, 70, 200])
def test_a_key_struck_often_and_never_let_go_has_all_its_notes(n: int) -> None:
    data = midi(track(*((10, on(60)) for _ in range(n)), (10, on(62)), (10, off(62))))
    assert times(data) == [
        *((10 * i, 10 * i + 10 if i < n else 10 * n + 20, 60) for i in range(1, n + 1)),
        (10 * n + 10, 10 * n + 20, 62),
    ]


def test_notes_of_no_length_stay() -> None:
    data = midi(track((5, on(60)), (0, off(60)), (5, on(60)), (5, off(60))))
    assert times(data) == [(5, 5, 60), (10, 15, 60)]


def test_times_follow_the_tempo_map_of_all_tracks() -> None:
    data = midi(
        track((500, tempo(1_000_000)), (500, tempo(250_000))),
        track((0, on(60)), (750, off(60)), (0, on(62)), (750, off(62))),
        division=500,
    )
    # A quarter note (500 ticks) lasts 500 ms, then 1 s, then 250 ms.
    assert times(data) == [(0, 1000, 60), (1000, 1750, 62)]


def test_times_stay_exact_after_hours_of_odd_tempos() -> None:
    changes = [(7, tempo(499_999 - i)) for i in range(3000)]
    data = midi(track(*changes, (0, on(60)), (480, off(60))), division=480)
    [note] = read_midi(data).notes
    exact = 7 * (500_000 + sum(499_999 - i for i in range(2999)))
    assert note.start == exact / 480e6
    assert note.end == (exact + 480 * (499_999 - 2999)) / 480e6


def test_drums_are_left_out_and_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    drum = track((0, on(36, channel=9)), (10, off(36, channel=9)))
    with caplog.at_level(logging.WARNING):
        found = read_midi(midi(drum, track((0, on(60)), (10, off(60)))), "song.mid")
    assert [note.pitch for note in found.notes] == [60]
    assert "song.mid: drums (channel 10) are left out, 1 notes" in caplog.text


def test_a_file_of_its_own_kind_is_written_and_comes_back(tmp_path: Path) -> None:
    notes = [Note(0.0, 1.25, 60, 80), Note(0.333, 0.333, 64, 1), Note(2.0, 3600.001, 108, 127)]
    write_midi(Performance(notes), tmp_path / "a.mid")
    again = read_midi(tmp_path / "a.mid")
    assert again.notes == tuple(notes)
    assert again.source == str(tmp_path / "a.mid")


def test_what_sounds_twice_is_written_once() -> None:
    notes = [Note(0.0, 1.0, 60, 80), Note(0.5, 2.0, 60, 70), Note(0.5, 1.0, 60, 90)]
    again = read_midi(midi_of(Performance(notes)))
    assert again.notes == (Note(0.0, 0.5, 60, 80), Note(0.5, 2.0, 60, 90))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.mid cannot be read: No such file"):
        read_midi(tmp_path / "none.mid")


@pytest.mark.parametrize("library", ["symusic.core", "mido"])
def test_without_the_library_the_way_to_it_is_told(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = midi(track((0, on(60)), (10, off(60))))
    monkeypatch.setitem(__import__("sys").modules, library, None)
    with pytest.raises(MissingExtra, match=r"pip install 'cutaway\[music\]'"):
        read_midi(data) if library != "mido" else midi_of(Performance())


_channel = st.sampled_from([0, 1, 9])
_event = st.one_of(
    st.builds(lambda p, v, c: on(p, v, c), st.integers(58, 62), st.integers(0, 127), _channel),
    st.builds(lambda p, c: off(p, c), st.integers(58, 62), _channel),
    st.builds(lambda v, c: pedal(v, c), st.integers(0, 127), _channel),
    st.builds(tempo, st.integers(1, 2**24 - 1)),
    st.builds(lambda program, c: bytes([0xC0 + c, program]), st.integers(0, 127), _channel),
    st.sampled_from([b"\xff\x01\x02hi", b"\xf0\x02ab", b"\xd0\x05", b"\xb0\x07\x05"]),
)
_deltas = st.one_of(st.integers(1, 9), st.integers(1, 3000), st.integers(1, 70_000))
_tracks = st.lists(st.tuples(_deltas, _event), max_size=30).map(lambda events: track(*events))


@given(st.lists(_tracks, min_size=1, max_size=3), st.integers(1, 32_767))
def test_files_read_as_an_event_by_event_reader_reads_them(
    tracks: list[bytes], division: int
) -> None:
    data = midi(*tracks, division=division)
    expected = slow_read(data)
    if expected and max(note.end for note in expected) <= MAX_SECONDS:
        assert read_midi(data).notes == tuple(expected)
    else:
        with pytest.raises(DataError, match=r"no notes|but drums|hours"):
            read_midi(data)
