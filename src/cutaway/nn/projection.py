"""The linear map without a bias, in the layout of :class:`cutaway.nn.Conv1D`."""

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["Projection"]


class Projection(nn.Module):
    """Computes ``y = x W`` with ``W`` stored ``(n_in, n_out)``.

    Weights are 0 until an initialiser or a checkpoint fills them.

    >>> Projection(4, 12)(torch.zeros(2, 4)).shape
    torch.Size([2, 12])
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_in, n_out))

    def forward(self, x: Float[Tensor, "*axes n_in"]) -> Float[Tensor, "*axes n_out"]:
        """Maps the last axis from ``n_in`` to ``n_out``."""
        return x @ self.weight

    if TYPE_CHECKING:

        def __call__(self, x: Float[Tensor, "*axes n_in"]) -> Float[Tensor, "*axes n_out"]:
            """Runs :meth:`forward`."""
            ...
