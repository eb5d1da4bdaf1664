"""Rotary positions: queries and keys are turned by their position, so scores know the distance.

Su et al. 2021, "RoFormer", section 3.2.2. A head is cut into pairs of numbers, each pair a point
in a plane. Pair ``j`` is turned by ``position * base^(-2j / K)``: the first by one radian a
position, the last by very little. The product of a turned query and a turned key depends on the
difference of their positions alone.

Pair ``j`` is the entries ``j`` and ``j + K/2``, as in GPT-NeoX and Llama; the paper pairs
neighbours, which is the same up to the order of a matrix's columns.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["Rotation", "rotate", "rotation"]


class Rotation(NamedTuple):
    """Cosines and sines of the angles of some positions, one for each pair of a head.

    With an axis of rows where rows differ in position: it broadcasts over the heads.
    """

    cos: Float[Tensor, "*B T K/2"]
    sin: Float[Tensor, "*B T K/2"]


def rotation(
    positions: Int[Tensor, "*B T"], head_dim: int, *, base: float, dtype: torch.dtype
) -> Rotation:
    """The rotation of each position, for heads of ``head_dim`` numbers.

    Args:
        positions: counted from 0; ``(T)``, or ``(B, T)`` where rows differ.
        head_dim: K, even.
        base: of the wavelengths.
        dtype: of the model; angles are computed in float32 or wider, since bfloat16 does not
            tell position 257 from 258.
    """
    wide = torch.promote_types(dtype, torch.float32)
    pairs = torch.arange(0, head_dim, 2, device=positions.device, dtype=wide)
    angles = positions[..., None].to(wide) * base ** (-pairs / head_dim)  # (..., T, K/2)
    if positions.ndim == 2:
        angles = angles[:, None]  # (B, 1, T, K/2)
    return Rotation(angles.cos(), angles.sin())


def rotate(x: Float[Tensor, "B H T K"], by: Rotation) -> Float[Tensor, "B H T K"]:
    """Turns each pair of each head by the angle of its position; lengths stay.

    >>> quarter = torch.tensor([[torch.pi / 2]])
    >>> x = torch.tensor([[[[1.0, 0.0]]]])
    >>> rotate(x, Rotation(quarter.cos(), quarter.sin())).round().tolist()
    [[[[-0.0, 1.0]]]]
    """
    a, b = x.chunk(2, dim=-1)
    turned = torch.cat([a * by.cos - b * by.sin, b * by.cos + a * by.sin], dim=-1)
    return turned.to(x.dtype)
