"""Dropout: as many as asked for, independent, the mean kept, and nothing in evaluation."""

import pytest
import torch
from torch.nn import functional as F

from cutaway.nn.dropout import Dropout, zeroed


@pytest.mark.parametrize("share", [0.1, 0.3, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_zeroes_that_share_and_keeps_the_mean(share: float, dtype: torch.dtype) -> None:
    torch.manual_seed(1)
    y = zeroed(torch.ones(1001, 333, dtype=dtype), share)
    assert y.dtype == dtype
    n, zeros = y.numel(), int((y == 0).sum())
    assert abs(zeros - n * share) < 5 * (n * share * (1 - share)) ** 0.5 + n * 2**-16
    assert torch.allclose(y[y != 0], torch.tensor(1 / (1 - share), dtype=dtype), rtol=1e-2)


def test_neighbours_are_independent() -> None:
    """Four elements share one draw of 64 bits."""
    torch.manual_seed(2)
    kept = (zeroed(torch.ones(100_000, 4), 0.5) != 0).double()
    assert (torch.corrcoef(kept.T) - torch.eye(4)).abs().max() < 0.02
    assert (kept.mean(0) - 0.5).abs().max() < 0.01


def test_gradient_passes_where_the_number_was_kept() -> None:
    x = torch.randn(7, 5, requires_grad=True)
    y = zeroed(x, 0.25)
    y.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad * x, y)


def test_follows_torch_s_seed() -> None:
    def draw() -> torch.Tensor:
        torch.manual_seed(3)
        return zeroed(torch.ones(3, 3, 3), 0.5)

    assert torch.equal(draw(), draw())


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_all_or_nothing_is_torch_s(share: float) -> None:
    x = torch.randn(4, 4)
    assert torch.equal(zeroed(x, share), F.dropout(x, share))


def test_layer_is_off_in_evaluation() -> None:
    layer, x = Dropout(0.5), torch.randn(4, 4)
    assert torch.equal(layer.eval()(x), x)
    assert not torch.equal(layer.train()(x), x)
    assert "0.5" in repr(layer)


def test_nothing_at_all() -> None:
    assert zeroed(torch.ones(0, 3), 0.5).shape == (0, 3)


def test_a_share_too_small_for_sixteen_bits_and_one_too_near_to_one() -> None:
    assert torch.equal(zeroed(torch.ones(9), 1e-9), torch.ones(9))
    assert zeroed(torch.ones(9), 1 - 1e-9).count_nonzero() <= 1


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_that_is_none_is_torch_s_error(share: float) -> None:
    with pytest.raises(ValueError, match="probability"):
        zeroed(torch.ones(2), share)
