"""A soprano from a line and from a melody, and voices as notes."""

import numpy as np
import pytest

from cutaway.apps.soprano import read_line, soprano_of, voices_of
from cutaway.errors import DataError
from cutaway.music.grid import Chorale
from cutaway.music.notes import Note, Performance


def test_a_line_of_pitches() -> None:
    found = read_line("67 67 r G4:2\nBb4 C-1 f#5:3 G9 -", "line")
    assert found.pitches == (67, 67, None, 67, 67, 70, 0, 78, 78, 78, 127, None)
    assert found.struck == {0, 1, 3, 5, 6, 7, 10}


@pytest.mark.parametrize("item", ["128", "H4", "C", "G#9", "Cb-1", "67:0", "67:", ":2", "1.5", "²"])
def test_what_is_no_pitch_is_named_with_its_line(item: str) -> None:
    with pytest.raises(DataError, match=r"a\.txt:2: ") as error:
        read_line(f"60\n60 {item}", "a.txt")
    assert repr(item) in error.value.what


def test_empty_and_endless_lines() -> None:
    with pytest.raises(DataError, match=r"a\.txt has no pitches"):
        read_line("r r\n", "a.txt")
    with pytest.raises(DataError, match="more than 20,000 sixteenth"):
        read_line("60:999999", "a.txt")


def test_the_highest_voice_of_a_melody_on_the_grid() -> None:
    """At 60 quarters a minute a step is a quarter of a second."""
    notes = [
        Note(0.52, 0.97, 67, 64),  # steps 0 and 1, for the silence before it is left out
        Note(0.50, 2.00, 48, 64),  # below it, and alone in steps 2 and 3
        Note(1.50, 1.75, 72, 64),  # step 4
        Note(1.76, 1.77, 72, 64),  # step 5, struck again and short
    ]
    found = soprano_of(Performance(notes), quarters_per_minute=60)
    assert found.pitches == (67, 67, 48, 48, 72, 72)
    assert found.struck == {0, 2, 4, 5}
    with pytest.raises(DataError, match=r"b\.mid has no notes"):
        soprano_of(Performance(source="b.mid"), quarters_per_minute=60)
    with pytest.raises(DataError, match="more than 20,000"):
        soprano_of(Performance([Note(0, 9000, 60, 1)]), quarters_per_minute=60)


def test_voices_are_held_but_where_the_soprano_is_struck() -> None:
    voices = np.array([[72, 72, 72, 71], [67, 67, 128, 67], [60, 60, 60, 60], [128] * 4])
    found = voices_of(Chorale(voices), quarters_per_minute=60, struck={0, 2})
    spans = [[(note.start, note.end, note.pitch) for note in voice.notes] for voice in found]
    assert spans == [
        [(0.0, 0.5, 72), (0.5, 0.75, 72), (0.75, 1.0, 71)],
        [(0.0, 0.5, 67), (0.75, 1.0, 67)],
        [(0.0, 1.0, 60)],
        [],
    ]
    back = soprano_of(found[0], quarters_per_minute=60)
    assert back.pitches == tuple(voices[0].tolist())
    assert back.struck == {0, 2, 3}
