"""What dropout inside of attention drops: as often as asked, and each time by itself."""

import math

import pytest
import torch

from attentions import in_one, parts
from cutaway.nn import kernel
from cutaway.nn.causal import causal_attention

pytestmark = pytest.mark.usefixtures("attention_level")


def test_dropout_keeps_its_share_everywhere() -> None:
    """Over all, and in every row and column as even as independent draws are."""
    n, share = 512, 0.3
    found = torch.stack([kernel.kept(share, 11, head, n).double() for head in range(4)])
    spread = math.sqrt(share * (1 - share))
    assert abs(found.mean() - (1 - share)) < 4 * spread / math.sqrt(found.numel())
    for axis in (1, 2):
        scaled = (found.mean(axis) - (1 - share)) * math.sqrt(n) / spread
        assert scaled.abs().max() < 5.0
        assert scaled.square().mean().item() == pytest.approx(1.0, abs=0.15)


def test_no_draw_tells_of_another() -> None:
    """Not the next query's, the next key's, the next head's, or the next seed's."""
    n = 512
    here, head, seed = (kernel.kept(0.5, s, h, n).double() for s, h in ((5, 0), (5, 1), (6, 0)))
    pairs = [(here, head), (here, seed)]
    pairs += [(here[d:], here[:-d]) for d in (1, 2, 16, 32, 64)]
    pairs += [(here[:, d:], here[:, :-d]) for d in (1, 2, 8, 16, 64)]
    pairs += [(here[1:, 1:], here[:-1, :-1]), (here, here.T)]
    for a, b in pairs:
        together = ((a - 0.5) * (b - 0.5)).mean() * 4
        assert abs(together) < 5.5 / math.sqrt(a.numel())


def test_every_library_drops_the_same() -> None:
    found = kernel.kept(0.25, 2**61 + 3, 7, 100)
    assert found.sum() == 7534
    assert "".join(str(int(kept)) for kept in found[90:92, :20].flatten()) == (
        "1111111111111111110101111011111011011111"
    )


def test_dropout_follows_torchs_seed(generator: torch.Generator) -> None:
    q, k, v = parts(in_one((1, 1, 64, 16), torch.float32, generator), 1)
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append([causal_attention(q, k, v, dropout=0.5) for _ in range(2)])
    assert torch.equal(draws[0][0], draws[1][0])
    assert torch.equal(draws[0][1], draws[1][1])
    assert not torch.equal(draws[0][0], draws[0][1])
    assert not torch.equal(draws[0][0], draws[2][0])
