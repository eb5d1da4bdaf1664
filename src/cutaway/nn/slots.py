"""The cache of memory-compressed attention: keys and values of tokens, and of slots of tokens.

A slot is made once, when its last token has come. Keys and values of single tokens stay, although
most are not looked at again: a row may be cut back to any length, and goes on from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from cutaway.nn.cache import KVCache, LayerCache

__all__ = ["SlotCache", "SlotLayerCache"]

_ROUNDED = 64  # slots; then sums over them are in the same order however long the longest row is


class SlotCache(KVCache):
    """A key-value cache whose layers ``compressed`` have slots besides.

    Slot 0 is nobody's: it is the model's to fill. Slot ``1 + j`` holds the tokens ``stride * j`` to
    ``stride * (j + 1) - 1`` of its row, once all of them have come; before that it may hold
    anything but NaN, and must be masked.

    Args:
        stride: tokens of a slot.
        compressed: numbers of the layers with slots.
        **sizes: of :class:`KVCache`.
    """

    def __init__(self, *, stride: int, compressed: Sequence[int], **sizes: Any) -> None:
        super().__init__(**sizes)
        self.stride = stride
        self._at = {layer: i for i, layer in enumerate(compressed)}
        _, B, H, n_ctx, K = self.k.shape
        n_slots = -(-(2 + n_ctx // stride) // _ROUNDED) * _ROUNDED  # one of them is never full
        shape = (len(self._at), B, H, n_slots, K)
        self.slot_k: Float[Tensor, "M B H S K"] = self.k.new_zeros(shape)
        self.slot_v: Float[Tensor, "M B H S K"] = self.v.new_zeros(shape)

    @property
    def nbytes(self) -> int:
        """Bytes allocated for keys and values."""
        return super().nbytes + self.slot_k.nbytes + self.slot_v.nbytes

    def layer(self, i: int) -> LayerCache:
        """The part of the cache that block ``i`` writes to."""
        return SlotLayerCache(self, i, self._at[i]) if i in self._at else LayerCache(self, i)

    def select(self, rows: Sequence[int]) -> None:
        """Makes row ``i`` a copy of the former row ``rows[i]``."""
        super().select(rows)
        index = torch.tensor(list(rows), dtype=torch.long, device=self.k.device)
        self.slot_k = self.slot_k.index_select(1, index)
        self.slot_v = self.slot_v.index_select(1, index)

    def copy_row(self, row: int, source: KVCache, from_row: int = 0) -> None:
        """Makes ``row`` what a row of ``source`` holds."""
        super().copy_row(row, source, from_row)
        assert isinstance(source, SlotCache)
        n = 1 + source.lengths[from_row] // self.stride
        self.slot_k[:, row, :, :n] = source.slot_k[:, from_row, :, :n]
        self.slot_v[:, row, :, :n] = source.slot_v[:, from_row, :, :n]


@dataclass(frozen=True, slots=True)
class SlotLayerCache(LayerCache):
    """One layer of a :class:`SlotCache` that has slots."""

    cache: SlotCache
    at: int

    def to_compress(self, x: Float[Tensor, "B H S K"], n_new: int) -> Float[Tensor, "B H W K"]:
        """Of the keys or values of all tokens those whose slots ``n_new`` new tokens fill.

        Whole slots, as many as the row that fills most; what is behind the end of another row is
        no token of its, and its last slot will be made again.
        """
        stride, lengths = self.cache.stride, self.cache.lengths
        n_slots = max((n % stride + n_new) // stride for n in lengths)
        begins = [n // stride * stride for n in lengths]
        if self.cache.is_uniform:
            return x[:, :, begins[0] : begins[0] + n_slots * stride]
        rows = torch.arange(len(lengths), device=x.device)[:, None]
        begin = torch.tensor(begins, device=x.device)[:, None]
        tokens = begin + torch.arange(n_slots * stride, device=x.device)
        # What a row has not yet is taken from where there is something, and not looked at.
        return x[rows, :, tokens.clamp(max=x.shape[2] - 1)].transpose(1, 2)

    def extend_slots(
        self, k: Float[Tensor, "B H N K"], v: Float[Tensor, "B H N K"], *, n_new: int
    ) -> tuple[Float[Tensor, "B H J K"], Float[Tensor, "B H J K"]]:
        """Writes the slots made of :meth:`to_compress`; returns all, and empty ones behind them.

        Args:
            k: keys of new slots.
            v: values of new slots.
            n_new: new tokens.
        """
        cache, stride = self.cache, self.cache.stride
        all_k, all_v = cache.slot_k[self.at], cache.slot_v[self.at]
        rows = torch.arange(len(cache.lengths), device=k.device)[:, None]
        firsts = torch.tensor([1 + n // stride for n in cache.lengths], device=k.device)
        slots = firsts[:, None] + torch.arange(k.shape[2], device=k.device)  # (B, N)
        all_k[rows, :, slots] = k.transpose(1, 2).to(all_k.dtype)
        all_v[rows, :, slots] = v.transpose(1, 2).to(all_v.dtype)
        held = 1 + (max(cache.lengths) + n_new) // stride
        end = -(-held // _ROUNDED) * _ROUNDED
        return all_k[:, :, :end], all_v[:, :, :end]
