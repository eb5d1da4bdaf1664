"""Causal attention of our own against its definition in float64, and against torch's in 16 bits."""

import math
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from attentions import Shape, by_definition, in_one, parts
from cutaway.nn import kernel
from cutaway.nn.causal import causal_attention

KINDS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
NEAR = {torch.float32: (4e-7, 8e-7), torch.bfloat16: (2.5e-3, 3.2e-3)}
"""Relative errors of the output and of the gradients that rounding explains."""

pytestmark = pytest.mark.usefixtures("attention_level")


def error(found: Tensor, right: Tensor) -> float:
    return float((found.detach().double() - right.detach()).norm() / right.detach().norm())


def compare(
    shape: Shape, dtype: torch.dtype, starts: Tensor | None = None, dropout: float = 0.0
) -> None:
    """Output and gradients."""
    generator = torch.Generator().manual_seed(7)
    B, H, T, K = shape
    qkv = in_one(shape, dtype, generator).requires_grad_()
    out_grad = torch.randn(B, H, T, K, generator=generator).to(dtype)
    torch.manual_seed(3)
    out = causal_attention(*parts(qkv, H), starts=starts, dropout=dropout)
    out.backward(out_grad)
    wide = qkv.detach().double().requires_grad_()
    right = by_definition(*parts(wide, H), starts, kept(shape, dropout))  # type: ignore[arg-type]
    right.backward(out_grad.double())
    assert out.dtype == dtype
    assert error(out, right) < NEAR[dtype][0]
    assert error(qkv.grad, wide.grad) < NEAR[dtype][1]  # type: ignore[arg-type]


def kept(shape: Shape, dropout: float) -> Tensor:
    """What dropout makes of the pattern, by the seed that torch gives after ``manual_seed(3)``."""
    B, H, T, _ = shape
    if not dropout:
        return torch.ones(T, T, dtype=torch.float64)
    torch.manual_seed(3)
    seed = int(torch.randint(2**62, (), dtype=torch.int64))
    found = torch.stack([kernel.kept(dropout, seed, i, T) for i in range(B * H)])
    return found.view(B, H, T, T).double() / (1.0 - round(dropout * 2**16) / 2**16)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("T", [1, 2, 7, 16, 31, 33, 64, 100, 129, 257])
def test_any_length(kind: str, T: int) -> None:
    compare((2, 3, T, 32), KINDS[kind])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("K", range(16, 129, 16))
def test_any_width_of_heads(kind: str, K: int) -> None:
    compare((1, 2, 70, K), KINDS[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_documents(kind: str) -> None:
    lengths = ([10, 30, 1, 1, 58, 50], [75, 75])
    rows = [
        torch.cat([torch.full((n,), sum(row[:i])) for i, n in enumerate(row)]) for row in lengths
    ]
    compare((2, 2, 150, 32), KINDS[kind], torch.stack(rows))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [1, 20, 100])
def test_a_local_window(kind: str, width: int) -> None:
    compare((1, 2, 150, 16), KINDS[kind], (torch.arange(150) - width + 1).clamp(min=0)[None])


def test_starts_that_go_back() -> None:
    starts = torch.randint(150, (1, 150), generator=torch.Generator().manual_seed(2))
    compare((1, 2, 150, 16), torch.float32, torch.minimum(starts, torch.arange(150)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dropout", [0.1, 0.5, 0.9])
def test_both_passes_drop_the_same(kind: str, dropout: float) -> None:
    compare((2, 2, 75, 32), KINDS[kind], dropout=dropout)


def test_dropout_with_documents() -> None:
    starts = torch.tensor([[0] * 40 + [40] * 35])
    compare((1, 2, 75, 32), torch.float32, starts, dropout=0.3)


def strided(kind: str, x: Tensor) -> Tensor:
    """The same numbers, lying otherwise."""
    if kind == "contiguous":
        return x.contiguous()
    if kind == "last axis apart":
        return x.mT.contiguous().mT
    if kind == "heads first":
        return x.transpose(0, 1).contiguous().transpose(0, 1)
    wide = x.new_zeros(*x.shape[:2], 2 * x.shape[2], x.shape[3] + 3)
    wide[:, :, ::2, 1:-2] = x
    return wide[:, :, ::2, 1:-2]


@pytest.mark.parametrize("kind", ["contiguous", "last axis apart", "heads first", "with gaps"])
def test_however_inputs_lie(kind: str, generator: torch.Generator) -> None:
    qkv = in_one((2, 3, 40, 16), torch.float32, generator)
    results = []
    for lie in (lambda x: x, partial(strided, kind)):
        inputs = [lie(x).detach().requires_grad_() for x in parts(qkv, 3)]
        out = causal_attention(*inputs)
        out_grad = lie(qkv[..., :48].view(2, 40, 3, 16).transpose(1, 2))
        results.append([out, *torch.autograd.grad(out, inputs, out_grad)])
    for ours, others in zip(*results, strict=True):
        assert torch.equal(ours, others)


def test_an_expanded_gradient(generator: torch.Generator) -> None:
    q = in_one((1, 2, 40, 16), torch.float32, generator)[..., :32].requires_grad_()
    x = q.view(1, 40, 2, 16).transpose(1, 2)
    causal_attention(x, x, x).sum().backward()
    wide = q.detach().double().requires_grad_()
    y = wide.view(1, 40, 2, 16).transpose(1, 2)
    by_definition(y, y, y, None, torch.ones(())).sum().backward()
    assert error(q.grad, wide.grad) < 1e-6  # type: ignore[arg-type]


def test_no_error_in_16_bits_that_torch_has_not() -> None:
    """Gradients are nearer than torch's; outputs as near, but for luck with the largest weight."""
    generator = torch.Generator().manual_seed(1)
    shape = (2, 2, 300, 64)
    qkv = in_one(shape, torch.bfloat16, generator)
    out_grad = torch.randn(shape, generator=generator).bfloat16()
    errors = []
    wide = qkv.double().requires_grad_()
    right = by_definition(*parts(wide, 2), None, torch.ones(()))  # type: ignore[arg-type]
    right.backward(out_grad.double())
    for way in (causal_attention, partial(F.scaled_dot_product_attention, is_causal=True)):
        x = qkv.clone().requires_grad_()
        out = way(*parts(x, 2))
        out.backward(out_grad)
        errors.append((error(out, right), error(x.grad, wide.grad)))  # type: ignore[arg-type]
    ours, theirs = errors
    assert ours[0] < 1.06 * theirs[0]
    assert ours[1] < theirs[1]


@pytest.mark.parametrize("kind", KINDS)
def test_later_tokens_are_unseen(kind: str, generator: torch.Generator) -> None:
    qkv = in_one((1, 2, 100, 32), KINDS[kind], generator)
    changed = qkv.clone()
    changed[:, 60:] = in_one((1, 2, 40, 32), KINDS[kind], generator) * 50
    before, after = (causal_attention(*parts(x, 2))[:, :, :60] for x in (qkv, changed))
    assert torch.equal(before, after)
    leaf = qkv.requires_grad_()
    causal_attention(*parts(leaf, 2))[:, :, :60].square().sum().backward()
    assert leaf.grad is not None
    assert leaf.grad[:, :60].abs().sum(-1).min() > 0
    assert not leaf.grad[:, 60:].any()


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_bits_every_time_and_with_any_number_of_threads(
    kind: str, generator: torch.Generator
) -> None:
    qkv = in_one((1, 3, 200, 32), KINDS[kind], generator).requires_grad_()
    results = []
    threads = torch.get_num_threads()
    try:
        for n in (1, 1, 2, 5):
            torch.set_num_threads(n)
            torch.manual_seed(4)
            out = causal_attention(*parts(qkv, 3), dropout=0.1)
            results.append((out, *torch.autograd.grad(out.square().sum(), qkv)))
    finally:
        torch.set_num_threads(threads)
    for result in results[1:]:
        assert all(map(torch.equal, results[0], result))


@pytest.mark.parametrize("kind", KINDS)
def test_scores_that_grow_or_are_huge(kind: str) -> None:
    """A maximum that rises from key to key, by little and by much, loses nothing."""
    dtype, T = KINDS[kind], 130
    for size in (0.5, 30.0, 3e4):
        q = torch.ones(1, 1, T, 16, dtype=dtype)
        k = (torch.arange(T)[:, None].expand(T, 16) * size / T).to(dtype)[None, None]
        v = torch.randn(1, 1, T, 16, generator=torch.Generator().manual_seed(1)).to(dtype)
        right = by_definition(q.double(), k.double(), v.double(), None, torch.ones(()))
        assert error(causal_attention(q, k, v), right) < max(NEAR[dtype][0], size * 2e-6)


@pytest.mark.parametrize("wrong", [math.inf, -math.inf, math.nan])
def test_what_is_not_finite_does_not_go_unseen(wrong: float, generator: torch.Generator) -> None:
    qkv = in_one((1, 1, 100, 16), torch.float32, generator)
    qkv[0, 40, 3] = wrong  # of a query
    qkv[0, 70, 40] = wrong  # of a value
    finite = causal_attention(*parts(qkv, 1)).isfinite().all(-1)[0, 0]
    assert finite[:40].all()
    assert not finite[40]
    assert finite[41:64].all()
    assert not finite[70:].any()
