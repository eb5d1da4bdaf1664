"""The 388 events: what is canonical, what comes back, and how exactly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutaway.errors import DataError
from cutaway.music import (
    EVENTS,
    EventReader,
    Note,
    Performance,
    decode,
    encode,
    midi_of,
    one_hot,
    performance_tokenizer,
    read_midi,
)
from cutaway.music.events import END, N_EVENTS, event_names, velocity_bin, velocity_of_bin
from performances import performances


def words(performance: Performance) -> str:
    return performance_tokenizer().decode(encode(performance)).strip()


def read(text: str) -> tuple[Note, ...]:
    return decode(performance_tokenizer().encode(text)).notes


def test_the_blocks_are_those_of_the_paper_in_the_stated_order() -> None:
    assert [(block.name, block.count) for block in EVENTS] == [
        ("NOTE_ON", 128),
        ("NOTE_OFF", 128),
        ("TIME_SHIFT", 100),
        ("SET_VELOCITY", 32),
    ]
    assert [block.first_id for block in EVENTS] == [0, 128, 256, 356]
    assert N_EVENTS == len(event_names()) == 388
    tokenizer = performance_tokenizer()
    assert (tokenizer.vocab_size, tokenizer.eot) == (389, END)
    assert tokenizer.encode("NOTE_ON_60 NOTE_OFF_60 TIME_SHIFT_100 SET_VELOCITY_1") == [
        60, 188, 355, 356,
    ]  # fmt: skip


def test_a_chord_with_a_second_voice() -> None:
    performance = Performance(
        [Note(0.5, 1.5, 64, 80), Note(0.5, 1.0, 60, 78), Note(1.0, 4.25, 60, 20)]
    )
    assert words(performance) == (
        "TIME_SHIFT_50 SET_VELOCITY_20 NOTE_ON_60 NOTE_ON_64 "
        "TIME_SHIFT_50 NOTE_OFF_60 SET_VELOCITY_5 NOTE_ON_60 "
        "TIME_SHIFT_50 NOTE_OFF_64 "
        "TIME_SHIFT_100 TIME_SHIFT_100 TIME_SHIFT_75 NOTE_OFF_60"
    )


def test_a_note_shorter_than_a_step_ends_at_once() -> None:
    performance = Performance([Note(0.1, 0.102, 60, 64), Note(0.1, 0.2, 61, 64)])
    assert words(performance) == (
        "TIME_SHIFT_10 SET_VELOCITY_16 NOTE_ON_60 NOTE_OFF_60 NOTE_ON_61 TIME_SHIFT_10 NOTE_OFF_61"
    )


def test_strikes_of_one_key_in_one_step_are_one_and_later_ones_end_it() -> None:
    performance = Performance(
        [Note(0.001, 0.5, 60, 10), Note(0.004, 0.2, 60, 90), Note(0.3, 0.4, 60, 90)]
    )
    assert words(performance) == (
        "SET_VELOCITY_23 NOTE_ON_60 TIME_SHIFT_30 NOTE_OFF_60 NOTE_ON_60 TIME_SHIFT_10 NOTE_OFF_60"
    )


def test_no_notes_are_no_events() -> None:
    assert encode(Performance()) == []
    assert decode([]) == Performance()


@given(performances)
def test_every_time_is_within_five_milliseconds_and_no_error_adds_up(given: Performance) -> None:
    found = {(note.pitch, round(note.start * 100)): note for note in decode(encode(given)).notes}
    by_strike: dict[tuple[int, int], list[Note]] = {}
    for note in given.notes:
        by_strike.setdefault((note.pitch, int(note.start * 100 + 0.5)), []).append(note)
    assert found.keys() == by_strike.keys()
    for (pitch, step), strikes in by_strike.items():
        note = found[pitch, step]
        assert all(abs(note.start - strike.start) <= 0.005 + 1e-9 for strike in strikes)
        assert abs(note.velocity - max(strike.velocity for strike in strikes)) <= 2
        end = max(strike.end for strike in strikes)
        again = min([s for p, s in by_strike if p == pitch and s > step], default=1e9) / 100
        assert abs(note.end - min(end, again)) <= 0.005 + 1e-9


@given(performances)
def test_ids_and_the_midi_file_made_of_them_say_the_same(given: Performance) -> None:
    ids = encode(given)
    performance = decode(ids)
    assert encode(performance) == ids
    if ids:
        again = read_midi(midi_of(performance))
        assert again == performance
        assert encode(again) == ids


@given(st.lists(st.integers(0, N_EVENTS - 1), max_size=80))
def test_any_ids_are_a_performance_and_become_canonical_once(ids: list[int]) -> None:
    performance = decode(ids)
    canonical = encode(performance)
    assert encode(decode(canonical)) == canonical
    reader = EventReader()
    notes = [note for id in ids for note in reader.push(id)] + reader.flush()
    assert Performance(notes) == performance


def test_ids_that_are_not_canonical_have_one_meaning() -> None:
    assert read("NOTE_ON_60 TIME_SHIFT_5") == (Note(0.0, 0.05, 60, 62),)
    assert read("NOTE_OFF_60 SET_VELOCITY_1 NOTE_ON_60 TIME_SHIFT_1 NOTE_OFF_60 NOTE_OFF_60") == (
        Note(0.0, 0.01, 60, 2),
    )
    assert read("NOTE_ON_60 TIME_SHIFT_5 NOTE_ON_60 TIME_SHIFT_5 NOTE_OFF_60") == (
        Note(0.0, 0.05, 60, 62),
        Note(0.05, 0.1, 60, 62),
    )


def test_end_of_text_begins_nothing_and_ends_a_performance() -> None:
    ids = [375, 60, 355]
    reader = EventReader()
    assert [note for id in [END, *ids, END] for note in reader.push(id)] == [Note(0.0, 1.0, 60, 78)]
    assert reader.ended
    assert decode([END, END, *ids, END]) == decode(ids)
    with pytest.raises(DataError, match=r"behind <\|endoftext\|>"):
        decode([*ids, END, 60])


@pytest.mark.parametrize("id", [-1, 389, 50_256])
def test_no_such_event(id: int) -> None:
    with pytest.raises(DataError, match=f"no event {id}"):
        decode([60, id])
    with pytest.raises(DataError, match=f"no event {id}"):
        one_hot([60, id])


def test_ids_that_last_too_long_are_refused() -> None:
    with pytest.raises(DataError, match=r"has the (start|end) 144"):
        decode([60, *[355] * 14_401])


def test_velocities_come_back_within_two() -> None:
    bins = [velocity_bin(velocity) for velocity in range(1, 128)]
    assert sorted(set(bins)) == [*range(1, 33)]
    assert all(abs(velocity_of_bin(b) - v) <= 2 for v, b in enumerate(bins, start=1))
    assert [velocity_bin(velocity_of_bin(b)) for b in range(1, 33)] == [*range(1, 33)]


def test_the_picture_has_one_cell_a_row() -> None:
    picture = one_hot([375, 60, 355, 305, 188])
    assert picture.shape == (5, 388)
    assert np.argwhere(picture).tolist() == [[0, 375], [1, 60], [2, 355], [3, 305], [4, 188]]
    assert one_hot([]).shape == (0, 388)
