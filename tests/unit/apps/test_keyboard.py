"""A piano that takes any events: the notes of legal ones, and what is counted of the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutaway.apps.keyboard import Keyboard
from cutaway.music.events import decode, encode, event_names
from cutaway.music.notes import Note, Performance

NAMES = event_names()


def ids_of(text: str) -> list[int]:
    return [NAMES.index(name) for name in text.split()]


def played(text: str) -> Keyboard:
    keyboard = Keyboard()
    for event in ids_of(text):
        keyboard.press(event)
    return keyboard


def _note(start: int, length: int, pitch: int, velocity: int) -> Note:
    return Note(start / 100, (start + length) / 100, pitch, velocity)


notes = st.builds(
    _note, st.integers(0, 400), st.integers(1, 300), st.integers(21, 108), st.integers(1, 127)
)


@given(st.lists(notes, max_size=30))
def test_legal_events_are_the_notes_that_decoding_gives(some: list[Note]) -> None:
    keyboard, ids = Keyboard(), encode(Performance(some))
    for event in ids:
        keyboard.press(event)
    found, held = keyboard.notes(until=keyboard.seconds)
    expected = decode(ids)
    sounding = [note for note in expected.notes if note.end > note.start]
    assert Performance(found) == Performance(sounding)
    assert (held, keyboard.silent) == (0, 0)
    assert keyboard.empty == len(expected) - len(sounding)
    assert keyboard.seconds == pytest.approx(expected.seconds)


def test_a_key_that_is_up_cannot_be_lifted() -> None:
    keyboard = played("NOTE_OFF_60 NOTE_ON_62 TIME_SHIFT_10 NOTE_OFF_60 NOTE_OFF_62 NOTE_OFF_62")
    assert keyboard.silent == 3
    [note], held = keyboard.notes(until=1.0)
    assert (note.pitch, note.start, note.end, held) == (62, 0.0, 0.1, 0)


def test_a_key_that_is_struck_while_it_sounds_ends_its_note() -> None:
    keyboard = played("NOTE_ON_60 TIME_SHIFT_10 NOTE_ON_60 TIME_SHIFT_20 NOTE_OFF_60")
    found, _ = keyboard.notes(until=1.0)
    assert [(note.start, note.end) for note in found] == [(0.0, 0.1), (0.1, 0.3)]
    assert (keyboard.struck, keyboard.silent) == (1, 0)


def test_keys_held_at_the_end_end_there() -> None:
    keyboard = played("NOTE_ON_60 TIME_SHIFT_100 NOTE_ON_64 TIME_SHIFT_50 NOTE_ON_67")
    found, held = keyboard.notes(until=1.2)
    assert [(note.pitch, note.end) for note in found] == [(60, 1.2), (64, 1.2)]
    assert held == 3  # one of them began at this very moment
    assert keyboard.n_notes == 3
    keyboard.press(NAMES.index("TIME_SHIFT_10"))  # telling has changed nothing
    assert len(keyboard.notes(until=9.0)[0]) == 3


def test_a_note_without_length_is_counted_and_left_out() -> None:
    keyboard = played("NOTE_ON_60 NOTE_OFF_60 NOTE_ON_62 NOTE_ON_62 TIME_SHIFT_1 NOTE_OFF_62")
    found, _ = keyboard.notes(until=1.0)
    assert [note.pitch for note in found] == [62]
    assert (keyboard.empty, keyboard.struck) == (2, 1)


def test_counting_begins_at_the_mark() -> None:
    keyboard = played("SET_VELOCITY_8 NOTE_ON_60 NOTE_OFF_61 TIME_SHIFT_100")
    keyboard.mark()
    for event in ids_of("TIME_SHIFT_50 NOTE_OFF_60 NOTE_ON_64 TIME_SHIFT_50"):
        keyboard.press(event)
    found, held = keyboard.notes(until=2.0)
    assert found == (Note(0.5, 1.0, 64, 30),)  # with the velocity that was set before
    assert (held, keyboard.silent, keyboard.seconds) == (1, 0, 1.0)
