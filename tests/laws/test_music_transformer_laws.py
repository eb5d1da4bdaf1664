"""The laws of :mod:`model_laws` for the Music Transformer: distances are where it differs.

In float64, where two orders of summation differ by some 1e-15. Texts are longer than it has vectors
for, with attention to all and in blocks.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cutaway.models import MusicTransformer, MusicTransformerConfig
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

CONFIG = MusicTransformerConfig(
    vocab_size=VOCAB_SIZE, n_ctx=N_CTX, n_embd=20, n_layer=2, n_head=5, n_inner=28, n_att=30,
    max_relative=9,
)  # fmt: skip
CONFIGS = {
    "relative": CONFIG,
    "every distance": replace(CONFIG, max_relative=N_CTX),
    "baseline": replace(CONFIG, max_relative=0),
    "local": replace(CONFIG, window=4, max_relative=8),
}


@pytest.fixture(scope="module", params=CONFIGS)
def model(
    request: pytest.FixtureRequest, enliven: Callable[..., MusicTransformer]
) -> MusicTransformer:
    return enliven(MusicTransformer(CONFIGS[request.param])).double()


@pytest.fixture(autouse=True)
def _without_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


@settings(max_examples=6)
@given(data=st.data())
@TAPS
def test_cached_equals_uncached_for_any_chunks(
    model: MusicTransformer, tap: Tap, data: st.DataObject
) -> None:
    cached_equals_uncached(model, tap, data)


@settings(max_examples=6)
@given(data=st.data())
@TAPS
def test_a_ragged_batch_equals_its_rows_run_alone(
    model: MusicTransformer, tap: Tap, data: st.DataObject
) -> None:
    ragged_equals_alone(model, tap, data)


@settings(max_examples=6)
@given(data=st.data())
@TAPS
def test_a_later_token_never_changes_an_earlier_logit(
    model: MusicTransformer, tap: Tap, data: st.DataObject
) -> None:
    """Bit for bit; and a token does change its own logits and, in reach, those behind it."""
    ids = data.draw(st.lists(token, min_size=2, max_size=N_CTX))
    at = data.draw(st.integers(0, len(ids) - 1))
    other = [*ids[:at], (ids[at] + 1) % VOCAB_SIZE, *ids[at + 1 :]]
    before, after = model(torch.tensor([ids]), tap=tap), model(torch.tensor([other]), tap=tap)
    assert torch.equal(before[:, :at], after[:, :at])
    window, n_layer = model.config.window, model.config.n_layer
    reach = (at // window + n_layer + 1) * window if window else len(ids)
    changed = (before - after).abs().amax(-1)[0] > TOLERANCE
    assert changed[at:reach].all()
    assert not changed[reach:].any()
