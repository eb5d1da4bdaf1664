"""Rotary positions by their properties; the formula itself is judged by oracle and parity."""

import pytest
import torch
from torch import Tensor

from cutaway.nn import rotate, rotation

K, BASE = 8, 100.0


def turned(x: Tensor, positions: Tensor) -> Tensor:
    return rotate(x, rotation(positions, K, base=BASE, dtype=x.dtype))


@pytest.fixture
def qk(generator: torch.Generator) -> Tensor:
    return torch.randn(2, 1, 1, 1, K, generator=generator, dtype=torch.float64)


def test_a_score_depends_on_the_distance_alone(qk: Tensor) -> None:
    q, k = qk
    scores = {
        (at, behind): float((turned(q, at + one * behind) * turned(k, one * at)).sum())
        for at in (0, 1, 7, 1000)
        for behind in (0, 1, 5)
        for one in [torch.ones(1, dtype=torch.long)]
    }
    for behind in (0, 1, 5):
        values = [scores[at, behind] for at in (0, 1, 7, 1000)]
        # cos and sin of an angle of 1000 radians are known to 1e-13
        assert max(values) - min(values) < 1e-11
    assert len({round(scores[0, behind], 6) for behind in (0, 1, 5)}) == 3


def test_lengths_stay(generator: torch.Generator) -> None:
    x = torch.randn(2, 3, 50, K, generator=generator, dtype=torch.float64)
    y = turned(x, torch.arange(50))
    torch.testing.assert_close(y.norm(dim=-1), x.norm(dim=-1), rtol=1e-14, atol=0)
    assert not torch.allclose(y[:, :, 1:], x[:, :, 1:])


def test_the_first_position_is_left_as_it_is(generator: torch.Generator) -> None:
    x = torch.randn(1, 2, 1, K, generator=generator)
    assert torch.equal(turned(x, torch.zeros(1, dtype=torch.long)), x)


def test_rows_may_stand_at_positions_of_their_own(generator: torch.Generator) -> None:
    x = torch.randn(2, 3, 4, K, generator=generator)
    places = torch.tensor([[0, 1, 2, 3], [9, 2, 2, 5]])
    together = turned(x, places)
    for row in range(2):
        assert torch.equal(together[row : row + 1], turned(x[row : row + 1], places[row]))


def test_narrow_numbers_are_turned_by_exact_angles(generator: torch.Generator) -> None:
    """bfloat16 has no 257: computed in it, this angle would be off by a radian."""
    x = torch.randn(1, 1, 1, K, generator=generator).bfloat16()
    y, place = turned(x, torch.tensor([257])), torch.tensor([257])
    assert y.dtype == torch.bfloat16
    assert torch.equal(y, turned(x.float(), place).bfloat16())
