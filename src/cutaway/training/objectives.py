"""What training minimises: each objective returns a summed loss and the number of its targets.

Sums, not means: then the gradient of several micro-batches, or of several machines, is exactly
that of one large batch, however unevenly the targets fall.
"""

from jaxtyping import Float, Int
from torch import Tensor

from cutaway.models import Decoder
from cutaway.training.cross_entropy import summed_cross_entropy

__all__ = ["causal_lm"]


def causal_lm(model: Decoder, tokens: Int[Tensor, "B T"]) -> tuple[Float[Tensor, ""], int]:
    """Predicts every token from those before it (Radford et al. 2018, section 3.1).

    Args:
        model: whose scores are the dot products with the rows of its head.
        tokens: ids.

    Returns:
        The negative log-likelihood in nats, summed over the ``B * (T - 1)`` targets, and their
        number.
    """
    x, targets = model.hidden(tokens[:, :-1]), tokens[:, 1:]  # (B, T-1, D), (B, T-1)
    loss = summed_cross_entropy(x.flatten(0, 1), model.head, targets.flatten())
    return loss, targets.numel()
