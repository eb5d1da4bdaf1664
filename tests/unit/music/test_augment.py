"""What is done to a performance leaves it one; ids are moved as notes are."""

import numpy as np
import pytest

from cutaway.errors import OutOfRange
from cutaway.music import Note, Performance, encode
from cutaway.music.augment import (
    PIANO,
    STRETCHES,
    allowed_transpositions,
    from_first_note,
    stretched,
    transposed,
    transposed_ids,
)
from pieces_of_music import performance


@pytest.mark.parametrize("semitones", [-3, -1, 0, 2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_ids_are_moved_as_notes_are(semitones: int, seed: int) -> None:
    piece = performance(seed, 200)
    ids = np.array(encode(piece), np.int64)
    moved = transposed_ids(ids, semitones, n_pitched=256)
    assert moved.tolist() == encode(transposed(piece, semitones))


def test_a_stretched_performance_is_longer_by_the_factor() -> None:
    piece = performance(1)
    for factor in STRETCHES:
        other = stretched(piece, factor)
        assert other.seconds == pytest.approx(piece.seconds * factor)
        assert [note.pitch for note in other.notes] == [note.pitch for note in piece.notes]
        assert [note.velocity for note in other.notes] == [note.velocity for note in piece.notes]
        assert other.source == piece.source
    assert stretched(piece, 1.0) == piece


@pytest.mark.parametrize("factor", [0.0, -1.0, float("inf"), float("nan")])
def test_an_impossible_factor_is_refused(factor: float) -> None:
    with pytest.raises(OutOfRange, match="factor"):
        stretched(performance(), factor)


def test_pitches_that_leave_the_piano_are_refused_not_bent() -> None:
    low, high = PIANO
    piece = Performance([Note(0.0, 1.0, low + 1, 64), Note(1.0, 2.0, high - 2, 64)])
    assert allowed_transpositions(low + 1, high - 2, most=3) == range(-1, 3)
    assert transposed(piece, 2).notes[1].pitch == high
    for semitones in (-2, 3):
        with pytest.raises(OutOfRange, match="semitones lead pitches 22 to 106 out of 21 to 108"):
            transposed(piece, semitones)
    beyond = Performance([Note(0.0, 1.0, 5, 64)])
    assert transposed(beyond, 0) == beyond
    with pytest.raises(OutOfRange):
        transposed(beyond, 1)


def test_silence_can_be_moved_anywhere() -> None:
    assert transposed(Performance(), 3) == Performance()


def test_silence_in_front_is_left_out() -> None:
    piece = performance(2)
    later = Performance(
        [note._replace(start=note.start + 4.0, end=note.end + 4.0) for note in piece.notes], "late"
    )
    begun = from_first_note(later)
    assert encode(begun) == encode(piece) != encode(later)
    assert begun.source == "late"
    assert from_first_note(piece) == piece
    assert from_first_note(Performance()) == Performance()
