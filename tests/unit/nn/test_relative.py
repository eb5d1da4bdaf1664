"""Scores of distances: the skewed product against a vector gathered for every pair."""

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from cutaway.nn import attend
from cutaway.nn.long_attention import attend_in_neighbours, block_mask
from cutaway.nn.masks import CAUSAL, NO_MASK, Mask
from cutaway.nn.relative import Relative, gathered_scores, relative_scores, skew
from taps import Explicit

H, K = 3, 4


def random(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


@pytest.mark.parametrize("R", [1, 5, 40])
@pytest.mark.parametrize("T", [1, 2, 7, 16])
@pytest.mark.parametrize("held", [0, 1, 6])
def test_the_skewed_product_is_the_gathered_one(R: int, T: int, held: int) -> None:
    """For texts shorter and longer than there are distances, behind cached tokens or not."""
    q, embeddings = random(2, H, T, K), random(H, R, K)
    found = relative_scores(q, Relative(embeddings), held + T)
    wanted = gathered_scores(q, Relative(embeddings), held + T)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)
    queries = Relative(embeddings, torch.arange(held, held + T))
    torch.testing.assert_close(relative_scores(q, queries, held + T), wanted, rtol=0, atol=1e-12)


def test_one_number_by_hand() -> None:
    q, embeddings = random(1, H, 6, K), random(H, 4, K)
    found = relative_scores(q, Relative(embeddings), 6)
    assert found[0, 1, 4, 2].item() == pytest.approx((q[0, 1, 4] @ embeddings[1, 3 - 2]).item())
    assert found[0, 2, 5, 0].item() == pytest.approx((q[0, 2, 5] @ embeddings[2, 0]).item())
    assert not found.triu(1).any()


def test_rows_that_stand_at_other_places() -> None:
    q, embeddings = random(2, H, 3, K), random(H, 4, K)
    places = torch.tensor([[0, 1, 2], [5, 6, 7]])
    found = relative_scores(q, Relative(embeddings, places), 9)
    torch.testing.assert_close(found, gathered_scores(q, Relative(embeddings, places), 9))
    alone = relative_scores(q[1:], Relative(embeddings), 8)
    torch.testing.assert_close(found[1:, ..., :8], alone)
    assert not found[1, ..., 8].any()


def test_both_ways_have_the_same_gradients() -> None:
    q, embeddings = random(2, H, 9, K).requires_grad_(), random(H, 5, K).requires_grad_()
    weigh = random(2, H, 9, 9)
    grads = [
        torch.autograd.grad((way(q, Relative(embeddings), 9) * weigh).sum(), (q, embeddings))
        for way in (relative_scores, gathered_scores)
    ]
    for one, other in zip(*grads, strict=True):
        torch.testing.assert_close(one, other)
    assert grads[0][1].abs().amin() > 0


def test_one_row_is_not_moved() -> None:
    x = random(2, H, 1, 7)
    assert torch.equal(skew(x), x)


class Largest(TorchDispatchMode):
    """The size of the largest tensor that is made."""

    def __init__(self) -> None:
        super().__init__()
        self.size = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        out = func(*args, **(kwargs or {}))
        if isinstance(out, Tensor):
            self.size = max(self.size, out.numel())
        return out


def test_no_vector_is_made_for_a_pair() -> None:
    """Section 3.4.1: beside the scores nothing is as large as they are; Shaw's way is K times."""
    q, embeddings = torch.randn(1, 1, 64, 16), torch.randn(1, 64, 16)
    sizes = []
    for way in (relative_scores, gathered_scores):
        with Largest() as largest:
            way(q, Relative(embeddings), 64)
        sizes.append(largest.size)
    assert sizes == [64 * 65, 64 * 64 * 16]


@pytest.mark.parametrize("mask", [CAUSAL, NO_MASK, block_mask(torch.arange(6), 6, block=4)])
def test_attention_adds_them_on_either_path(mask: Mask) -> None:
    q, k, v = (random(2, H, 6, K) for _ in range(3))
    relative = Relative(random(H, 4, K))
    scores = (q @ k.mT + gathered_scores(q, relative, 6)) / K**0.5
    wanted = mask.apply(scores).softmax(-1) @ v
    torch.testing.assert_close(attend(q, k, v, mask=mask, relative=relative), wanted)
    seen = attend(q, k, v, mask=mask, relative=relative, tap=Explicit())
    torch.testing.assert_close(seen, wanted)
    assert not torch.allclose(attend(q, k, v, mask=mask), wanted)


@pytest.mark.parametrize("T", [1, 3, 8, 17])
@pytest.mark.parametrize("block", [1, 3, 4, 40])
@pytest.mark.parametrize("R", [0, 2, 8])
def test_local_attention_is_that_with_a_mask(T: int, block: int, R: int) -> None:
    """Section 3.5: its own block and the one before, with distances from 0 to 2 N - 1."""
    q, k, v = (random(2, H, T, K).requires_grad_() for _ in range(3))
    relative = random(H, R, K).requires_grad_() if R else None
    mask = block_mask(torch.arange(T), T, block=block, before=1)
    leaves = [x for x in (q, k, v, relative) if x is not None]
    known = None if relative is None else Relative(relative)
    found = [
        attend_in_neighbours(q, k, v, block=block, relative=relative),
        attend(q, k, v, mask=Mask(mask.bias, False), relative=known),
    ]
    torch.testing.assert_close(*found)
    weigh = random(2, H, T, K)
    grads = [torch.autograd.grad((z * weigh).sum(), leaves) for z in found]
    for one, other in zip(*grads, strict=True):
        torch.testing.assert_close(one, other)


def test_what_local_attention_sees() -> None:
    """By changing each token in turn."""
    q, k, v = (random(1, H, 11, K) for _ in range(3))
    relative = random(H, 9, K)
    before = attend_in_neighbours(q, k, v, block=3, relative=relative)
    for at in range(11):
        changed_k, changed_v = k.clone(), v.clone()
        changed_k[:, :, at] += 1
        changed_v[:, :, at] += 1
        after = attend_in_neighbours(q, changed_k, changed_v, block=3, relative=relative)
        sees = (before != after).any(-1).all(1)[0].tolist()
        assert sees == [at <= t and at // 3 >= t // 3 - 1 for t in range(11)]


def test_a_window_says_where_each_query_begins() -> None:
    mask = block_mask(torch.arange(8), 8, block=3, before=1)
    assert mask.starts is not None
    assert mask.starts.tolist() == [[0, 0, 0, 0, 0, 0, 3, 3]]
    assert mask.bias is not None
    for t, (row, start) in enumerate(zip(mask.bias, mask.starts[0], strict=True)):
        assert row.nonzero()[:, 0].tolist() == list(range(int(start), t + 1))
    assert block_mask(torch.arange(2, 4), 4, block=3, before=1).starts is None
