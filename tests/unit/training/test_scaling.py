"""The loss scaler: overflow halves and skips, good steps double, and a run goes on bit for bit."""

import json
import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from cutaway.errors import CorruptCheckpoint
from cutaway.models import GPT2, GPT2Config
from cutaway.training.objectives import TokenBatch, causal_lm
from cutaway.training.scaling import LossScaler

CONFIG = GPT2Config(vocab_size=31, n_ctx=8, n_embd=8, n_layer=2, n_head=2, dropout=0.1)


def weight_with(gradient: float) -> nn.Parameter:
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([1.0, gradient])
    return weight


def test_scaling_and_back_rounds_nothing() -> None:
    values = torch.randn(50)
    plain, scaled = nn.Parameter(values.clone()), nn.Parameter(values.clone())
    scaler = LossScaler(factor=2.0**10)
    plain.pow(3).sum().backward()
    scaler.scale(scaled.pow(3).sum()).backward()
    assert plain.grad is not None
    assert scaled.grad is not None
    assert torch.equal(scaled.grad, 2.0**10 * plain.grad)
    assert scaler.unscale([scaled])
    assert torch.equal(scaled.grad, plain.grad)


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_overflow_is_told_and_halves_the_factor(bad: float) -> None:
    scaler = LossScaler(factor=8.0)
    finite = scaler.unscale([weight_with(1.0), weight_with(bad), nn.Parameter(torch.zeros(1))])
    assert not finite
    scaler.update(finite)
    assert scaler.factor == 4.0


def test_good_steps_in_a_row_double_the_factor() -> None:
    scaler = LossScaler(factor=8.0, patience=3)
    factors: list[float] = []
    for finite in (True, True, False, True, True, True, True):
        scaler.update(finite)
        factors.append(scaler.factor)
    assert factors == [8.0, 8.0, 4.0, 4.0, 4.0, 8.0, 8.0]


def test_the_factor_does_not_grow_without_end() -> None:
    scaler = LossScaler(patience=1)
    for _ in range(100):
        scaler.update(True)
    assert scaler.factor == 2.0**24


def test_below_the_floor_it_is_no_overflow_any_more() -> None:
    scaler = LossScaler(factor=4.0, floor=1.0)
    told: list[bool] = []
    for _ in range(3):
        scaler.update(False)
        told.append(scaler.is_exhausted)
    assert told == [False, False, True]


def test_without_it_nothing_changes() -> None:
    scaler, loss = LossScaler(enabled=False), torch.tensor(3.0)
    assert scaler.scale(loss) is loss
    assert scaler.unscale([weight_with(math.inf)])
    scaler.update(False)
    assert scaler.factor == 1.0
    assert not scaler.is_exhausted


@pytest.mark.parametrize(
    "state", [{}, {"factor": 0.0, "n_good": 1}, {"factor": 8.0}, {"factor": math.nan, "n_good": 0}]
)
def test_a_state_that_is_none_is_refused(state: dict[str, float]) -> None:
    with pytest.raises(CorruptCheckpoint, match="The loss scaler's state is"):
        LossScaler().restore(state)


def steps(model: GPT2, scaler: LossScaler, numbers: range) -> list[float]:
    """Plain gradient descent under float16; returns each step's factor."""
    factors: list[float] = []
    for step in numbers:
        generator = torch.Generator().manual_seed(step)
        rows = torch.randint(CONFIG.vocab_size, (2, 9), generator=generator)
        batch = TokenBatch.of_windows(rows)
        torch.manual_seed(step)
        with torch.autocast("cpu", torch.float16):
            loss = causal_lm(model, batch)
        scaler.scale(loss / batch.n_targets).backward()
        finite = scaler.unscale(model.parameters())
        if finite:
            descend(list(model.parameters()))
        scaler.update(finite)
        model.zero_grad()
        factors.append(scaler.factor)
    return factors


@torch.no_grad()
def descend(parameters: list[nn.Parameter]) -> None:
    for p in parameters:
        assert p.grad is not None
        p -= 0.1 * p.grad


def weights(model: GPT2) -> list[Tensor]:
    return [p.detach() for p in model.parameters()]


def test_a_model_in_float16_goes_on_bit_for_bit_after_a_stop() -> None:
    """From a factor that overflows at once, so that halving, skipping and doubling all happen."""
    settings = {"factor": 2.0**24, "patience": 2}
    model, scaler = GPT2(CONFIG).train(), LossScaler(**settings)
    started = weights(GPT2(CONFIG))
    factors = steps(model, scaler, range(2))
    assert factors == [2.0**23, 2.0**22]
    assert all(map(torch.equal, weights(model), started)), "an overflow was applied"
    factors += steps(model, scaler, range(2, 16))
    assert any(later > before for before, later in pairwise(factors))

    other, first = GPT2(CONFIG).train(), LossScaler(**settings)
    resumed = LossScaler(**settings)
    steps(other, first, range(9))
    resumed.restore(json.loads(json.dumps(first.state())))
    assert steps(other, resumed, range(9, 16)) == factors[9:]
    assert all(map(torch.equal, weights(other), weights(model)))


def test_small_gradients_survive_only_with_it() -> None:
    """A chain through float16 whose gradient is below 6e-8: 0 without the factor."""
    grads: list[float] = []
    for enabled in (False, True):
        x = nn.Parameter(torch.tensor([1.0]))
        scaler = LossScaler(enabled=enabled)
        scaler.scale((x.half() * 1.0).float().sum() * 1e-8).backward()
        scaler.unscale([x])
        assert x.grad is not None
        grads.append(float(x.grad))
    assert grads[0] == 0.0
    assert grads[1] == pytest.approx(1e-8, rel=1e-3)
