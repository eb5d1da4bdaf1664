"""What must hold for any tokens: causality, and one answer however the work is cut up.

Laws of structure run in float64, where two orders of summation differ by some 1e-15: a tolerance
of 1e-10 leaves no room for a wrong mask, position or slot to hide.
"""

from collections.abc import Callable, Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cutaway.models import GPT2, GPT2Config
from cutaway.nn import NO_TAP, Tap
from model_laws import (
    N_CTX,
    TAPS,
    TOLERANCE,
    VOCAB_SIZE,
    at_most,
    cached_equals_uncached,
    exactly,
    ragged_equals_alone,
    same,
    token,
)
from taps import Explicit

CONFIG = GPT2Config(vocab_size=VOCAB_SIZE, n_ctx=N_CTX, n_embd=20, n_layer=3, n_head=5)


@pytest.fixture(scope="module")
def model(enliven: Callable[[GPT2], GPT2]) -> GPT2:
    return enliven(GPT2(CONFIG)).double()


@pytest.fixture(autouse=True)
def _without_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


@given(data=st.data())
@TAPS
def test_cached_equals_uncached_for_any_chunks(model: GPT2, tap: Tap, data: st.DataObject) -> None:
    cached_equals_uncached(model, tap, data)


@given(data=st.data())
@TAPS
def test_a_ragged_batch_equals_its_rows_run_alone(
    model: GPT2, tap: Tap, data: st.DataObject
) -> None:
    ragged_equals_alone(model, tap, data)


@given(data=st.data())
def test_selected_and_shortened_rows_go_on_as_if_alone(model: GPT2, data: st.DataObject) -> None:
    """Beams fork, rows end, drafts are rejected: what remains is what a fresh run would hold."""
    n, width = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 10))
    held = data.draw(st.lists(exactly(width), min_size=n, max_size=n))
    chosen = data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=4))
    kept = [data.draw(st.integers(1, width)) for _ in chosen]
    new = data.draw(exactly(len(chosen)))

    cache = model.new_cache(n)
    model(torch.tensor(held), cache=cache)
    cache.select(chosen)
    cache.truncate(kept)
    logits = model(torch.tensor(new)[:, None], cache=cache)
    for b, (i, length) in enumerate(zip(chosen, kept, strict=True)):
        alone = model(torch.tensor([[*held[i][:length], new[b]]]))
        same(logits[b, 0], alone[0, -1])


@given(data=st.data())
@TAPS
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_a_later_token_never_changes_an_earlier_logit(
    enliven: Callable[[GPT2], GPT2], dtype: torch.dtype, tap: Tap, data: st.DataObject
) -> None:
    """Bit for bit: both runs do the same operations on rows that are equal up to the change."""
    model = enliven(GPT2(CONFIG)).to(dtype)
    ids = data.draw(st.lists(token, min_size=2, max_size=N_CTX))
    at = data.draw(st.integers(1, len(ids) - 1))
    other = ids[:at] + data.draw(exactly(len(ids) - at))
    before, after = model(torch.tensor([ids]), tap=tap), model(torch.tensor([other]), tap=tap)
    assert torch.equal(before[:, :at], after[:, :at])
    if ids[at] != other[at]:
        assert not torch.equal(before[:, at], after[:, at])


@given(data=st.data())
def test_every_token_changes_all_later_logits(model: GPT2, data: st.DataObject) -> None:
    """The other half of causality: nothing that a position may look at is lost."""
    ids = data.draw(at_most(N_CTX))
    at = data.draw(st.integers(0, len(ids) - 1))
    other = [*ids[:at], (ids[at] + 1) % VOCAB_SIZE, *ids[at + 1 :]]
    changed = (model(torch.tensor([ids])) - model(torch.tensor([other]))).abs().amax(-1)[0]
    assert (changed[at:] > TOLERANCE).all()


@given(data=st.data())
def test_the_order_of_rows_does_not_matter(model: GPT2, data: st.DataObject) -> None:
    width = data.draw(st.integers(1, N_CTX))
    rows = torch.tensor(data.draw(st.lists(exactly(width), min_size=1, max_size=5)))
    order = data.draw(st.permutations(range(len(rows))))
    same(model(rows[order]), model(rows)[order])


@given(data=st.data())
@pytest.mark.parametrize("ragged", [False, True], ids=["even", "ragged"])
def test_fused_attention_equals_explicit(model: GPT2, ragged: bool, data: st.DataObject) -> None:
    n, first, then = (data.draw(st.integers(1, most)) for most in (3, 12, 12))
    lengths = [data.draw(st.integers(1, first)) if ragged else first for _ in range(n)]
    tokens = torch.tensor(data.draw(st.lists(exactly(first + then), min_size=n, max_size=n)))
    outputs = []
    for tap in (NO_TAP, Explicit()):
        cache = model.new_cache(n)
        prefill = model(tokens[:, :first], cache=cache, tap=tap)
        cache.truncate(lengths)
        outputs.append(torch.cat([prefill, model(tokens[:, first:], cache=cache, tap=tap)], dim=1))
    same(outputs[1], outputs[0])
