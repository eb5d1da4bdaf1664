"""Scaled dot-product attention, once, for every model of the family."""

import math

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from cutaway.nn.causal import causal_attention, is_chosen
from cutaway.nn.dropout import zeroed
from cutaway.nn.masks import NO_MASK, Mask
from cutaway.nn.relative import Relative, relative_scores
from cutaway.nn.tap import NO_TAP, Tap

__all__ = ["attend", "merge_heads", "split_heads"]


def split_heads(x: Float[Tensor, "B T D"], n_head: int) -> Float[Tensor, "B H T K"]:
    """Folds the last axis into heads: the article's "splitting into attention heads".

    >>> split_heads(torch.zeros(1, 5, 12), 3).shape
    torch.Size([1, 3, 5, 4])
    """
    B, T, D = x.shape
    return x.view(B, T, n_head, D // n_head).transpose(1, 2)


def merge_heads(z: Float[Tensor, "B H T K"]) -> Float[Tensor, "B T D"]:
    """Lays the heads end to end again; the inverse of :func:`split_heads`."""
    B, H, T, K = z.shape
    return z.transpose(1, 2).reshape(B, T, H * K)


def attend(
    q: Float[Tensor, "B H T K"],
    k: Float[Tensor, "B H S K"],
    v: Float[Tensor, "B H S V"],
    *,
    mask: Mask = NO_MASK,
    relative: Relative | None = None,
    dropout: float = 0.0,
    tap: Tap = NO_TAP,
) -> Float[Tensor, "B H T V"]:
    """Blends values by how well queries match keys: ``softmax(q k^T / sqrt(K) + mask) v``.

    Vaswani et al. 2017, section 3.2.1. With ``relative`` a term of the distance is added to
    ``q k^T`` (:func:`~cutaway.nn.relative.relative_scores`). A fused kernel computes it unless
    ``tap`` wants the ``scores`` (before the mask) or the ``pattern`` (after softmax), which such
    kernels never form: torch's, or this package's own where a CPU trains (`nn/causal.py`). With
    dropout on a CPU torch has none.
    """
    if not (tap.wants("scores") or tap.wants("pattern")):
        known = None if relative is None else relative.embeddings
        if mask.is_lower and is_chosen(q, k, v, dropout, relative=known):
            return causal_attention(q, k, v, relative=known, starts=mask.starts, dropout=dropout)
        if not dropout or q.device.type != "cpu":  # where torch has a kernel that forms neither
            whole = mask if relative is None else mask.plus(_term(q, relative, k.shape[2]))
            return F.scaled_dot_product_attention(
                q, k, v, attn_mask=whole.bias, dropout_p=dropout, is_causal=whole.is_causal
            )
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # (B, H, T, S)
    if relative is not None:
        scores = scores + _term(q, relative, k.shape[2])
    scores = tap("scores", scores)
    pattern = tap("pattern", mask.apply(scores).softmax(dim=-1))
    return zeroed(pattern, dropout) @ v


def _term(q: Tensor, relative: Relative, n_keys: int) -> Tensor:
    """What distances add to the scores."""
    return relative_scores(q, relative, n_keys) / math.sqrt(q.shape[-1])
