"""Huang et al. 2019, "Music Transformer: Generating Music with Long-Term Structure".

The article's last chapter. A piece is a row of tokens (`music/events.py`, `music/grid.py`), and the
model learns to say it, one by one. What is new is what attention compares. In music it matters how
far apart two notes are, and less where they stand; so a score is not of query and key alone
(section 3.4, equation 3):

    ``softmax((Q K^T + S_rel) / sqrt(K)) V``,   ``S_rel = skew(Q E^T)``

with a learned vector ``E`` for each distance up to ``max_relative``, in every head and block
(`nn/relative.py`). With ``max_relative = 0`` it is the paper's baseline, a Transformer that knows
where it is by sinusoids alone. With a ``window`` attention is local (section 3.5): a query sees
its block of that many tokens, up to itself, and the block before it.

What the paper leaves open is done as in its authors' tensor2tensor: norms in front of what they
feed, and one above the last block; ReLU; no biases in attention, whose heads may be wider together
than the stream (``n_att``); sinusoids added to the embedding, which is multiplied by sqrt(D), and
which the head shares. In one thing not: beyond ``max_relative`` that code has a term of 0, and here
the farthest vector goes on, as in Shaw et al. 2018 (docs/decisions/relative-attention.md).

Read it beside `gpt2.py`, from :class:`MusicTransformer` at the bottom upwards.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from cutaway.errors import ConfigError
from cutaway.models.config import MusicTransformerConfig
from cutaway.models.decoder import Decoder
from cutaway.nn import NO_TAP, Conv1D, KVCache, LayerCache, Projection, Tap
from cutaway.nn.attention import attend, merge_heads, split_heads
from cutaway.nn.dropout import Dropout
from cutaway.nn.init import init_transformer
from cutaway.nn.long_attention import attend_in_neighbours, block_mask
from cutaway.nn.masks import Mask, causal_mask
from cutaway.nn.relative import Relative
from cutaway.nn.sinusoids import sinusoids

__all__ = ["MusicBlock", "MusicTransformer", "MusicTransformerConfig"]

Places = Int[Tensor, "B T"] | None
"""Where queries stand among the keys, if rows differ in it; None: they are the last ones."""


class RelativeAttention(nn.Module):
    """Masked multi-head self-attention whose scores know distances (section 3.4)."""

    def __init__(self, config: MusicTransformerConfig) -> None:
        super().__init__()
        self.n_head = config.n_head
        self.window = config.window
        self.dropout = config.dropout
        self.c_q = Projection(config.n_embd, config.n_att)
        self.c_k = Projection(config.n_embd, config.n_att)
        self.c_v = Projection(config.n_embd, config.n_att)
        distances = torch.zeros(config.n_head, config.max_relative, config.head_dim)
        self.relative = nn.Parameter(distances) if config.max_relative else None  # E
        self.c_proj = Projection(config.n_att, config.n_embd)

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        *,
        mask: Mask,
        places: Places = None,
        cache: LayerCache | None,
        tap: Tap,
    ) -> Float[Tensor, "B T D"]:
        """Lets every token gather from itself and the tokens before it."""
        q, k, v = (split_heads(c(x), self.n_head) for c in (self.c_q, self.c_k, self.c_v))
        q, k, v = tap("q", q), tap("k", k), tap("v", v)  # (B, H, T, K)
        if cache is not None:
            k, v = cache.extend(k, v)  # (B, H, S, K)
        z = tap("z", self._gather(q, k, v, mask=mask, places=places, tap=tap))  # (B, H, T, K)
        return self.c_proj(merge_heads(z))

    def _gather(
        self, q: Tensor, k: Tensor, v: Tensor, *, mask: Mask, places: Places, tap: Tap
    ) -> Float[Tensor, "B H T K"]:
        """The blend of values for each query.

        A whole text is looked at block by block where a window is set. Looked into
        (:mod:`cutaway.nn.tap`) it forms scores of all tokens for all, and masks them: a pattern
        then has the shape that those of the other models have.
        """
        dropout = self.dropout if self.training else 0.0
        if self.window and mask.is_causal:
            if not (tap.wants("scores") or tap.wants("pattern")):
                return attend_in_neighbours(
                    q, k, v, block=self.window, relative=self.relative, dropout=dropout
                )
            queries = torch.arange(q.shape[2], device=q.device)
            mask = block_mask(queries, k.shape[2], block=self.window, before=1)
        relative = None if self.relative is None else Relative(self.relative, places)
        return attend(q, k, v, mask=mask, relative=relative, dropout=dropout, tap=tap)


class MLP(nn.Module):
    """The fully connected network of a block: wider, and back."""

    def __init__(self, config: MusicTransformerConfig) -> None:
        super().__init__()
        self.c_fc = Conv1D(config.n_embd, config.n_inner)
        self.c_proj = Conv1D(config.n_inner, config.n_embd)

    def forward(self, x: Float[Tensor, "B T D"], *, tap: Tap) -> Float[Tensor, "B T D"]:
        """Works on every token by itself."""
        pre = tap("pre", self.c_fc(x))  # (B, T, F)
        post = tap("post", F.relu(pre))
        return self.c_proj(post)


class MusicBlock(nn.Module):
    """A decoder block: two additions to the residual stream, each behind a layer norm."""

    def __init__(self, config: MusicTransformerConfig) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.attn = RelativeAttention(config)
        self.ln_2 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.mlp = MLP(config)
        self.drop = Dropout(config.dropout)

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        *,
        mask: Mask,
        places: Places = None,
        cache: LayerCache | None,
        tap: Tap,
    ) -> Float[Tensor, "B T D"]:
        """Reads the residual stream twice and adds what it found."""
        x = tap("resid_pre", x)
        normed = tap("ln_1", self.ln_1(x))
        a = self.attn(normed, mask=mask, places=places, cache=cache, tap=tap.at("attn"))
        x = tap("resid_mid", x + self.drop(tap("attn_out", a)))
        m = self.mlp(tap("ln_2", self.ln_2(x)), tap=tap.at("mlp"))
        return tap("resid_post", x + self.drop(tap("mlp_out", m)))


class MusicTransformer(Decoder):
    """The whole model: token ids in, one score for every word of the vocabulary out.

    Args:
        config: the size.
        seed: of the initial weights; the global random state is not touched.

    >>> size = MusicTransformerConfig(vocab_size=100, n_ctx=8, n_embd=16, n_layer=2, n_head=4)
    >>> MusicTransformer(size)(torch.tensor([[3, 1, 4]])).shape
    torch.Size([1, 3, 100])
    """

    def __init__(self, config: MusicTransformerConfig, *, seed: int = 0) -> None:
        super().__init__()
        self.config: MusicTransformerConfig = config  # pyright: ignore[reportIncompatibleVariableOverride]
        # Embedding.from_pretrained and an empty tensor: the initialiser fills it, once.
        tokens = torch.empty(config.vocab_size, config.n_embd)
        self.wte = nn.Embedding.from_pretrained(tokens, freeze=False)
        self.drop = Dropout(config.dropout)
        self.h = nn.ModuleList(MusicBlock(config) for _ in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        init_transformer(self, seed=seed)

    def forward(
        self, tokens: Int[Tensor, "B T"], *, cache: KVCache | None = None, tap: Tap = NO_TAP
    ) -> Float[Tensor, "B T V"]:
        """Scores every word of the vocabulary as the next one, after each given token.

        Args:
            tokens: ids.
            cache: keys and values of earlier tokens; ``tokens`` go behind them and are added.
            tap: sees, and may replace, every intermediate value.

        Raises:
            ContextLengthError: if cached and new tokens are more than ``n_ctx``.
            ConfigError: if ``cache`` holds another number of rows than ``tokens``.
        """
        return self.unembed(self.hidden(tokens, cache=cache, tap=tap), tap=tap)

    def hidden(
        self,
        tokens: Int[Tensor, "B T"],
        *,
        cache: KVCache | None = None,
        mask: Mask | None = None,
        positions: Int[Tensor, "*B T"] | None = None,
        tap: Tap = NO_TAP,
    ) -> Float[Tensor, "B T D"]:
        """The residual stream above the last block, normalised; see :meth:`forward`.

        Without ``mask`` a token sees those before it; without ``positions`` they are counted from
        the begin of the row. Distances are those in the row, which are those in a document.

        Raises:
            ConfigError: for a ``mask`` by which a token sees later ones.
        """
        held = self._positions(tokens, cache)  # where the row goes on
        places = None if held.ndim == 1 else held
        mask = self._mask(mask, held, cache)
        positions = held if positions is None else positions
        token, place = tap("wte", self.token(tokens)), tap("wpe", self.places(positions))
        x = self.drop(token + place)
        for i, block in enumerate(self.h):
            layer_cache = None if cache is None else cache.layer(i)
            x = block(x, mask=mask, places=places, cache=layer_cache, tap=tap.at(f"h.{i}"))
        if cache is not None:
            cache.advance(tokens.shape[1])
        return tap("ln_f", self.ln_f(x))

    def token(self, tokens: Int[Tensor, "*axes"]) -> Float[Tensor, "*axes D"]:
        """The embeddings of tokens as they go into the stream."""
        return self.wte(tokens) * math.sqrt(self.config.n_embd)

    def places(self, positions: Int[Tensor, "*axes"]) -> Float[Tensor, "*axes D"]:
        """The sinusoids of positions."""
        return sinusoids(positions, self.config.n_embd, dtype=self.wte.weight.dtype)

    def unembed(
        self, x: Float[Tensor, "*axes D"], *, tap: Tap = NO_TAP
    ) -> Float[Tensor, "*axes V"]:
        """Scores by the dot product with every token embedding (the tied head, no bias)."""
        return tap("logits", F.linear(x, self.wte.weight))

    @property
    def head(self) -> Float[Tensor, "V D"]:
        """The matrix of :meth:`unembed`: the token embedding again."""
        return self.wte.weight

    def _mask(self, mask: Mask | None, queries: Int[Tensor, "*B T"], cache: KVCache | None) -> Mask:
        """What may be looked at; a causal mask stays one, for the blocks know their window."""
        config, n_new = self.config, queries.shape[-1]
        if mask is not None and not mask.is_lower and (config.max_relative or config.window):
            raise ConfigError(
                "This Music Transformer takes no mask by which a token sees later ones.",
                "It has vectors for what is before a token: use task.mask = 'causal'.",
            )
        mask = causal_mask(n_new, cache, queries.device) if mask is None else mask
        if mask.is_causal or not config.window:
            return mask
        n_keys = n_new if cache is None else max(cache.lengths) + n_new
        return _both(block_mask(queries, n_keys, block=config.window, before=1), mask)


def _both(local: Mask, mask: Mask) -> Mask:
    """The mask of what two boolean ones allow."""
    if local.bias is None or mask.bias is None:
        return local
    starts = None
    if local.starts is not None and mask.starts is not None:
        starts = torch.maximum(local.starts, mask.starts)
    return Mask(local.bias & mask.bias, False, starts)
