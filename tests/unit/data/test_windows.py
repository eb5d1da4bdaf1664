"""Windows deal out the whole corpus, epoch by epoch, and any step can be asked for."""

import numpy as np
import pytest

from cutaway.data import Windows
from cutaway.errors import DataError

TOKENS = np.arange(1003)


def test_windows_are_runs_of_neighbouring_tokens() -> None:
    batch = Windows(TOKENS, length=11, seed=3).batch(first=35, size=7)
    assert batch.shape == (7, 11)
    assert batch.dtype == np.int64
    assert (np.diff(batch, axis=1) == 1).all()


def test_an_epoch_deals_every_window_once() -> None:
    windows = Windows(TOKENS, length=11, seed=3)
    epoch = windows.batch(first=0, size=windows.per_epoch)
    assert windows.per_epoch == 99
    starts = np.sort(epoch[:, 0])
    assert (np.diff(starts) == 10).all()  # the last target of one is the first input of the next


def test_epochs_differ_in_order_and_in_where_they_cut() -> None:
    windows = Windows(TOKENS, length=11, seed=0)
    first, second = (
        windows.batch(first=s * windows.per_epoch, size=windows.per_epoch)[:, 0] for s in (0, 1)
    )
    assert set(first % 10) != set(second % 10)
    assert not np.array_equal(first, second)


def test_a_step_is_a_function_of_the_seed_alone() -> None:
    windows = Windows(TOKENS, length=11, seed=4)
    wanted = windows.batch(first=240, size=6)
    assert np.array_equal(Windows(TOKENS, length=11, seed=4).batch(first=240, size=6), wanted)
    windows.batch(first=18, size=6)
    assert np.array_equal(windows.batch(first=240, size=6), wanted)
    assert not np.array_equal(Windows(TOKENS, length=11, seed=5).batch(first=240, size=6), wanted)


def test_a_batch_is_the_same_however_steps_are_grouped() -> None:
    windows = Windows(TOKENS, length=11, seed=4)
    large = windows.batch(first=0, size=12)
    small = np.concatenate([windows.batch(first=s * 4, size=4) for s in range(3)])
    assert np.array_equal(large, small)


def test_too_few_tokens_are_refused() -> None:
    with pytest.raises(DataError, match="20 tokens are too few for windows of 11"):
        Windows(TOKENS[:20], length=11, seed=0)
    assert Windows(TOKENS[:21], length=11, seed=0).batch(first=0, size=2).shape == (2, 11)
