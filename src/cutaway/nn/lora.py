"""Layers whose weights stay as they are, while a narrow path or some new rows beside them learn."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from cutaway.nn.conv1d import Conv1D
from cutaway.nn.dropout import zeroed

__all__ = ["GrownEmbedding", "LoRAConv1D"]


class LoRAConv1D(Conv1D):
    """Computes ``y = x W + b + s (x A^T) B^T`` with ``A`` of few rows and ``B`` of few columns.

    Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models", section 4.1. ``W`` and
    ``b`` are those of another layer, under the same names, and are not trained; ``B`` is 0 at
    first, so that the layer begins as what it stands in for, bit for bit. ``A`` begins as in the
    authors' code (microsoft/LoRA, ``layers.py``): uniform within ``1 / sqrt(n_in)``.

    Args:
        base: whose weight and bias are shared.
        rank: rows of ``A``.
        scale: of the path; the paper's ``alpha / rank``.
        dropout: on what enters the path, while training.
        generator: of ``A``.

    >>> base = Conv1D(4, 12)
    >>> layer = LoRAConv1D(base, rank=2, scale=1.0, generator=torch.Generator().manual_seed(0))
    >>> layer(torch.zeros(2, 4)).shape, layer.lora_A.shape, layer.lora_B.shape
    (torch.Size([2, 12]), torch.Size([2, 4]), torch.Size([12, 2]))
    """

    def __init__(
        self,
        base: Conv1D,
        *,
        rank: int,
        scale: float,
        generator: torch.Generator,
        dropout: float = 0.0,
    ) -> None:
        nn.Module.__init__(self)  # Conv1D's own would make weights
        self.weight, self.bias = base.weight, base.bias
        n_in, n_out = base.weight.shape
        bound = 1.0 / math.sqrt(n_in)
        a = torch.empty(rank, n_in).uniform_(-bound, bound, generator=generator)
        self.lora_A = nn.Parameter(a.to(base.weight))
        self.lora_B = nn.Parameter(base.weight.new_zeros(n_out, rank))
        self.scale, self.dropout = scale, dropout

    def forward(self, x: Float[Tensor, "*axes n_in"]) -> Float[Tensor, "*axes n_out"]:
        """Maps the last axis from ``n_in`` to ``n_out``."""
        narrow = F.linear(zeroed(x, self.dropout, self.training), self.lora_A)  # (..., rank)
        return super().forward(x) + self.scale * F.linear(narrow, self.lora_B)


class GrownEmbedding(nn.Module):
    """An embedding whose last rows learn, while those before them stay as they are.

    A vocabulary that grew has rows that were never trained; no narrow path of a block can put them
    right, where the embedding is also the head.

    Args:
        base: whose rows are shared, but for the new ones, which are copied.
        n_new: rows at its end that are new.

    >>> grown = GrownEmbedding(nn.Embedding(5, 2), 1)
    >>> grown(torch.tensor([[4, 0]])).shape, grown.weight.shape
    (torch.Size([1, 2, 2]), torch.Size([5, 2]))
    """

    def __init__(self, base: nn.Embedding, n_new: int) -> None:
        super().__init__()
        weight = base.weight.detach()
        self.kept = nn.Parameter(weight[:-n_new], requires_grad=False)
        self.rows = nn.Parameter(weight[-n_new:].clone())

    @property
    def weight(self) -> Float[Tensor, "V D"]:
        """All rows in one table."""
        return torch.cat([self.kept, self.rows])

    def forward(self, tokens: Int[Tensor, "B T"]) -> Float[Tensor, "B T D"]:
        """The row of each token."""
        return F.embedding(tokens, self.weight)
