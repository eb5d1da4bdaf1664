import pytest
import torch
from torch import nn

from cutaway.nn import Projection


def test_is_the_transpose_of_linear_without_a_bias(generator: torch.Generator) -> None:
    ours, linear = Projection(6, 4).double(), nn.Linear(6, 4, bias=False, dtype=torch.float64)
    with torch.no_grad():
        ours.weight.copy_(linear.weight.T)
    x = torch.randn(2, 5, 6, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(ours(x), linear(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", [(6,), (3, 6), (2, 0, 6), (2, 3, 5, 6)])
def test_maps_the_last_axis_whatever_is_in_front(shape: tuple[int, ...]) -> None:
    assert Projection(6, 4)(torch.zeros(shape)).shape == (*shape[:-1], 4)
