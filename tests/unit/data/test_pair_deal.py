"""Pairs dealt to steps: each once in an epoch, lengths together, any step at any time."""

import numpy as np
import pytest

from cutaway.data.pair_deal import PairDeal


def dealt(deal: PairDeal, steps: int, size: int) -> list[list[int]]:
    return [
        deal.batch(step, sizes=[size] * deal.steps, first=deal.pool(step).start * size).tolist()
        for step in range(steps)
    ]


def lengths(n: int) -> np.ndarray:  # type: ignore[type-arg]
    return np.random.default_rng(5).integers(3, 60, n)


def test_a_pair_comes_once_in_an_epoch() -> None:
    deal = PairDeal(lengths(96), batch_size=8, seed=1)
    assert deal.steps == 12
    batches = dealt(deal, 36, 8)
    for epoch in range(3):
        seen = [pair for batch in batches[12 * epoch : 12 * epoch + 12] for pair in batch]
        assert sorted(seen) == list(range(96))
    assert batches[:12] != batches[12:24]


def test_what_is_left_of_an_epoch_is_not_lost() -> None:
    deal = PairDeal(lengths(100), batch_size=8, seed=1)
    seen = [pair for batch in dealt(deal, 300, 8) for pair in batch]
    counts = np.bincount(seen, minlength=100)
    assert counts.sum() == 2400
    assert counts.min() >= 23
    assert counts.max() <= 25


def test_any_step_can_be_asked_for_at_any_time() -> None:
    sizes = lengths(1000)
    forwards = dealt(PairDeal(sizes, batch_size=4, seed=3), 200, 4)
    deal = PairDeal(sizes, batch_size=4, seed=3)
    for step in (150, 3, 199, 63, 64, 0):
        first = deal.pool(step).start * 4
        assert deal.batch(step, sizes=[4] * 64, first=first).tolist() == forwards[step]
    assert dealt(PairDeal(sizes, batch_size=4, seed=4), 200, 4) != forwards


def test_there_is_little_padding_and_no_order_of_lengths() -> None:
    sizes = lengths(5000)
    batches = dealt(PairDeal(sizes, batch_size=16, seed=0), 300, 16)
    real = sum(int(sizes[batch].sum()) for batch in batches)
    padded = sum(16 * int(sizes[batch].max()) for batch in batches)
    assert real > 0.97 * padded
    longest = np.array([sizes[batch].max() for batch in batches])
    assert abs(np.corrcoef(longest[:-1], longest[1:])[0, 1]) < 0.2
    assert all(list(sizes[batch]) == sorted(sizes[batch], reverse=True) for batch in batches)


def test_batches_may_grow() -> None:
    deal = PairDeal(lengths(640), batch_size=4, seed=0)
    sizes = [4] * 30 + [8] * 34
    batches = [deal.batch(step, sizes=sizes, first=0).tolist() for step in range(64)]
    assert [len(batch) for batch in batches] == sizes
    assert len({pair for batch in batches for pair in batch}) == sum(sizes)


@pytest.mark.parametrize("n", [1, 3])
def test_fewer_pairs_than_a_batch(n: int) -> None:
    deal = PairDeal(lengths(n), batch_size=8, seed=0)
    batches = dealt(deal, 5, 8)
    counts = np.bincount([pair for batch in batches for pair in batch], minlength=n)
    assert counts.min() >= 40 // n
