"""Rows of performances: each piece once in an epoch, crops inside, edges as often as the middle."""

import numpy as np
import pytest

from cutaway.data.crops import CropDeal, piece_windows


def dealt(lengths: list[int], *, length: int, n: int, transpose: int = 0, versions: int = 1):  # type: ignore[no-untyped-def]
    table = np.repeat(np.array(lengths)[:, None], versions, axis=1)
    pitches = (np.full(len(lengths), 22), np.full(len(lengths), 100))
    deal = CropDeal(table, pitches, length=length, transpose=transpose, seed=5)
    return deal, [deal.crop(row) for row in range(n)]


def test_every_piece_comes_once_in_an_epoch() -> None:
    _, crops = dealt([40, 50, 60, 70], length=9, n=40)
    for epoch in range(10):
        assert sorted(crop.piece for crop in crops[4 * epoch : 4 * epoch + 4]) == [0, 1, 2, 3]
    assert len({tuple(crop.piece for crop in crops[i : i + 4]) for i in range(0, 40, 4)}) > 1


def test_a_crop_is_a_function_of_seed_and_row() -> None:
    deal, crops = dealt([40, 50, 60, 70], length=9, n=40, transpose=3, versions=5)
    again, _ = dealt([40, 50, 60, 70], length=9, n=0, transpose=3, versions=5)
    assert [again.crop(row) for row in (33, 7, 12)] == [crops[33], crops[7], crops[12]]
    assert [deal.cut_to(5).crop(row) for row in range(9)] != crops[:9]


def test_all_tempos_and_those_transpositions_that_stay_on_the_keys_are_drawn() -> None:
    _, crops = dealt([50] * 4, length=9, n=400, transpose=3, versions=5)
    assert {crop.version for crop in crops} == set(range(5))
    assert {crop.semitones for crop in crops} == {-1, 0, 1, 2, 3}  # from 22 down to 21
    counts = np.bincount([crop.semitones + 1 for crop in crops])
    assert counts.min() > 50


def test_edges_count_on_average_as_much_as_the_middle() -> None:
    n_events, length = 98, 21
    _, crops = dealt([n_events], length=length, n=4000)
    seen = np.zeros(n_events + 2)
    for crop in crops:
        assert 0 <= crop.start <= n_events + 2 - length
        seen[crop.start : crop.start + length] += 1
    middle = seen[30:70].mean()
    for edge in (seen[:length], seen[-length:]):
        assert edge.mean() == pytest.approx(middle, rel=0.1)
        assert edge.min() > 0.35 * middle


def test_a_piece_shorter_than_a_row_is_taken_whole() -> None:
    _, crops = dealt([3, 7], length=20, n=20)
    assert {crop.start for crop in crops} == {0}


@pytest.mark.parametrize("n_ctx", [1, 3, 8, 100])
def test_windows_predict_each_event_once(n_ctx: int) -> None:
    lengths = np.array([5, 1, 8, 16, 3])
    predicted = [
        (piece, event)
        for piece, start in piece_windows(lengths, n_ctx=n_ctx).tolist()
        for event in range(start, min(start + n_ctx, lengths[piece]))
    ]
    assert sorted(predicted) == [(p, e) for p in range(5) for e in range(lengths[p])]
