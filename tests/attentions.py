"""Inputs of attention as a model makes them, and attention by its definition."""

import math

import torch
from torch import Tensor

from cutaway.nn.relative import Relative, gathered_scores

__all__ = ["Shape", "by_definition", "in_one", "parts"]

Shape = tuple[int, int, int, int]
"""B, H, T, K."""


def in_one(shape: Shape, dtype: torch.dtype, generator: torch.Generator) -> Tensor:
    """Queries, keys and values as a projection leaves them: ``(B, T, 3D)``."""
    B, H, T, K = shape
    return torch.randn(B, T, 3 * H * K, generator=generator).to(dtype)


def parts(qkv: Tensor, n_head: int) -> tuple[Tensor, ...]:
    B, T, _ = qkv.shape
    return tuple(x.view(B, T, n_head, -1).transpose(1, 2) for x in qkv.chunk(3, dim=-1))


def by_definition(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    starts: Tensor | None,
    weigh: Tensor,
    relative: Tensor | None = None,
) -> Tensor:
    """With ``weigh`` as a factor of each number of the pattern, and with vectors of distances."""
    places = torch.arange(q.shape[2])
    seen = places[:, None] >= places
    if starts is not None:
        seen = seen & (places >= starts[:, None, :, None])
    products = q @ k.mT
    if relative is not None:
        products = products + gathered_scores(q, Relative(relative), k.shape[2])
    scores = (products / math.sqrt(q.shape[-1])).masked_fill(~seen, -math.inf)
    return (scores.softmax(-1) * weigh) @ v
