"""Root-mean-square normalisation without a gain: length is taken off a vector, direction stays."""

from typing import TYPE_CHECKING

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["EPSILON", "RMSNorm", "rms_norm"]

EPSILON = 1e-6
"""Added to the mean square: far below that of anything that was not 0 before."""


def rms_norm(x: Float[Tensor, "*axes N"]) -> Float[Tensor, "*axes N"]:
    """Computes ``x / sqrt(mean(x^2) + 1e-6)`` over the last axis (Zhang and Sennrich 2019).

    >>> rms_norm(torch.tensor([3.0, -4.0])).square().mean()
    tensor(1.)
    """
    return F.rms_norm(x, x.shape[-1:], eps=EPSILON)


class RMSNorm(nn.Module):
    """:func:`rms_norm` as a part of a model; it has no parameters."""

    def forward(self, x: Float[Tensor, "*axes N"]) -> Float[Tensor, "*axes N"]:
        """Takes the length off the vectors of the last axis."""
        return rms_norm(x)

    if TYPE_CHECKING:

        def __call__(self, x: Float[Tensor, "*axes N"]) -> Float[Tensor, "*axes N"]:
            """Runs :meth:`forward`."""
            ...
