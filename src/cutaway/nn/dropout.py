"""Dropout (Srivastava et al. 2014): while training, numbers are zeroed at random.

On a CPU torch draws a 53-bit number for each element, in one thread whatever their count; a sixth
of the time of a small Transformer's step. Here one draw of 64 bits decides over four elements.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["Dropout", "zeroed"]

_LANES = 1 << 16  # values of the 16 bits that decide over one element


def zeroed(x: Tensor, share: float, training: bool = True) -> Tensor:
    """``x`` with a share of its elements zeroed, the others divided by what is left of one.

    Args:
        x: of any shape.
        share: of elements to zero, in [0, 1]; on a CPU to a multiple of 2^-16.
        training: if not, ``x`` as it is.
    """
    if not training or not 0.0 < share < 1.0:
        return F.dropout(x, share, training)
    if x.device.type != "cpu" or torch.compiler.is_compiling():
        return F.dropout(x, share)
    dropped = min(round(share * _LANES), _LANES - 1)
    draws = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    lanes = draws.view(torch.int16)[: x.numel()].view(x.shape)
    kept = (lanes >= dropped - _LANES // 2).to(x.dtype)
    return x * kept.mul_(_LANES / (_LANES - dropped))


class Dropout(nn.Module):
    """:func:`zeroed` with a fixed share, off in ``eval()``."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """``x``, with some of its numbers zeroed while training."""
        return zeroed(x, self.share, self.training)

    def extra_repr(self) -> str:
        """The share, for ``repr``."""
        return f"share={self.share}"
