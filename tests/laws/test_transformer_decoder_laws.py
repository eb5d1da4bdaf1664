"""The laws of :mod:`laws.test_model_laws` for the Transformer-Decoder: caches are where it differs.

In float64, where two orders of summation differ by some 1e-15.
"""

from collections.abc import Callable, Iterator
from itertools import chain

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from cutaway.models import TransformerDecoder, TransformerDecoderConfig
from cutaway.nn import NO_TAP, Tap
from taps import Explicit

CONFIG = TransformerDecoderConfig(
    vocab_size=61, n_ctx=24, n_embd=20, n_layer=4, n_head=5, block=5, pattern="lmf"
)
TOLERANCE = 1e-10
TAPS = pytest.mark.parametrize("tap", [NO_TAP, Explicit()], ids=["fused", "explicit"])

token = st.integers(0, CONFIG.vocab_size - 1)


def exactly(n: int) -> st.SearchStrategy[list[int]]:
    return st.lists(token, min_size=n, max_size=n)


def at_most(n: int) -> st.SearchStrategy[list[int]]:
    return st.lists(token, min_size=1, max_size=n)


@pytest.fixture(scope="module")
def model(enliven: Callable[..., TransformerDecoder]) -> TransformerDecoder:
    return enliven(TransformerDecoder(CONFIG)).double()


@pytest.fixture(autouse=True)
def _without_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def same(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=TOLERANCE)


@settings(max_examples=12)
@given(data=st.data())
@TAPS
def test_cached_equals_uncached_for_any_chunks(
    model: TransformerDecoder, tap: Tap, data: st.DataObject
) -> None:
    tokens = torch.tensor([data.draw(at_most(CONFIG.n_ctx))])
    cuts = data.draw(st.sets(st.integers(1, CONFIG.n_ctx - 1)))
    cache = model.new_cache(1)
    chunks = tokens.tensor_split(sorted(cut for cut in cuts if cut < tokens.shape[1]), dim=1)
    logits = torch.cat([model(chunk, cache=cache, tap=tap) for chunk in chunks], dim=1)
    same(logits, model(tokens))


@settings(max_examples=20)
@given(data=st.data())
@TAPS
def test_a_ragged_batch_equals_its_rows_run_alone(
    model: TransformerDecoder, tap: Tap, data: st.DataObject
) -> None:
    """Right padding with any id, then steps of one or several tokens behind each row's own end."""
    rows = data.draw(st.lists(at_most(14), min_size=1, max_size=4))
    steps = data.draw(st.lists(st.integers(1, 4), max_size=3).filter(lambda s: sum(s) <= 10))
    width = max(map(len, rows))
    padded = [row + data.draw(exactly(width - len(row))) for row in rows]
    new = [[data.draw(exactly(n)) for _ in rows] for n in steps]  # step by step, row by row

    cache = model.new_cache(len(rows))
    prefill = model(torch.tensor(padded), cache=cache, tap=tap)
    cache.truncate([len(row) for row in rows])
    later = [model(torch.tensor(chunks), cache=cache, tap=tap) for chunks in new]
    for b, row in enumerate(rows):
        whole = [*row, *chain.from_iterable(chunks[b] for chunks in new)]
        parts = [prefill[b, : len(row)], *(logits[b] for logits in later)]
        same(torch.cat(parts), model(torch.tensor([whole]))[0])


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
