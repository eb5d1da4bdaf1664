"""Positions as waves: Vaswani et al. 2017, "Attention Is All You Need", section 3.5."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["sinusoids"]


def sinusoids(
    positions: Int[Tensor, "*axes"], width: int, *, dtype: torch.dtype
) -> Float[Tensor, "*axes D"]:
    """A vector for each position: ``sin`` and ``cos`` of ``position / 10000^(2i / D)``, in turn.

    Wavelengths go from ``2 pi`` to ``10000 * 2 pi``, so no position is out of reach, and a step of
    any size turns every pair by the same angle wherever it is taken.

    Args:
        positions: counted from 0.
        width: D, even.
        dtype: of the result; angles are computed in float32 or wider.

    >>> sinusoids(torch.tensor([0, 1]), 4, dtype=torch.float32).round(decimals=2).tolist()
    [[0.0, 1.0, 0.0, 1.0], [0.8399999737739563, 0.5400000214576721, 0.009999999776482582, 1.0]]
    """
    wide = torch.promote_types(dtype, torch.float32)
    pairs = torch.arange(0, width, 2, device=positions.device, dtype=wide)
    angles = positions[..., None].to(wide) * 10_000.0 ** (-pairs / width)  # (..., D/2)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2).to(dtype)
