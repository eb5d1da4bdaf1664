"""The loss without its logits: the same number and the same gradients as with them."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from cutaway.models import GPT2
from cutaway.training import cross_entropy
from cutaway.training.cross_entropy import IGNORED, summed_cross_entropy
from cutaway.training.objectives import TokenBatch, causal_lm


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cross_entropy, "_CHUNK", 7)
    monkeypatch.setattr(cross_entropy, "_TILE", 4)
    monkeypatch.setattr(cross_entropy, "_ROWS", 3)


def plain(x: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    logits = F.linear(x, weight)
    if logits.dtype == torch.bfloat16:
        logits = logits.float()
    return F.cross_entropy(logits, targets, reduction="sum", ignore_index=IGNORED)


def problem(
    dtype: torch.dtype, n: int = 23, *, scale: float = 1.0
) -> tuple[Tensor, Tensor, Tensor]:
    x = (scale * torch.randn(n, 5, dtype=dtype)).requires_grad_()
    weight = torch.randn(11, 5, dtype=dtype).requires_grad_()
    return x, weight, torch.randint(11, (n,))


def gradients(loss: Callable[..., Tensor], *inputs: Tensor) -> tuple[Tensor, ...]:
    value = loss(*inputs)
    return value.detach(), *torch.autograd.grad(3.0 * value, inputs[:2])


@pytest.mark.parametrize("n", [1, 7, 23])
@pytest.mark.parametrize(("dtype", "rtol"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_loss_and_gradients_are_those_of_whole_logits(
    n: int, dtype: torch.dtype, rtol: float
) -> None:
    inputs = problem(dtype, n)
    for ours, theirs in zip(
        gradients(summed_cross_entropy, *inputs), gradients(plain, *inputs), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("smoothing", [0.1, 0.9])
def test_a_smoothed_loss_is_torch_s(smoothing: float) -> None:
    x, weight, targets = problem(torch.float64)
    targets[[3, 22]] = IGNORED

    def theirs(x: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        logits = F.linear(x, weight)
        return F.cross_entropy(logits, targets, reduction="sum", label_smoothing=smoothing)

    ours = partial(summed_cross_entropy, label_smoothing=smoothing)
    for mine, other in zip(
        gradients(ours, x, weight, targets), gradients(theirs, x, weight, targets), strict=True
    ):
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-12)
    assert torch.autograd.gradcheck(lambda x, w: ours(x, w, targets), (x, weight))


def test_a_smoothed_loss_under_autocast_is_torch_s_on_the_same_logits() -> None:
    x, weight, targets = problem(torch.float32, 200)
    logits = (x.bfloat16() @ weight.bfloat16().T).float().detach().requires_grad_()
    expected = F.cross_entropy(logits, targets, reduction="sum", label_smoothing=0.2)
    (by_logits,) = torch.autograd.grad(expected, logits)
    with torch.autocast("cpu", torch.bfloat16):
        loss = summed_cross_entropy(x, weight, targets, label_smoothing=0.2)
    (found,) = torch.autograd.grad(loss, x)
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=0)
    torch.testing.assert_close(found, by_logits @ weight, rtol=0.02, atol=0.02)


def test_a_head_that_is_not_trained_costs_no_gradient() -> None:
    x, weight, targets = problem(torch.float64)
    frozen = weight.detach()
    (expected,) = torch.autograd.grad(summed_cross_entropy(x, weight, targets), x)
    loss = summed_cross_entropy(x, frozen, targets)
    assert [t is None for t in loss.grad_fn.saved_tensors] == [False, True]  # type: ignore[union-attr]
    (found,) = torch.autograd.grad(loss, x)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("kind", [None, torch.bfloat16])
def test_a_graph_that_is_kept_gives_the_same_again(kind: torch.dtype | None) -> None:
    x, weight, targets = problem(torch.float32)
    with torch.autocast("cpu", torch.bfloat16, enabled=kind is not None):
        loss = 3.0 * summed_cross_entropy(x, weight, targets)
    first = torch.autograd.grad(loss, (x, weight), retain_graph=True)
    second = torch.autograd.grad(loss, (x, weight), retain_graph=True)
    last = torch.autograd.grad(loss, (x, weight))
    for a, b, c in zip(first, second, last, strict=True):
        assert torch.equal(a, b)
        assert torch.equal(a, c)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_the_loss_under_autocast_is_summed_in_float32(kind: torch.dtype) -> None:
    """It is the loss of the logits in 16 bits, exactly but for the order of a sum."""
    x, weight, targets = problem(torch.float32, 200)
    logits = (x.to(kind) @ weight.to(kind).T).float()
    expected = F.cross_entropy(logits, targets, reduction="sum")
    with torch.autocast("cpu", kind):
        torch.testing.assert_close(
            summed_cross_entropy(x, weight, targets), expected, rtol=1e-6, atol=0
        )


def test_gradients_are_those_of_finite_differences() -> None:
    x, weight, targets = problem(torch.float64, 9)
    assert torch.autograd.gradcheck(lambda x, w: summed_cross_entropy(x, w, targets), (x, weight))


def test_ignored_positions_count_for_nothing() -> None:
    x, weight, targets = problem(torch.float64)
    targets[[0, 5, 6, 22]] = IGNORED
    for ours, theirs in zip(
        gradients(summed_cross_entropy, x, weight, targets),
        gradients(plain, x, weight, targets),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    nothing = summed_cross_entropy(x, weight, torch.full_like(targets, IGNORED))
    assert nothing == 0
    assert all(not g.any() for g in torch.autograd.grad(nothing, (x, weight)))


def test_scores_far_apart_stay_finite() -> None:
    """A probability that rounds to 0 has a finite logarithm all the same."""
    inputs = problem(torch.float32, scale=1e3)
    found = gradients(summed_cross_entropy, *inputs)
    assert all(value.isfinite().all() for value in found)
    torch.testing.assert_close(found[0], plain(*inputs).detach())


@pytest.mark.parametrize("frozen", [0, 1])
def test_a_frozen_input_has_no_gradient(frozen: int) -> None:
    *inputs, targets = problem(torch.float64)
    inputs[frozen].requires_grad_(False)
    free = inputs[1 - frozen]
    ours, theirs = (
        torch.autograd.grad(loss(*inputs, targets), free)[0]
        for loss in (summed_cross_entropy, plain)
    )
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_without_gradients_there_is_only_the_loss() -> None:
    inputs = problem(torch.float64)
    with torch.no_grad():
        loss = summed_cross_entropy(*inputs)
    assert not loss.requires_grad
    torch.testing.assert_close(loss, plain(*inputs).detach(), rtol=1e-12, atol=0)


def test_under_autocast_only_the_products_are_rounded() -> None:
    inputs = problem(torch.float32, 512)
    with torch.autocast("cpu", torch.bfloat16):
        ours = gradients(summed_cross_entropy, *inputs)
        theirs = gradients(plain, *inputs)
    exact = gradients(plain, *inputs)
    assert [value.dtype for value in ours] == [torch.float32] * 3
    for value, other, true in zip(ours, theirs, exact, strict=True):
        size = true.norm()
        assert (value - true).norm() / size < 0.01
        assert (value - true).norm() <= 1.5 * (other - true).norm()


def test_both_uses_of_the_tied_embedding_are_in_its_gradient(tiny_model: GPT2) -> None:
    model = tiny_model.double()
    tokens = torch.randint(61, (3, 20))
    loss = causal_lm(model, TokenBatch.of_windows(tokens))
    loss.backward()
    ours = {name: p.grad for name, p in model.named_parameters()}
    model.zero_grad()
    logits, targets = model(tokens[:, :-1]), tokens[:, 1:]
    whole = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")
    whole.backward()
    torch.testing.assert_close(loss, whole, rtol=1e-12, atol=0)
    for name, p in model.named_parameters():
        torch.testing.assert_close(ours[name], p.grad, rtol=1e-12, atol=1e-12, msg=name)


PROGRAM = """
import torch
from cutaway.models import GPT2, GPT2Config
from cutaway.training.objectives import TokenBatch, causal_lm

model = GPT2(GPT2Config(vocab_size=61, n_ctx=24, n_embd=20, n_layer=2, n_head=5))
batch = TokenBatch.of_windows(torch.randint(61, (3, 20)))
found = []
for loss in (causal_lm, torch.compile(causal_lm, backend="aot_eager")):
    model.zero_grad()
    value = loss(model, batch)
    (value / batch.n_targets).backward()
    found.append([value.detach(), *(p.grad for p in model.parameters())])
assert batch.n_targets == 57
for ours, compiled in zip(*found, strict=True):
    torch.testing.assert_close(ours, compiled)
"""


def test_a_compiled_model_has_the_same_loss_and_gradients() -> None:
    """In another process: compiled code cannot carry the shape checks of the test run."""
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
