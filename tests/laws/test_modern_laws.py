"""The laws of :mod:`laws.test_model_laws` for the modern decoder: positions are where it differs.

In float64, where two orders of summation differ by some 1e-15.
"""

from collections.abc import Callable, Iterator
from itertools import chain

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from cutaway.models import Modern, ModernConfig
from cutaway.nn import NO_TAP, Tap
from taps import Explicit

CONFIG = ModernConfig(vocab_size=61, n_ctx=24, n_embd=20, n_layer=3, n_head=5)
TOLERANCE = 1e-10
TAPS = pytest.mark.parametrize("tap", [NO_TAP, Explicit()], ids=["fused", "explicit"])

token = st.integers(0, CONFIG.vocab_size - 1)


def exactly(n: int) -> st.SearchStrategy[list[int]]:
    return st.lists(token, min_size=n, max_size=n)


def at_most(n: int) -> st.SearchStrategy[list[int]]:
    return st.lists(token, min_size=1, max_size=n)


@pytest.fixture(scope="module")
def model(enliven: Callable[..., Modern]) -> Modern:
    return enliven(Modern(CONFIG)).double()


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
    model: Modern, tap: Tap, data: st.DataObject
) -> None:
    tokens = torch.tensor([data.draw(at_most(CONFIG.n_ctx))])
    cuts = data.draw(st.sets(st.integers(1, CONFIG.n_ctx - 1)))
    cache = model.new_cache(1)
    chunks = tokens.tensor_split(sorted(cut for cut in cuts if cut < tokens.shape[1]), dim=1)
    logits = torch.cat([model(chunk, cache=cache, tap=tap) for chunk in chunks], dim=1)
    same(logits, model(tokens))


@settings(max_examples=12)
@given(data=st.data())
@TAPS
def test_a_ragged_batch_equals_its_rows_run_alone(
    model: Modern, tap: Tap, data: st.DataObject
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


@settings(max_examples=12)
@given(data=st.data())
@TAPS
def test_a_later_token_never_changes_an_earlier_logit(
    model: Modern, tap: Tap, data: st.DataObject
) -> None:
    """Bit for bit; and a token does change its own logits and those of all tokens behind it."""
    ids = data.draw(st.lists(token, min_size=2, max_size=CONFIG.n_ctx))
    at = data.draw(st.integers(0, len(ids) - 1))
    other = [*ids[:at], (ids[at] + 1) % CONFIG.vocab_size, *ids[at + 1 :]]
    before, after = model(torch.tensor([ids]), tap=tap), model(torch.tensor([other]), tap=tap)
    assert torch.equal(before[:, :at], after[:, :at])
    assert ((before - after).abs().amax(-1)[0, at:] > TOLERANCE).all()
