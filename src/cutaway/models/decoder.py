"""What every decoder of this package is to those who train it, run it and look into it.

No wiring is here: each model writes its own out. What is here, they do alike: they say where they
are in a text, and make caches.
"""

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from cutaway.errors import ConfigError, ContextLengthError
from cutaway.models.config import DecoderConfig
from cutaway.nn import NO_TAP, KVCache, Mask, Tap

__all__ = ["Decoder"]


class Decoder(nn.Module):
    """A model that reads tokens and scores, behind each, every word as the next one.

    Attributes:
        config: the size.
        wte: the token embedding.
        h: the blocks.
        ln_f: the norm above the last block.
    """

    config: DecoderConfig
    wte: nn.Embedding
    h: nn.ModuleList
    ln_f: nn.Module

    @property
    def head(self) -> Float[Tensor, "V D"]:
        """The matrix behind :meth:`unembed`; a row for each word."""
        raise NotImplementedError

    def hidden(
        self,
        tokens: Int[Tensor, "B T"],
        *,
        cache: KVCache | None = None,
        mask: Mask | None = None,
        positions: Int[Tensor, "B T"] | None = None,
        tap: Tap = NO_TAP,
    ) -> Float[Tensor, "B T D"]:
        """The residual stream above the last block, normalised."""
        raise NotImplementedError

    def unembed(
        self, x: Float[Tensor, "*axes D"], *, tap: Tap = NO_TAP
    ) -> Float[Tensor, "*axes V"]:
        """The scores of every word for a vector of :meth:`hidden`."""
        raise NotImplementedError

    def new_cache(self, batch: int = 1, n_ctx: int | None = None) -> KVCache:
        """An empty cache for ``batch`` rows of at most ``n_ctx`` tokens (default: all that fit)."""
        config, weight = self.config, self.wte.weight
        return KVCache(
            n_layer=config.n_layer,
            batch=batch,
            n_head=config.n_head,
            n_ctx=config.n_ctx if n_ctx is None else min(n_ctx, config.n_ctx),
            head_dim=config.head_dim,
            dtype=weight.dtype,
            device=weight.device,
        )

    def _positions(self, tokens: Tensor, cache: KVCache | None) -> Tensor:
        """The positions of new tokens behind those of a cache, if there are so many."""
        n_rows, n_new = tokens.shape
        if cache is not None and len(cache.lengths) != n_rows:
            raise ConfigError(
                f"{n_rows} row(s) of tokens, but the cache holds {len(cache.lengths)}.",
                "Allocate one row of cache for each row of tokens.",
            )
        n_held = 0 if cache is None else max(cache.lengths, default=0)
        if n_held + n_new > self.config.n_ctx:
            raise ContextLengthError(
                f"{n_held + n_new} tokens, but this model has {self.config.n_ctx} positions.",
                "Shorten the text, or let generation slide its window.",
            )
        if cache is None:
            return torch.arange(n_new, device=tokens.device)
        cache.reserve(n_new)
        return cache.positions(n_new, tokens.device)

    if TYPE_CHECKING:

        def __call__(
            self, tokens: Int[Tensor, "B T"], *, cache: KVCache | None = None, tap: Tap = NO_TAP
        ) -> Float[Tensor, "B T V"]:
            """Runs ``forward``: :meth:`unembed` of :meth:`hidden`."""
            ...
