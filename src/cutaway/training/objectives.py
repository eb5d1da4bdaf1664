"""What training minimises: each objective returns a summed loss and the number of its targets.

Sums, not means: then the gradient of several micro-batches, or of several machines, is exactly
that of one large batch, however unevenly the targets fall.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from cutaway.models import GPT2

__all__ = ["causal_lm"]


def causal_lm(model: GPT2, tokens: Int[Tensor, "B T"]) -> tuple[Float[Tensor, ""], int]:
    """Predicts every token from those before it (Radford et al. 2018, section 3.1).

    Returns:
        The negative log-likelihood in nats, summed over the ``B * (T - 1)`` targets, and their
        number. Logits are widened to float32 before the softmax.
    """
    logits = model(tokens[:, :-1])  # (B, T-1, V)
    targets = tokens[:, 1:]
    loss = F.cross_entropy(
        logits.flatten(0, 1).to(torch.float32), targets.flatten(), reduction="sum"
    )
    return loss, targets.numel()
