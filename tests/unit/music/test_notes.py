"""What a performance is."""

import numpy as np
import pytest

from cutaway.errors import DataError
from cutaway.music import Note, Performance
from cutaway.music.notes import MAX_SECONDS, Columns, one_keyboard


def test_notes_are_in_order_however_they_are_given() -> None:
    notes = [Note(1.0, 2.0, 60, 64), Note(0.0, 3.0, 72, 1), Note(0.0, 1.0, 48, 127)]
    performance = Performance(notes, "a.mid")
    assert performance.notes == (notes[2], notes[1], notes[0])
    assert performance == Performance(reversed(notes))
    assert hash(performance) == hash(Performance(reversed(notes)))
    assert performance != Performance(notes[:2])
    assert performance.seconds == 3.0
    assert len(performance) == 3
    assert repr(performance) == "<Performance of a.mid: 3 notes, 3.0 s>"
    assert Performance.of_columns(performance.columns) == performance
    with pytest.raises(ValueError, match="read-only"):
        performance.columns.starts[0] = 1.0


def test_no_notes_are_a_performance_too() -> None:
    assert Performance().notes == ()
    assert Performance().seconds == 0.0


@pytest.mark.parametrize(
    ("note", "message"),
    [
        (Note(0.0, 1.0, 128, 64), "Note 2 of a.mid has the pitch 128"),
        (Note(0.0, 1.0, -1, 64), "has the pitch -1"),
        (Note(0.0, 1.0, 60, 0), "has the velocity 0"),
        (Note(0.0, 1.0, 60, 128), "has the velocity 128"),
        (Note(1.0, 0.5, 60, 64), "has the end 0.5"),
        (Note(-0.1, 0.5, 60, 64), "has the start -0.1"),
        (Note(float("nan"), 0.5, 60, 64), "has the start nan"),
        (Note(0.0, float("inf"), 60, 64), "has the end inf"),
        (Note(0.0, MAX_SECONDS + 1, 60, 64), "has the end 14401"),
        (Note(0.0, 1.0, 60.5, 64), "type float64"),  # pyright: ignore[reportArgumentType]
    ],
)
def test_what_is_out_of_range_is_told_and_not_clipped(note: Note, message: str) -> None:
    with pytest.raises(DataError) as caught:
        Performance([Note(0.0, 1.0, 60, 64), note], "a.mid")
    assert message in caught.value.what
    assert caught.value.hint


def test_one_keyboard_has_each_key_once() -> None:
    rows = [
        (0.0, 5.0, 60, 50),  # ended by the strike at 2
        (2.0, 3.0, 60, 60),  # two strikes at once: the louder, the longer
        (2.0, 4.0, 60, 40),
        (4.0, 4.0, 60, 70),  # of no length
        (1.0, 9.0, 61, 80),
    ]
    columns = Columns(*(np.array(column) for column in zip(*rows, strict=True)))
    found = sorted(zip(*(column.tolist() for column in one_keyboard(columns)), strict=True))
    assert found == [
        (0.0, 2.0, 60, 50),
        (1.0, 9.0, 61, 80),
        (2.0, 4.0, 60, 60),
        (4.0, 4.0, 60, 70),
    ]
    assert columns.ends.tolist() == [5.0, 3.0, 4.0, 4.0, 9.0]  # what was given is as it was
