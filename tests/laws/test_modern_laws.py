"""The laws of :mod:`model_laws` for the modern decoder: positions are where it differs.

In float64, where two orders of summation differ by some 1e-15.
"""

from collections.abc import Callable, Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cutaway.models import Modern, ModernConfig
from cutaway.nn import Tap
from model_laws import (
    N_CTX,
    TAPS,
    TOLERANCE,
    VOCAB_SIZE,
    cached_equals_uncached,
    ragged_equals_alone,
    token,
)

CONFIG = ModernConfig(vocab_size=VOCAB_SIZE, n_ctx=N_CTX, n_embd=20, n_layer=3, n_head=5)


@pytest.fixture(scope="module")
def model(enliven: Callable[..., Modern]) -> Modern:
    return enliven(Modern(CONFIG)).double()


@pytest.fixture(autouse=True)
def _without_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


@settings(max_examples=12)
@given(data=st.data())
@TAPS
def test_cached_equals_uncached_for_any_chunks(
    model: Modern, tap: Tap, data: st.DataObject
) -> None:
    cached_equals_uncached(model, tap, data)


@settings(max_examples=12)
@given(data=st.data())
@TAPS
def test_a_ragged_batch_equals_its_rows_run_alone(
    model: Modern, tap: Tap, data: st.DataObject
) -> None:
    ragged_equals_alone(model, tap, data)


@settings(max_examples=12)
@given(data=st.data())
@TAPS
def test_a_later_token_never_changes_an_earlier_logit(
    model: Modern, tap: Tap, data: st.DataObject
) -> None:
    """Bit for bit; and a token does change its own logits and those of all tokens behind it."""
    ids = data.draw(st.lists(token, min_size=2, max_size=N_CTX))
    at = data.draw(st.integers(0, len(ids) - 1))
    other = [*ids[:at], (ids[at] + 1) % VOCAB_SIZE, *ids[at + 1 :]]
    before, after = model(torch.tensor([ids]), tap=tap), model(torch.tensor([other]), tap=tap)
    assert torch.equal(before[:, :at], after[:, :at])
    assert ((before - after).abs().amax(-1)[0, at:] > TOLERANCE).all()
