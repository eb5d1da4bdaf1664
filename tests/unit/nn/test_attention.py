"""Scaled dot-product attention against its definition, with every kind of mask."""

import math

import pytest
import torch
from torch import Tensor

from cutaway.nn import NO_TAP, Mask, attend, merge_heads, split_heads
from cutaway.nn.masks import CAUSAL, NO_MASK
from taps import Explicit


@pytest.fixture
def qkv(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    q = torch.randn(2, 3, 4, 5, generator=generator, dtype=torch.float64)
    k = torch.randn(2, 3, 6, 5, generator=generator, dtype=torch.float64)
    v = torch.randn(2, 3, 6, 5, generator=generator, dtype=torch.float64)
    return q, k, v


def by_definition(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """Query by query, weight by weight."""
    z = torch.zeros(q.shape, dtype=q.dtype)
    bias = bias.expand(*q.shape[:3], k.shape[2])
    for b, h, t in torch.cartesian_prod(*(torch.arange(n) for n in q.shape[:3])).tolist():
        weights = [
            math.exp(
                float(q[b, h, t] @ k[b, h, s]) / math.sqrt(q.shape[3]) + float(bias[b, h, t, s])
            )
            for s in range(k.shape[2])
        ]
        for s, weight in enumerate(weights):
            z[b, h, t] += weight / sum(weights) * v[b, h, s]
    return z


@pytest.mark.parametrize("tap", [NO_TAP, Explicit()], ids=["fused", "explicit"])
@pytest.mark.parametrize("kind", ["none", "boolean", "additive"])
def test_equals_its_definition(
    qkv: tuple[Tensor, Tensor, Tensor],
    generator: torch.Generator,
    kind: str,
    tap: Explicit,
) -> None:
    bias = torch.zeros(1, 1, 4, 6, dtype=torch.float64)
    mask = NO_MASK
    if kind == "boolean":
        allowed = torch.rand(2, 1, 4, 6, generator=generator) < 0.5
        allowed[..., 0] = True
        bias = torch.where(allowed, 0.0, -math.inf).double()
        mask = Mask(allowed, False)
    elif kind == "additive":
        bias = torch.randn(1, 3, 4, 6, generator=generator, dtype=torch.float64)
        mask = Mask(bias, False)
    torch.testing.assert_close(
        attend(*qkv, mask=mask, tap=tap), by_definition(*qkv, bias), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("tap", [NO_TAP, Explicit()], ids=["fused", "explicit"])
def test_causal_attention_equals_its_definition(
    qkv: tuple[Tensor, Tensor, Tensor], tap: Explicit
) -> None:
    q, k, v = qkv[0], qkv[1][:, :, :4], qkv[2][:, :, :4]
    bias = torch.full((1, 1, 4, 4), -math.inf, dtype=torch.float64).triu(1)
    torch.testing.assert_close(
        attend(q, k, v, mask=CAUSAL, tap=tap), by_definition(q, k, v, bias), rtol=1e-12, atol=1e-12
    )


def test_a_replaced_pattern_is_what_blends_the_values(qkv: tuple[Tensor, Tensor, Tensor]) -> None:
    class LookAtTheFirst(Explicit):
        def __call__(self, name: str, value: Tensor, /) -> Tensor:
            if name != "pattern":
                return value
            first = torch.zeros_like(value)
            first[..., 0] = 1.0
            return first

    z = attend(*qkv, tap=LookAtTheFirst())
    assert torch.equal(z, qkv[2][:, :, :1].expand_as(z))


def test_dropout_acts_on_the_weights_in_both_paths(qkv: tuple[Tensor, Tensor, Tensor]) -> None:
    """With values of 1 the output is the sum of the kept weights, so its mean stays 1."""
    q, k = (x.float().repeat(40, 1, 8, 1) for x in qkv[:2])
    for tap in (NO_TAP, Explicit()):
        z = attend(q, k, torch.ones_like(k), dropout=0.25, tap=tap)
        assert z.std() > 0.05
        assert z.mean().item() == pytest.approx(1.0, abs=0.01)


def test_heads_are_neighbouring_columns_and_merge_back(generator: torch.Generator) -> None:
    x = torch.randn(2, 4, 15, generator=generator)
    heads = split_heads(x, 3)
    assert heads.shape == (2, 3, 4, 5)
    assert torch.equal(heads[1, 2, 3], x[1, 3, 10:15])
    assert torch.equal(merge_heads(heads), x)
