"""Muon on one process, against torch's own."""

import pytest
import torch
from torch import nn

from cutaway.training.muon import Muon, orthogonalised

SHAPES = [(12, 36), (12, 12), (48, 12), (12, 36), (1, 7)]


def matrices() -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]


def give_gradients(parameters: list[nn.Parameter], step: int) -> None:
    generator = torch.Generator().manual_seed(step)
    for p in parameters:
        p.grad = torch.randn(p.shape, generator=generator)


def test_every_update_is_that_of_torch_bit_for_bit() -> None:
    ours, theirs = matrices(), matrices()
    settings = {"lr": 0.02, "weight_decay": 0.1, "momentum": 0.9}
    optimizers = [
        Muon(ours, **settings),
        torch.optim.Muon(theirs, adjust_lr_fn="match_rms_adamw", **settings),
    ]
    for step in range(4):
        for parameters, optimizer in zip((ours, theirs), optimizers, strict=True):
            give_gradients(parameters, step)
            optimizer.step()
        for a, b in zip(ours, theirs, strict=True):
            assert torch.equal(a, b)


def test_a_matrix_without_a_gradient_stays() -> None:
    parameters = matrices()
    give_gradients(parameters, 0)
    parameters[1].grad = None
    before = parameters[1].clone()
    Muon(parameters, lr=0.1).step()
    assert torch.equal(parameters[1], before)


@pytest.mark.parametrize("shape", [(8, 24), (24, 8), (16, 16)])
def test_singular_values_come_near_1_whatever_they_were(shape: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(1)
    matrix = torch.randn(shape, generator=generator)
    for scale in (1e-6, 1.0, 1e6):
        values = torch.linalg.svdvals(orthogonalised(scale * matrix).float())
        assert values.min() > 0.3
        assert values.max() < 1.4


def test_nothing_comes_of_nothing() -> None:
    assert not orthogonalised(torch.zeros(3, 5)).any()
