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

# Positions at a time: enough for fast products and for few sums of weight gradients; with GPT-2's
# 50,257 entries 51 MB of float32. Half as many take a fifth more time, twice as many none less.
_CHUNK = 256

_TILE = 8192  # entries of the vocabulary at a time, where they need not be together


# A compiler has nothing to add to a few products, and its graph would hold all chunks at once.
@torch.compiler.disable()  # pyright: ignore[reportUntypedFunctionDecorator]
def summed_cross_entropy(
    x: Float[Tensor, "N D"], weight: Float[Tensor, "V D"], targets: Int[Tensor, " N"]
) -> Float[Tensor, ""]:
    """The cross-entropy in nats of the logits ``x weight^T``, summed over positions.

    Under autocast the products are made in its type; the softmax is in float32 or wider, and so
    is the sum of the weight's gradient.

    Args:
        x: vectors in front of the head.
        weight: of the head, without a bias.
        targets: the right entry for each position, or :data:`IGNORED`.

    >>> x, weight = torch.zeros(3, 2), torch.ones(4, 2)
    >>> summed_cross_entropy(x, weight, torch.tensor([0, 3, IGNORED])).exp()  # 4 squared
    tensor(16.)
    """
    counted = targets != IGNORED
    if not counted.all():
        x, targets = x[counted], targets[counted]
    with_grad = torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad)
    loss: Tensor = _SummedCrossEntropy.apply(x, weight, targets, with_grad)  # pyright: ignore
    return loss


class _SummedCrossEntropy(torch.autograd.Function):
    """See :func:`summed_cross_entropy`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, targets: Tensor, with_grad: bool) -> Tensor:
        low = _product_dtype(x)
        w, wide = weight.to(low), torch.promote_types(low, torch.float32)
        loss = torch.zeros((), dtype=wide, device=x.device)
        x_grad = torch.empty_like(x) if with_grad else None
        with_weight = with_grad and ctx.needs_input_grad[1]  # not where the head is frozen
        weight_grad = torch.zeros_like(weight, dtype=wide) if with_weight else None
        for start in range(0, len(x), _CHUNK):
            rows = slice(start, start + _CHUNK)
            part, right = x[rows].to(low), targets[rows]
            # (V, n), not (n, V): so MKL multiplies in float32 a third faster
            log_p = (w @ part.T).to(wide).log_softmax(dim=0)
            loss -= log_p.gather(0, right[None]).sum()
            if x_grad is None:
                continue
            p = log_p.exp_()
            p[right, torch.arange(len(right), device=x.device)] -= 1.0  # by the logits: p - 1
            logits_grad = p.to(low)
            del log_p, p
            x_grad[rows] = logits_grad.T @ w
            if weight_grad is None:
                continue
            # Tile by tile, for the whole product would be as large as the gradient itself.
            for total, tile in zip(weight_grad.split(_TILE), logits_grad.split(_TILE), strict=True):
                total += tile @ part
        ctx.save_for_backward(x_grad, weight_grad)
        ctx.weight_dtype = weight.dtype
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor, Tensor | None, None, None]:  # pyright: ignore
        x_grad, weight_grad = ctx.saved_tensors
        if weight_grad is not None:
            weight_grad = (weight_grad * scale).to(ctx.weight_dtype)
        return x_grad * scale, weight_grad, None, None


def _product_dtype(x: Tensor) -> torch.dtype:
    device = x.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype
