"""Several corpora by weight: exact shares, each without replacement, any step at any time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutaway.data import Mixture, Windows
from cutaway.data.mixture import _shares
from cutaway.errors import ConfigError

ROWS = [np.arange(10_000) + 100_000 * i for i in range(3)]


def mixture(seed: int = 3, weights: tuple[float, ...] = (5, 3, 2)) -> Mixture:
    return Mixture([Windows(row, length=11, seed=seed) for row in ROWS], weights, seed=seed)


def test_every_round_has_the_exact_shares() -> None:
    parts = mixture().batch(first=0, size=20_000)[:, 0] // 100_000
    for half in (parts[:10_000], parts[10_000:]):
        assert np.bincount(half).tolist() == [5_000, 3_000, 2_000]
    begin = np.bincount(parts[:1_000])
    assert abs(begin - [500, 300, 200]).max() < 60
    assert not np.array_equal(parts[:10_000], parts[10_000:])


def test_each_corpus_deals_as_it_would_alone() -> None:
    mixed = mixture().batch(first=0, size=15_000)
    for i, row in enumerate(ROWS):
        own = mixed[mixed[:, 0] // 100_000 == i]
        alone = Windows(row, length=11, seed=3).batch(first=0, size=len(own))
        assert np.array_equal(own, alone)  # so without replacement, epoch by epoch


def test_a_step_is_a_function_of_the_seed_alone() -> None:
    deal = mixture()
    wanted = deal.batch(first=14_400, size=16)
    assert np.array_equal(mixture().batch(first=14_400, size=16), wanted)
    deal.batch(first=48, size=16)
    assert np.array_equal(deal.batch(first=14_400, size=16), wanted)
    assert not np.array_equal(mixture(seed=4).batch(first=14_400, size=16), wanted)
    parts = [deal.batch(first=step * 4, size=4) for step in range(3600, 3604)]
    assert np.array_equal(np.concatenate(parts), wanted)


def test_an_epoch_ends_where_the_first_corpus_begins_again() -> None:
    deal = mixture(weights=(0.8, 0.1, 0.1))
    assert deal.per_epoch == 998 * 10 // 8
    assert deal.cut_to(6).batch(first=0, size=2).shape == (2, 6)


@given(st.lists(st.floats(0.001, 1000), min_size=1, max_size=8))
def test_shares_are_as_near_as_whole_numbers_can_be(weights: list[float]) -> None:
    exact = np.array(weights) / sum(weights) * 10_000
    if exact.min() < 1:
        return
    shares = _shares(weights)
    assert sum(shares) == 10_000
    assert abs(shares - exact).max() < 1.001


def test_what_cannot_be_mixed_is_refused() -> None:
    few, long = Windows(ROWS[0], length=11, seed=0), Windows(ROWS[0], length=12, seed=0)
    for parts, weights, message in [
        ([few], [1, 2], "1 corpora, 2 weights"),
        ([], [], "0 corpora"),
        ([few, long], [1, 1], "differ in length"),
        ([few, few], [1, 0], "must be above 0"),
        ([few, few], [1, float("nan")], "must be above 0"),
        ([few, few], [1, 1e-6], "less than 1/10000"),
    ]:
        with pytest.raises(ConfigError, match=message):
            Mixture(parts, weights, seed=0)
