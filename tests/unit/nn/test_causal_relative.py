"""Causal attention of our own with distances, against its definition in float64 and torch's way."""

from functools import partial

import pytest
import torch
from torch import Tensor

from attentions import Shape, by_definition, in_one, parts
from cutaway.nn import attend, kernel
from cutaway.nn.causal import causal_attention
from cutaway.nn.long_attention import attend_in_neighbours
from cutaway.nn.masks import CAUSAL
from cutaway.nn.relative import Relative

KINDS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
NEAR = {torch.float32: (4e-7, 8e-7, 8e-7), torch.bfloat16: (2.5e-3, 3.5e-3, 6e-3)}
"""Relative errors of the output and of gradients that rounding explains; last of distances, of
which few are sums of many slopes that cancel each other: a query's sum to 0."""

pytestmark = pytest.mark.usefixtures("attention_level")


def error(found: Tensor, right: Tensor) -> float:
    return float((found.detach().double() - right.detach()).norm() / right.detach().norm())


def compare(
    shape: Shape, R: int, dtype: torch.dtype, starts: Tensor | None = None, dropout: float = 0.0
) -> None:
    """Output, and the gradients of queries, keys, values and distances."""
    generator = torch.Generator().manual_seed(7)
    B, H, T, K = shape
    qkv = in_one(shape, dtype, generator).requires_grad_()
    relative = torch.randn(H, R, K, generator=generator).to(dtype).requires_grad_()
    out_grad = torch.randn(B, H, T, K, generator=generator).to(dtype)
    torch.manual_seed(3)
    out = causal_attention(*parts(qkv, H), relative=relative, starts=starts, dropout=dropout)
    out.backward(out_grad)
    wide, wide_relative = (x.detach().double().requires_grad_() for x in (qkv, relative))
    weigh = kept(shape, dropout)
    right = by_definition(*parts(wide, H), starts, weigh, wide_relative)  # type: ignore[call-arg,arg-type]
    right.backward(out_grad.double())
    assert out.dtype == dtype
    assert error(out, right) < NEAR[dtype][0]
    assert qkv.grad is not None
    assert relative.grad is not None
    if T > 1:
        assert error(qkv.grad, wide.grad) < NEAR[dtype][1]  # type: ignore[arg-type]
    if min(T, R) > 1:
        assert error(relative.grad, wide_relative.grad) < NEAR[dtype][2]  # type: ignore[arg-type]
    else:  # one weight, or the same term for every key: there is nothing to learn
        assert relative.grad.norm() < 4 * NEAR[dtype][1] * qkv.grad.norm()
    assert not relative.grad[:, : max(R - T, 0)].any()


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
@pytest.mark.parametrize("T", [1, 2, 7, 31, 33, 64, 129])
def test_any_length(kind: str, T: int) -> None:
    """With fewer distances than positions, as many, and more."""
    for R in (max(T // 3, 1), T, T + 40):
        compare((2, 2, T, 16), R, KINDS[kind])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("K", [16, 48, 64, 128])
def test_any_width_of_heads(kind: str, K: int) -> None:
    compare((1, 2, 150, K), 70, KINDS[kind])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("R", [1, 2, 32, 100])
def test_any_number_of_distances(kind: str, R: int) -> None:
    compare((1, 3, 197, 16), R, KINDS[kind])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_documents(kind: str, dropout: float) -> None:
    starts = torch.tensor([[0] * 10 + [10] * 90 + [100] * 50, [0] * 75 + [75] * 75])
    compare((2, 2, 150, 32), 60, KINDS[kind], starts, dropout=dropout)


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_and_the_one_before(kind: str) -> None:
    """Section 3.5, where a CPU trains."""
    starts = ((torch.arange(200) // 40 - 1) * 40).clamp(min=0)
    compare((2, 2, 200, 16), 80, KINDS[kind], starts[None])


@pytest.mark.parametrize("kind", KINDS)
def test_starts_that_go_back(kind: str) -> None:
    """Some queries see all, others little: blocks of keys that a group does not look at."""
    places = torch.arange(400)
    drawn = torch.randint(400, (1, 400), generator=torch.Generator().manual_seed(2))
    late = torch.where(places // 100 % 2 == 0, places - 9, 0).clamp(min=0)
    for starts in (torch.minimum(drawn, places), late[None], (places - 70).clamp(min=0)[None]):
        compare((1, 1, 400, 16), 90, KINDS[kind], starts)


def test_vectors_that_lie_otherwise(generator: torch.Generator) -> None:
    qkv = in_one((2, 3, 70, 16), torch.float32, generator)
    relative = torch.randn(3, 50, 16, generator=generator)
    results = []
    for known in (relative, relative.mT.contiguous().mT, relative.repeat(1, 1, 2)[:, :, :16]):
        leaf = known.detach().requires_grad_()
        out = causal_attention(*parts(qkv, 3), relative=leaf)
        results.append([out, *torch.autograd.grad(out.square().sum(), leaf)])
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))


def test_no_error_in_16_bits_that_the_plain_way_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in the output nor in any gradient: terms of distances are never rounded."""
    monkeypatch.setenv(kernel.CHOICE, "torch")
    generator = torch.Generator().manual_seed(1)
    shape = (2, 2, 300, 64)
    qkv = in_one(shape, torch.bfloat16, generator)
    relative = torch.randn(2, 200, 64, generator=generator).bfloat16()
    out_grad = torch.randn(shape, generator=generator).bfloat16()
    wide, wide_relative = (x.double().requires_grad_() for x in (qkv, relative))
    right = by_definition(*parts(wide, 2), None, torch.ones(()), wide_relative)  # type: ignore[call-arg,arg-type]
    right.backward(out_grad.double())
    errors = []
    for way in (
        lambda q, k, v, known: causal_attention(q, k, v, relative=known),
        lambda q, k, v, known: attend(q, k, v, mask=CAUSAL, relative=Relative(known)),
    ):
        x, known = qkv.clone().requires_grad_(), relative.clone().requires_grad_()
        out = way(*parts(x, 2), known)
        out.backward(out_grad)
        pairs = ((out, right), (x.grad, wide.grad), (known.grad, wide_relative.grad))
        errors.append([error(found, wanted) for found, wanted in pairs])  # type: ignore[arg-type]
    for ours, theirs in zip(*errors, strict=True):
        assert ours < 1.06 * theirs


@pytest.mark.parametrize("kind", KINDS)
def test_later_tokens_are_unseen(kind: str, generator: torch.Generator) -> None:
    """And a text that is cut off after a token has the same bits up to it."""
    qkv = in_one((1, 2, 150, 32), KINDS[kind], generator)
    relative = torch.randn(2, 40, 32, generator=generator).to(KINDS[kind])
    changed = qkv.clone()
    changed[:, 90:] = in_one((1, 2, 60, 32), KINDS[kind], generator) * 50
    before, after, cut = (
        causal_attention(*parts(x, 2), relative=relative)[:, :, :90]
        for x in (qkv, changed, qkv[:, :90])
    )
    assert torch.equal(before, after)
    assert torch.equal(before, cut)
    before, after = (
        causal_attention(*parts(qkv, 2), relative=x) for x in (relative, relative.roll(1, 1))
    )
    assert not torch.equal(before, after)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_bits_with_any_number_of_threads(kind: str, generator: torch.Generator) -> None:
    qkv = in_one((2, 3, 200, 32), KINDS[kind], generator).requires_grad_()
    relative = torch.randn(3, 90, 32, generator=generator).to(KINDS[kind]).requires_grad_()
    results = []
    threads = torch.get_num_threads()
    try:
        for n in (1, 2, 5):
            torch.set_num_threads(n)
            torch.manual_seed(4)
            out = causal_attention(*parts(qkv, 3), relative=relative, dropout=0.1)
            results.append((out, *torch.autograd.grad(out.square().sum(), (qkv, relative))))
    finally:
        torch.set_num_threads(threads)
    for result in results[1:]:
        assert all(map(torch.equal, results[0], result))


def test_it_is_what_attention_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Global and local, with gradients of float32 vectors under autocast."""
    q, k, v = parts(in_one((2, 2, 100, 16), torch.float32, torch.Generator().manual_seed(1)), 2)
    relative = torch.randn(2, 64, 16, requires_grad=True)
    ways = (
        lambda: attend(q, k, v, mask=CAUSAL, relative=Relative(relative)),
        partial(attend_in_neighbours, q, k, v, block=32, relative=relative),
    )
    monkeypatch.setattr(kernel, "_is_faster", lambda *_: True)
    for way in ways:
        results = []
        for choice in ("auto", "torch"):
            monkeypatch.setenv(kernel.CHOICE, choice)
            out = way()
            results.append((out.detach(), *torch.autograd.grad(out.square().sum(), relative)))
            with torch.autocast("cpu", torch.bfloat16):
                out = way()
            [grad] = torch.autograd.grad(out.float().square().sum(), relative)
            assert (out.dtype, grad.dtype) == (torch.bfloat16, torch.float32)
        for ours, theirs in zip(*results, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
