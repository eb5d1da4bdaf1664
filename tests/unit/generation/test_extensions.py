"""The best extensions of many searches, against a list of all of them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutaway.generation.extensions import best_extensions

SEARCHES = [0, 0, 2, 2, 2]  # search 1 has no text


def listed(
    scores: np.ndarray, offsets: np.ndarray, places: list[int], wanted: int
) -> list[tuple[int, int, int, int]]:
    """(search, rank, row, token) of all that is wanted, by sorting everything there is."""
    found = []
    for search in sorted(set(SEARCHES)):
        rows = [row for row, its in enumerate(SEARCHES) if its == search]
        sums = [
            (-(offsets[row] + scores[row, token]), places[row], token, row)
            for row in rows
            for token in range(scores.shape[1])
            if offsets[row] + scores[row, token] > -math.inf
        ]
        best = sorted(sums)[:wanted]
        found += [(search, rank, row, token) for rank, (_, _, token, row) in enumerate(best)]
    return found


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_vocab", [1, 7, 64, 1000, 3001])
@given(
    seed=st.integers(0, 10_000),
    wanted=st.integers(1, 12),
    levels=st.sampled_from([1, 3, 1_000_000]),
    share_banned=st.sampled_from([0.0, 0.5, 0.999]),
)
def test_they_are_the_best_of_all(
    seed: int, wanted: int, levels: int, share_banned: float, n_vocab: int, dtype: type
) -> None:
    generator = np.random.default_rng(seed)
    scores = generator.integers(0, levels, (5, n_vocab)).astype(dtype) * dtype(0.1)
    scores[generator.random(scores.shape) < share_banned] = -np.inf
    offsets = generator.choice([-2.0, -1.0, 0.0, -1e-7, -300.0], 5)
    places = [1, 0, 2, 0, 1]
    found = best_extensions(
        scores, offsets, searches=np.array(SEARCHES), places=np.array(places), wanted=wanted
    )
    assert list(zip(*(column.tolist() for column in found[:4]), strict=True)) == listed(
        scores, offsets, places, wanted
    )
    assert found.total.tolist() == [
        offsets[row] + scores[row, token] for row, token in zip(found.row, found.token, strict=True)
    ]


def test_what_is_no_number_is_left_out() -> None:
    scores = np.full((2, 300), np.nan, np.float32)
    scores[1] = 0.0
    found = best_extensions(
        scores, np.zeros(2), searches=np.arange(2), places=np.zeros(2, int), wanted=3
    )
    assert found.search.tolist() == [1, 1, 1]
    assert found.token.tolist() == [0, 1, 2]
