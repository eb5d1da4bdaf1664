"""The loss over a vocabulary without the logits of all positions, which are most of the memory.

Wijmans et al. 2024, "Cut Your Losses in Large-Vocabulary Language Models": the loss needs one
number a position, so logits are made for some positions at a time and forgotten. Both gradients
are taken while they are there, as in Hsu et al. 2024, "Liger Kernel", section 3.2; nothing is
computed twice.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["IGNORED", "summed_cross_entropy"]

IGNORED = -100
"""A target that counts for nothing; torch's own choice."""

# Positions at a time, and twice as many in 16 bits: enough for fast products and for few sums of
# weight gradients; with GPT-2's 50,257 entries 51 MB of logits. Half as many take a fifth more
# time, twice as many none less.
_CHUNK = 256

# Positions whose softmax a CPU makes at a time in 16 bits: few, so that it stays in the cache.
_ROWS = 16

_TILE = 8192  # entries of the vocabulary at a time, where they need not be together


# A compiler has nothing to add to a few products, and its graph would hold all chunks at once.
@torch.compiler.disable()  # pyright: ignore[reportUntypedFunctionDecorator]
def summed_cross_entropy(
    x: Float[Tensor, "N D"],
    weight: Float[Tensor, "V D"],
    targets: Int[Tensor, " N"],
    *,
    label_smoothing: float = 0.0,
) -> Float[Tensor, ""]:
    """The cross-entropy in nats of the logits ``x weight^T``, summed over positions.

    Under autocast the products are made in its type; the softmax is in float32 or wider, and so
    is the sum of the weight's gradient.

    Args:
        x: vectors in front of the head.
        weight: of the head, without a bias.
        targets: the right entry for each position, or :data:`IGNORED`.
        label_smoothing: the share of the target that is spread evenly over all entries
            (Szegedy et al. 2016, "Rethinking the Inception Architecture", section 7).

    >>> x, weight = torch.zeros(3, 2), torch.ones(4, 2)
    >>> summed_cross_entropy(x, weight, torch.tensor([0, 3, IGNORED])).exp()  # 4 squared
    tensor(16.)
    """
    counted = targets != IGNORED
    if not counted.all():
        x, targets = x[counted], targets[counted]
    with_grad = torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad)
    loss: Tensor = _SummedCrossEntropy.apply(  # pyright: ignore
        x, weight, targets, with_grad, label_smoothing
    )
    return loss


class _SummedCrossEntropy(torch.autograd.Function):
    """See :func:`summed_cross_entropy`."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, targets: Tensor, with_grad: bool, smoothing: float
    ) -> Tensor:
        low = _product_dtype(x)
        w, wide = weight.to(low), torch.promote_types(low, torch.float32)
        loss = torch.zeros((), dtype=wide, device=x.device)
        x_grad = torch.empty_like(x) if with_grad else None
        with_weight = with_grad and ctx.needs_input_grad[1]  # not where the head is frozen
        weight_grad = torch.zeros_like(weight, dtype=wide) if with_weight else None
        chunk = 2 * _CHUNK if low.itemsize == 2 else _CHUNK
        softmax = _by_rows if low.itemsize == 2 else _by_columns
        for start in range(0, len(x), chunk):
            rows = slice(start, start + chunk)
            part = x[rows].to(low)
            part_loss, logits_grad = softmax(part, w, targets[rows], wide, with_grad, smoothing)
            loss += part_loss
            if x_grad is None:
                continue
            x_grad[rows] = logits_grad @ w
            if weight_grad is None:
                continue
            # Tile by tile, for the whole product would be as large as the gradient itself.
            tiles = logits_grad.T.split(_TILE)
            for total, tile in zip(weight_grad.split(_TILE), tiles, strict=True):
                total += tile @ part
            del logits_grad, tiles
        ctx.save_for_backward(x_grad, weight_grad)
        ctx.weight_dtype = weight.dtype
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore
        x_grad, weight_grad = ctx.saved_tensors
        if weight_grad is not None:
            # Held once, not twice, when all activations are there too; but a graph that is kept
            # may be asked again.
            kept: bool = torch._C._autograd._get_current_graph_task_keep_graph()  # pyright: ignore
            weight_grad = weight_grad * scale if kept else weight_grad.mul_(scale)
            weight_grad = weight_grad.to(ctx.weight_dtype)
        return x_grad * scale, weight_grad, None, None, None


def _by_columns(
    part: Tensor, w: Tensor, right: Tensor, wide: torch.dtype, with_grad: bool, smoothing: float
) -> tuple[Tensor, Tensor]:
    """The loss of some positions, and its gradient by their logits, as a view ``(n, V)``.

    Logits lie as ``(V, n)``: so MKL multiplies in float32 a third faster.
    """
    log_p = (w @ part.T).to(wide).log_softmax(dim=0)
    loss = _of_log_p(log_p, log_p.gather(0, right[None]), smoothing, len(w))
    if with_grad:
        log_p.exp_()
        if smoothing:
            log_p -= smoothing / len(w)
        at_targets = right, torch.arange(len(right), device=right.device)
        log_p[at_targets] -= 1.0 - smoothing  # by the logits: p - 1
    return loss, log_p.to(w.dtype).T


def _by_rows(
    part: Tensor, w: Tensor, right: Tensor, wide: torch.dtype, with_grad: bool, smoothing: float
) -> tuple[Tensor, Tensor]:
    """The same in 16 bits: products are faster with ``(n, V)``, and a softmax fits in the cache.

    The gradient takes the place of the logits, so that there are never both.
    """
    logits = part @ w.T
    loss = torch.zeros((), dtype=wide, device=part.device)
    n = _ROWS if part.device.type == "cpu" else len(part)
    for rows, entries in zip(logits.split(n), right.split(n), strict=True):
        log_p = rows.to(wide).log_softmax(dim=1)
        loss += _of_log_p(log_p, log_p.gather(1, entries[:, None]), smoothing, len(w))
        if with_grad:
            log_p.exp_()
            if smoothing:
                log_p -= smoothing / len(w)
            log_p[torch.arange(len(entries), device=right.device), entries] -= 1.0 - smoothing
            rows.copy_(log_p)
    return loss, logits


def _of_log_p(log_p: Tensor, of_targets: Tensor, smoothing: float, n_vocab: int) -> Tensor:
    """The loss of positions with all their log-probabilities, summed."""
    loss = -of_targets.sum()
    if not smoothing:
        return loss
    return (1.0 - smoothing) * loss - smoothing / n_vocab * log_p.sum()


def _product_dtype(x: Tensor) -> torch.dtype:
    device = x.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype
