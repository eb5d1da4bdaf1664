"""Which keys a query may see, position by position."""

import pytest
import torch

from cutaway.nn import KVCache, Mask, causal_mask
from cutaway.nn.masks import CAUSAL, NO_MASK

CPU = torch.device("cpu")


def cache_of(*lengths: int, n_ctx: int = 8) -> KVCache:
    cache = KVCache(n_layer=1, batch=len(lengths), n_head=1, n_ctx=n_ctx, head_dim=1)
    cache.advance(max(lengths))
    cache.truncate(lengths)
    return cache


def test_without_a_past_no_mask_is_held_in_memory() -> None:
    assert causal_mask(5, None, CPU) is CAUSAL
    assert causal_mask(5, cache_of(0, 0), CPU) is CAUSAL
    assert CAUSAL.bias is None


def test_one_new_token_sees_everything() -> None:
    assert causal_mask(1, cache_of(3, 3), CPU) is NO_MASK


def test_new_tokens_see_the_past_and_themselves() -> None:
    mask = causal_mask(2, cache_of(3), CPU)
    assert not mask.is_causal
    assert mask.bias is not None
    assert mask.bias.int().tolist() == [[1, 1, 1, 1, 0], [1, 1, 1, 1, 1]]


def test_each_row_sees_its_own_past() -> None:
    mask = causal_mask(2, cache_of(1, 3), CPU)
    assert mask.bias is not None
    assert mask.bias.shape == (2, 1, 2, 5)  # broadcasts over heads
    assert mask.bias[:, 0].int().tolist() == [
        [[1, 1, 0, 0, 0], [1, 1, 1, 0, 0]],
        [[1, 1, 1, 1, 0], [1, 1, 1, 1, 1]],
    ]


def test_one_new_token_in_a_ragged_batch_still_needs_a_mask() -> None:
    mask = causal_mask(1, cache_of(1, 3), CPU)
    assert mask.bias is not None
    assert mask.bias[:, 0, 0].int().tolist() == [[1, 1, 0, 0], [1, 1, 1, 1]]


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (NO_MASK, [[1.0, 2.0], [3.0, 4.0]]),
        (CAUSAL, [[1.0, -torch.inf], [3.0, 4.0]]),
        (Mask(torch.tensor([[False, True]]), False), [[-torch.inf, 2.0], [-torch.inf, 4.0]]),
        (Mask(torch.tensor([[0.5], [-1.0]]), False), [[1.5, 2.5], [2.0, 3.0]]),
    ],
    ids=["none", "causal", "boolean", "additive"],
)
def test_a_mask_applied_to_scores(mask: Mask, expected: list[list[float]]) -> None:
    scores = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    assert mask.apply(scores)[0, 0].tolist() == expected
