"""Which key positions a query may look at, as one boolean mask or one additive bias."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cutaway.nn.cache import KVCache

__all__ = [
    "CAUSAL",
    "NO_MASK",
    "Mask",
    "causal_mask",
    "document_mask",
    "length_mask",
    "prefix_mask",
]


class Mask(NamedTuple):
    """What :func:`cutaway.nn.attend` needs to know about positions.

    Attributes:
        bias: boolean (True: may look) or additive, broadcast to ``(B, H, T, S)``; None for none.
        is_causal: query ``t`` sees keys ``0 .. t`` of as many keys as queries. Kept apart from
            ``bias`` so that fused kernels need no mask in memory.
        starts: where ``bias`` says that query ``t`` sees keys ``starts[t] .. t`` and no others,
            for kernels that can do without ``bias``; else None.
    """

    bias: Tensor | None
    is_causal: bool
    starts: Int[Tensor, "B T"] | None = None

    @property
    def is_lower(self) -> bool:
        """Whether a query sees keys up to its own place only, and all from some place on."""
        return self.is_causal or self.starts is not None

    def apply(self, scores: Float[Tensor, "B H T S"]) -> Float[Tensor, "B H T S"]:
        """The scores with the bias added; minus infinity where a query may not look."""
        if self.is_causal:
            seen = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
            return scores.masked_fill(~seen, -torch.inf)
        if self.bias is None:
            return scores
        if self.bias.dtype == torch.bool:
            return scores.masked_fill(~self.bias, -torch.inf)
        return scores + self.bias

    def plus(self, bias: Float[Tensor, "B H T S"]) -> "Mask":
        """The mask of the same positions that adds ``bias`` to the scores."""
        return Mask(self.apply(bias), False)


NO_MASK = Mask(None, False)
CAUSAL = Mask(None, True)


def causal_mask(n_query: int, cache: KVCache | None, device: torch.device) -> Mask:
    """The causal mask of ``n_query`` new positions behind what ``cache`` already holds.

    GPT-2 counts it from the lower right (openai/gpt-2 `model.py`, ``attention_mask``), so a query
    at position ``p`` sees keys ``0 .. p`` whether they are new or cached.
    """
    if cache is None or cache.is_empty:
        return CAUSAL
    if n_query == 1 and cache.is_uniform:
        return NO_MASK
    queries = cache.positions(n_query, device)  # (T) or (B, T)
    keys = torch.arange(max(cache.lengths) + n_query, device=device)
    allowed = keys <= queries[..., None]  # (T, S) or (B, T, S)
    return Mask(allowed if cache.is_uniform else allowed[:, None], False)


def document_mask(documents: Int[Tensor, "B T"]) -> tuple[Mask, Int[Tensor, "B T"]]:
    """The mask of rows into which several documents are packed, and each position in its own.

    A position sees itself and what is before it in its document; counted from the document's begin,
    it is where it would be if the document stood alone.

    Args:
        documents: the number of the document at each position, rising by 1 where one begins.

    >>> mask, positions = document_mask(torch.tensor([[0, 0, 1, 1, 1]]))
    >>> positions.tolist()
    [[0, 1, 0, 1, 2]]
    >>> mask.bias[0, 0].int().tolist()[3]
    [0, 0, 1, 1, 0]
    """
    T = documents.shape[1]
    places = torch.arange(T, device=documents.device)
    seen = (documents[:, :, None] == documents[:, None, :]) & (places[:, None] >= places)
    begins = torch.ones_like(documents, dtype=torch.bool)
    begins[:, 1:] = documents[:, 1:] != documents[:, :-1]
    starts = torch.where(begins, places, 0).cummax(dim=1).values
    return Mask(seen[:, None], False, starts), places - starts


def prefix_mask(prefix: Int[Tensor, " B"], n: int) -> Mask:
    """The mask of rows whose first tokens see each other both ways; those behind see what was.

    Raffel et al. 2020, "Exploring the Limits of Transfer Learning", section 3.2.1: "causal with
    prefix". With a prefix of 0 or 1 it is the causal mask.

    Args:
        prefix: tokens of each row that see each other.
        n: positions of a row.

    >>> prefix_mask(torch.tensor([2]), 4).bias[0, 0].int().tolist()
    [[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]]
    """
    places = torch.arange(n, device=prefix.device)
    seen = (places[:, None] >= places) | (places < prefix[:, None, None])  # (B, T, T)
    return Mask(seen[:, None], False)


def length_mask(lengths: Int[Tensor, " B"], n: int) -> Mask:
    """The mask of rows that are padded on the right: nobody sees padding.

    Args:
        lengths: how many positions of each row are no padding; at least 1.
        n: positions of a row.

    >>> length_mask(torch.tensor([1, 3]), 3).bias[:, 0, 0].int().tolist()
    [[1, 0, 0], [1, 1, 1]]
    """
    seen = torch.arange(n, device=lengths.device) < lengths[:, None]  # (B, S)
    return Mask(seen[:, None, None], False)
