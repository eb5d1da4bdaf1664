"""The key-value cache: keys and values of earlier tokens, kept so that they are made once.

The article, section 1.6 and 2.3: GPT-2 "holds on to" the key and value vectors of the tokens it
has already processed. The cache is an argument of ``forward``; no module keeps state. Layers
write through :class:`LayerCache`; only the model advances it, once a step.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cutaway.errors import ContextLengthError

__all__ = ["KVCache", "LayerCache"]


class KVCache:
    """Preallocated keys and values of all layers, with a length of its own for every row.

    >>> cache = KVCache(n_layer=2, batch=1, n_head=4, n_ctx=16, head_dim=8)
    >>> cache.nbytes  # 2 (k and v) x 2 layers x 4 heads x 16 positions x 8 x 4 bytes
    8192
    """

    def __init__(
        self,
        *,
        n_layer: int,
        batch: int,
        n_head: int,
        n_ctx: int,
        head_dim: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        shape = (n_layer, batch, n_head, n_ctx, head_dim)
        # Zeros, not empty: a ragged batch multiplies masked slots by a weight of exactly 0, and
        # 0 times an uninitialised NaN would be NaN.
        self.k: Float[Tensor, "L B H S K"] = torch.zeros(shape, dtype=dtype, device=device)
        self.v: Float[Tensor, "L B H S K"] = torch.zeros(shape, dtype=dtype, device=device)
        self.lengths: list[int] = [0] * batch

    @property
    def n_ctx(self) -> int:
        """Positions that fit."""
        return self.k.shape[3]

    @property
    def nbytes(self) -> int:
        """Bytes allocated for keys and values."""
        return self.k.nbytes + self.v.nbytes

    @property
    def is_empty(self) -> bool:
        """Whether no row holds a token yet."""
        return not any(self.lengths)

    @property
    def is_uniform(self) -> bool:
        """Whether all rows hold equally many tokens."""
        return len(set(self.lengths)) <= 1

    def positions(self, n_new: int, device: torch.device) -> Int[Tensor, "*B T"]:
        """The positions of the next ``n_new`` tokens: ``(T)`` when uniform, else ``(B, T)``."""
        steps = torch.arange(n_new, device=device)
        if self.is_uniform:
            return steps + self.lengths[0]
        return torch.tensor(self.lengths, device=device)[:, None] + steps

    def layer(self, i: int) -> "LayerCache":
        """The part of the cache that block ``i`` writes to."""
        return LayerCache(self, i)

    def reserve(self, n_new: int) -> None:
        """Checks that ``n_new`` more tokens fit in every row.

        Raises:
            ContextLengthError: if they do not.
        """
        if max(self.lengths) + n_new > self.n_ctx:
            raise ContextLengthError(
                f"{max(self.lengths)} cached + {n_new} new tokens do not fit in a cache of "
                f"{self.n_ctx} positions.",
                "Allocate a longer cache or drop tokens from the left.",
            )

    def advance(self, n_new: int) -> None:
        """Counts ``n_new`` tokens as held in every row; called by the model after its blocks."""
        self.lengths = [n + n_new for n in self.lengths]

    def truncate(self, lengths: Sequence[int]) -> None:
        """Forgets what each row holds past ``lengths``: padding, or a rejected draft."""
        if any(not 0 <= new <= old for new, old in zip(lengths, self.lengths, strict=True)):
            raise ValueError(f"cannot truncate lengths {self.lengths} to {list(lengths)}")
        self.lengths = list(lengths)

    def select(self, rows: Sequence[int]) -> None:
        """Makes row ``i`` a copy of the former row ``rows[i]``: beams that fork, rows that end.

        Rows that stay where they are cost nothing, unless one is needed that another has replaced.

        Raises:
            IndexError: for a row that is not there.
        """
        if any(not 0 <= row < len(self.lengths) for row in rows):
            raise IndexError(f"cannot select rows {list(rows)} of {len(self.lengths)}")
        moved = [(i, row) for i, row in enumerate(rows) if i != row]
        grows = len(rows) > len(self.lengths)
        if grows or any(row < i and rows[row] != row for i, row in moved):
            index = torch.tensor(list(rows), dtype=torch.long, device=self.k.device)
            self.k, self.v = self.k.index_select(1, index), self.v.index_select(1, index)
        else:
            for i, row in moved:
                held = slice(self.lengths[row])
                self.k[:, i, :, held] = self.k[:, row, :, held]
                self.v[:, i, :, held] = self.v[:, row, :, held]
            self.k, self.v = self.k[:, : len(rows)], self.v[:, : len(rows)]
        self.lengths = [self.lengths[row] for row in rows]

    def copy_row(self, row: int, source: "KVCache", from_row: int = 0) -> None:
        """Makes ``row`` what a row of ``source`` holds."""
        n = source.lengths[from_row]
        self.k[:, row, :, :n] = source.k[:, from_row, :, :n]
        self.v[:, row, :, :n] = source.v[:, from_row, :, :n]
        self.lengths[row] = n


@dataclass(frozen=True, slots=True)
class LayerCache:
    """One layer of a :class:`KVCache`."""

    cache: KVCache
    index: int

    def extend(
        self, k: Float[Tensor, "B H T K"], v: Float[Tensor, "B H T K"]
    ) -> tuple[Float[Tensor, "B H S K"], Float[Tensor, "B H S K"]]:
        """Writes the new keys and values behind the held ones and returns all of them."""
        cache, n_new = self.cache, k.shape[2]
        all_k, all_v = cache.k[self.index], cache.v[self.index]
        if cache.is_uniform:
            start = cache.lengths[0]
            all_k[:, :, start : start + n_new] = k
            all_v[:, :, start : start + n_new] = v
        else:
            rows = torch.arange(len(cache.lengths), device=k.device)[:, None]
            slots = cache.positions(n_new, k.device)  # (B, T)
            all_k[rows, :, slots] = k.transpose(1, 2).to(all_k.dtype)
            all_v[rows, :, slots] = v.transpose(1, 2).to(all_v.dtype)
        end = max(cache.lengths) + n_new
        return all_k[:, :, :end], all_v[:, :, :end]
