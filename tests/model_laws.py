"""What must hold for any decoder, however its work is cut up; each model's laws run these.

Laws of structure run in float64, where two orders of summation differ by some 1e-15: a tolerance
of 1e-10 leaves no room for a wrong mask, position or slot to hide.
"""

from itertools import chain

import pytest
import torch
from hypothesis import strategies as st
from torch import Tensor

from cutaway.models import Decoder
from cutaway.nn import NO_TAP, Tap
from taps import Explicit

__all__ = [
    "N_CTX", "TAPS", "TOLERANCE", "VOCAB_SIZE", "at_most", "cached_equals_uncached", "exactly",
    "ragged_equals_alone", "same", "token",
]  # fmt: skip

VOCAB_SIZE, N_CTX = 61, 24
TOLERANCE = 1e-10
TAPS = pytest.mark.parametrize("tap", [NO_TAP, Explicit()], ids=["fused", "explicit"])

token = st.integers(0, VOCAB_SIZE - 1)


def exactly(n: int) -> st.SearchStrategy[list[int]]:
    return st.lists(token, min_size=n, max_size=n)


def at_most(n: int) -> st.SearchStrategy[list[int]]:
    return st.lists(token, min_size=1, max_size=n)


def same(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=TOLERANCE)


def cached_equals_uncached(model: Decoder, tap: Tap, data: st.DataObject) -> None:
    """For any chunks."""
    tokens = torch.tensor([data.draw(at_most(N_CTX))])
    cuts = data.draw(st.sets(st.integers(1, N_CTX - 1)))
    cache = model.new_cache(1)
    chunks = tokens.tensor_split(sorted(cut for cut in cuts if cut < tokens.shape[1]), dim=1)
    logits = torch.cat([model(chunk, cache=cache, tap=tap) for chunk in chunks], dim=1)
    same(logits, model(tokens))
    assert cache.lengths == [tokens.shape[1]]


def ragged_equals_alone(model: Decoder, tap: Tap, data: st.DataObject) -> None:
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
        assert cache.lengths[b] == len(whole)
