"""Attention for long texts: within blocks, and over keys that were compressed.

Liu et al. 2018, "Generating Wikipedia by Summarizing Long Sequences", section 4.2.4; blocks that
look at the one before them as well: Huang et al. 2019, "Music Transformer", section 3.5. All are
:func:`~cutaway.nn.attend` with a mask, :func:`block_mask` or :func:`slot_mask`; but most of what
such a mask looks at it forbids. So the same numbers come here from attention on tensors that are
folded: little is computed only to be masked, no mask of all pairs lies in memory, and fused kernels
stay available.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from cutaway.nn.attention import attend
from cutaway.nn.causal import causal_attention, is_chosen
from cutaway.nn.masks import CAUSAL, Mask
from cutaway.nn.relative import Relative

__all__ = [
    "attend_in_blocks",
    "attend_in_neighbours",
    "attend_to_slots",
    "block_mask",
    "slot_mask",
]


def block_mask(
    queries: Int[Tensor, "*B T"], n_keys: int, *, block: int, first: int = 0, before: int = 0
) -> Mask:
    """The mask of local attention: a query sees its block, up to itself.

    Args:
        queries: positions of the queries; ``(T)``, or ``(B, T)`` where rows differ.
        n_keys: how many keys there are.
        block: positions of a block.
        first: position of the first key.
        before: how many blocks before its own a query sees as well.

    >>> block_mask(torch.arange(5), 5, block=3).bias.int().tolist()[-1]
    [0, 0, 0, 1, 1]
    """
    at = queries[..., None]
    keys = torch.arange(first, first + n_keys, device=queries.device)
    mask = _by_row((keys <= at) & (keys // block >= at // block - before))
    if queries.shape != keys.shape:
        return mask
    return mask._replace(starts=((queries // block - before) * block).clamp(min=first)[None])


def slot_mask(queries: Int[Tensor, "*B T"], n_slots: int, *, stride: int) -> Mask:
    """The mask of memory-compressed attention: slot 0 is for all, the others when they are full.

    Slot ``1 + j`` holds the tokens ``stride * j`` to ``stride * (j + 1) - 1``. A query that saw it
    before it came to the last of them would see a token of the future.

    >>> slot_mask(torch.arange(6), 3, stride=3).bias.int().tolist()
    [[1, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 0], [1, 1, 0], [1, 1, 1]]
    """
    full = (queries[..., None] + 1) // stride
    return _by_row(torch.arange(n_slots, device=queries.device) <= full)


def attend_in_blocks(
    q: Float[Tensor, "B H T K"],
    k: Float[Tensor, "B H T K"],
    v: Float[Tensor, "B H T K"],
    *,
    block: int,
    dropout: float = 0.0,
) -> Float[Tensor, "B H T K"]:
    """Attends as with :func:`block_mask`, to ``T * block`` keys in all and not ``T * T``.

    Blocks lie side by side as rows of a batch. The last one is filled up on the right, where no
    query looks.
    """
    B, H, T, K = q.shape
    block = max(min(block, T), 1)
    n = -(-T // block)

    def folded(x: Tensor) -> Tensor:
        rows = F.pad(x, (0, 0, 0, n * block - T)).transpose(1, 2)  # (B, n block, H, K)
        return rows.reshape(B * n, block, H, K).transpose(1, 2)

    z = attend(folded(q), folded(k), folded(v), mask=CAUSAL, dropout=dropout)
    return z.transpose(1, 2).reshape(B, n * block, H, K).transpose(1, 2)[:, :, :T]


def attend_in_neighbours(
    q: Float[Tensor, "B H T K"],
    k: Float[Tensor, "B H T K"],
    v: Float[Tensor, "B H T K"],
    *,
    block: int,
    relative: Float[Tensor, "H R K"] | None = None,
    dropout: float = 0.0,
) -> Float[Tensor, "B H T K"]:
    """Attends as with :func:`block_mask` where ``before`` is 1, to ``2 T block`` keys in all.

    A block's queries are the last ``N`` of its ``2 N`` keys, so :func:`~cutaway.nn.relative.skew`
    moves both halves at once: the right one, which is masked, and the left one, which is seen whole
    and which the paper moves by a rule of its own (section 3.5). Distances are 0 to ``2 N - 1``.

    Args:
        q: queries.
        k: keys.
        v: values.
        block: N; positions of a block.
        relative: vectors of distances, see :class:`~cutaway.nn.relative.Relative`.
        dropout: on the weights.
    """
    B, H, T, K = q.shape
    block = max(min(block, T), 1)
    if is_chosen(q, k, v, dropout, relative=relative):
        starts = (torch.arange(T)[None] // block - 1).clamp(min=0) * block
        return causal_attention(q, k, v, relative=relative, starts=starts, dropout=dropout)
    n = max(-(-T // block), 1)

    def folded(x: Tensor, before: int) -> Tensor:
        """Rows of a batch, one for each block; with keys of the block before it on the left."""
        padded = F.pad(x, (0, 0, before, n * block - T)).transpose(1, 2)  # (B, before + n N, H, K)
        rows = padded.unfold(1, before + block, block).movedim(-1, 3)  # (B, n, H, before + N, K)
        return rows.reshape(B * n, H, before + block, K)

    queries = torch.arange(block, 2 * block, device=q.device)
    mask = block_mask(queries, 2 * block, block=block, before=1).bias
    assert mask is not None
    seen = mask.repeat(n, 1, 1)  # (n, N, 2 N)
    seen[0, :, :block] = False  # nothing is before the first
    mask = Mask(seen[:, None].repeat(B, 1, 1, 1), False)
    distances = None if relative is None else Relative(relative)
    z = attend(
        folded(q, 0), folded(k, block), folded(v, block),
        mask=mask, relative=distances, dropout=dropout,
    )  # fmt: skip
    return z.transpose(1, 2).reshape(B, n * block, H, K).transpose(1, 2)[:, :, :T]


def attend_to_slots(
    q: Float[Tensor, "B H T K"],
    k: Float[Tensor, "B H S K"],
    v: Float[Tensor, "B H S K"],
    *,
    stride: int,
    dropout: float = 0.0,
) -> Float[Tensor, "B H T K"]:
    """Attends as with :func:`slot_mask`, to at most ``T * (1 + T / stride)`` keys in all.

    Query ``t`` sees the first ``1 + (t + 1) // stride`` slots, so ``stride`` queries after another
    see the same ones, and the next ones see one more. Every ``stride``-th query then makes a row in
    which attention is causal; there are ``stride`` such rows, and all of them see the same slots.

    Args:
        q: queries at the positions 0 to T - 1.
        k: of ``1 + T // stride`` slots.
        v: of the same.
        stride: tokens of a slot.
        dropout: on the weights.
    """
    B, H, T, K = q.shape
    n = k.shape[2]
    q = F.pad(q, (0, 0, 1, n * stride - T - 1))  # the slot that query t fills is (t + 1) // stride
    q = q.view(B, H, n, stride, K).permute(0, 3, 1, 2, 4).reshape(B * stride, H, n, K)
    k, v = (x[:, None].expand(-1, stride, -1, -1, -1).reshape(B * stride, H, n, K) for x in (k, v))
    z = attend(q, k, v, mask=CAUSAL, dropout=dropout).view(B, stride, H, n, K)
    return z.permute(0, 2, 3, 1, 4).reshape(B, H, n * stride, K)[:, :, 1 : T + 1]


def _by_row(allowed: Tensor) -> Mask:
    """A mask for all heads, whether rows differ or not."""
    return Mask(allowed if allowed.ndim == 2 else allowed[:, None], False)
