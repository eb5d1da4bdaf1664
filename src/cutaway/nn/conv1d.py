"""The affine map in GPT-2's own layout, so that official weights load as they are."""

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["Conv1D"]


class Conv1D(nn.Module):
    """Computes ``y = x W + b`` with ``W`` stored ``(n_in, n_out)``.

    OpenAI's code calls this a convolution of width one (`model.py`, ``conv1d``); the article draws
    it as a vector times a matrix. ``torch.nn.Linear`` stores the transpose. Weights are 0 until
    :func:`cutaway.nn.init.init_weights` or a checkpoint fills them.

    >>> Conv1D(4, 12)(torch.zeros(2, 4)).shape
    torch.Size([2, 12])
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_in, n_out))
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, x: Float[Tensor, "*axes n_in"]) -> Float[Tensor, "*axes n_out"]:
        """Maps the last axis from ``n_in`` to ``n_out``."""
        n_in, n_out = self.weight.shape
        y = torch.addmm(self.bias, x.reshape(-1, n_in), self.weight)
        return y.view(*x.shape[:-1], n_out)

    if TYPE_CHECKING:

        def __call__(self, x: Float[Tensor, "*axes n_in"]) -> Float[Tensor, "*axes n_out"]:
            """Runs :meth:`forward`."""
            ...
