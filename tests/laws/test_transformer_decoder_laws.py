"""The laws of :mod:`model_laws` for the Transformer-Decoder: caches are where it differs.

In float64, where two orders of summation differ by some 1e-15.
"""

from collections.abc import Callable, Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cutaway.models import TransformerDecoder, TransformerDecoderConfig
from cutaway.nn import Tap
from model_laws import (
    N_CTX,
    TAPS,
    VOCAB_SIZE,
    at_most,
    cached_equals_uncached,
    exactly,
    ragged_equals_alone,
    same,
)

CONFIG = TransformerDecoderConfig(
    vocab_size=VOCAB_SIZE, n_ctx=N_CTX, n_embd=20, n_layer=4, n_head=5, block=5, pattern="lmf"
)


@pytest.fixture(scope="module")
def model(enliven: Callable[..., TransformerDecoder]) -> TransformerDecoder:
    return enliven(TransformerDecoder(CONFIG)).double()


@pytest.fixture(autouse=True)
def _without_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


@settings(max_examples=12)
@given(data=st.data())
@TAPS
def test_cached_equals_uncached_for_any_chunks(
    model: TransformerDecoder, tap: Tap, data: st.DataObject
) -> None:
    cached_equals_uncached(model, tap, data)


@settings(max_examples=20)
@given(data=st.data())
@TAPS
def test_a_ragged_batch_equals_its_rows_run_alone(
    model: TransformerDecoder, tap: Tap, data: st.DataObject
) -> None:
    ragged_equals_alone(model, tap, data)


@settings(max_examples=10)
@given(data=st.data())
def test_rows_fork_and_are_copied(model: TransformerDecoder, data: st.DataObject) -> None:
    """What beam search and batches do to a cache."""
    texts = data.draw(st.lists(at_most(12), min_size=1, max_size=3))
    cache = model.new_cache(len(texts))
    for row, text in enumerate(texts):
        alone = model.new_cache(1, len(text))
        model(torch.tensor([text]), cache=alone)
        cache.copy_row(row, alone)
    chosen = data.draw(st.lists(st.integers(0, len(texts) - 1), min_size=1, max_size=4))
    cache.select(chosen)
    wanted = [list(texts[row]) for row in chosen]
    for _ in range(5):
        new = data.draw(exactly(len(chosen)))
        logits = model(torch.tensor(new)[:, None], cache=cache)
        for b, id in enumerate(new):
            wanted[b].append(id)
            same(logits[b, -1], model(torch.tensor([wanted[b]]))[0, -1])


def test_a_row_that_is_cut_back_goes_on_from_there(model: TransformerDecoder) -> None:
    """Into the block before, and into a slot that was full."""
    tokens, other = torch.arange(13)[None], torch.arange(40, 52)[None]
    for kept in (0, 4, 7, 11):
        cache = model.new_cache(1)
        model(tokens, cache=cache)
        cache.truncate([kept])
        logits = torch.cat([model(one, cache=cache) for one in other.split(1, dim=1)], dim=1)
        whole = torch.cat([tokens[:, :kept], other], dim=1)
        same(logits, model(whole)[:, kept:])
