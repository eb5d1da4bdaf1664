"""The draw is a function of its key and the distribution, and has the distribution it should."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutaway.errors import ConfigError
from cutaway.generation.draw import DrawKey, best, check_seed, draw, uniform
from cutaway.generation.filters import softmax

GOLDEN = [0.6905890802661352, 0.8236884177329877, 0.6307214193935888, 0.737722930812502]


def test_numbers_that_never_change() -> None:
    """A seed written down today gives its text on every machine and in every version."""
    keys = [(0, 0, 0), (7, 0, 12), (7, 1, 12), (2**64 - 1, 3, 1023)]
    assert [uniform(DrawKey(*key)) for key in keys] == GOLDEN


def chi_square(counts: list[int], probs: list[float]) -> float:
    n = sum(counts)
    return sum((count - n * p) ** 2 / (n * p) for count, p in zip(counts, probs, strict=True) if p)


@pytest.mark.parametrize("axis", ["seed", "sample", "position"])
def test_each_part_of_the_key_spreads_evenly(axis: str) -> None:
    """100 cells, 20,000 draws: chi-square of 99 degrees of freedom exceeds 149 once in 1,000."""
    key = DrawKey(seed=5, sample=0, position=9)
    draws = [uniform(key._replace(**{axis: i})) for i in range(20_000)]
    counts = np.bincount([int(100 * u) for u in draws], minlength=100)
    assert chi_square(counts.tolist(), [0.01] * 100) < 149


def test_neighbouring_keys_are_independent() -> None:
    """Pairs of draws at neighbouring keys fill the unit square: 10 x 10 cells, as above."""
    for axis in ("seed", "sample", "position"):
        keys = [DrawKey(1, 2, 3)._replace(**{axis: i}) for i in range(20_001)]
        u = [int(10 * uniform(key)) for key in keys]
        cells = np.bincount([10 * a + b for a, b in pairwise(u)], minlength=100)
        assert chi_square(cells.tolist(), [0.01] * 100) < 149


def test_tokens_come_with_their_probability() -> None:
    """50 tokens, 20,000 draws: chi-square of 49 degrees of freedom exceeds 85.4 once in 1,000."""
    scores = 1.5 * np.random.default_rng(3).standard_normal((1, 50))
    scores[0, ::7] = -math.inf
    probs = softmax(scores)[0].tolist()
    keys = [DrawKey(seed, 0, 0) for seed in range(20_000)]
    counts = np.bincount(draw(scores.repeat(len(keys), axis=0), keys), minlength=50).tolist()
    assert not any(counts[::7])
    assert chi_square(counts, probs) < 85.4


@given(
    scores=st.lists(
        st.one_of(st.just(-math.inf), st.floats(-80, 80)), min_size=1, max_size=30
    ).filter(lambda s: max(s) > -math.inf),
    seed=st.integers(0, 2**64 - 1),
)
def test_a_banned_token_is_never_drawn(scores: list[float], seed: int) -> None:
    (token,) = draw(np.array([scores]), [DrawKey(seed, 0, 0)])
    assert scores[token] > -math.inf


@pytest.mark.parametrize(("u", "token"), [(0.0, 1), (1 - 2**-52, 3)])
def test_the_ends_of_the_unit_interval(
    monkeypatch: pytest.MonkeyPatch, u: float, token: int
) -> None:
    monkeypatch.setattr("cutaway.generation.draw.uniform", lambda key: u)
    inf = math.inf
    assert draw(np.array([[-inf, 0.3, 1.0, 0.1, -inf]]), [DrawKey(0, 0, 0)]) == [token]


def test_the_row_beside_does_not_matter() -> None:
    scores = np.random.default_rng(0).standard_normal((7, 1000))
    keys = [DrawKey(3, row, 5) for row in range(7)]
    alone = [draw(scores[row : row + 1], [keys[row]])[0] for row in range(7)]
    assert draw(scores, keys) == alone


def test_best_is_the_first_of_equals() -> None:
    assert best(np.array([[1.0, 3.0, 3.0], [2.0, 1.0, 2.0]])) == [1, 0]


@pytest.mark.parametrize("choose", [best, lambda scores: draw(scores, [DrawKey(0, 0, 0)])])
def test_scores_from_which_nothing_can_be_chosen(choose: object) -> None:
    with pytest.raises(ConfigError, match="banned"):
        choose(np.full((1, 3), -math.inf))  # type: ignore[operator]
    for bad in (math.nan, math.inf):
        with pytest.raises(ConfigError, match="not finite"):
            choose(np.array([[0.0, bad]]))  # type: ignore[operator]


@pytest.mark.parametrize("bad", [-1, 2**64, 1.5, True, "7"])
def test_an_impossible_seed_is_named(bad: int) -> None:
    with pytest.raises(ConfigError, match="seed is"):
        check_seed(bad)


def test_no_seed_is_a_fresh_one() -> None:
    assert check_seed(5) == 5
    assert len({check_seed(None) for _ in range(5)}) > 1
