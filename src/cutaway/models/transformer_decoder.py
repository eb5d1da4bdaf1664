"""The Transformer-Decoder: Liu et al. 2018, "Generating Wikipedia by Summarizing Long Sequences".

Section 4.2.3: the Transformer of Vaswani et al. 2017 without its encoder. A text and its summary
are one sequence, ``text <sep> summary``, and the model learns to say all of it, word by word.
Section 4.2.4, "T-DMCA": such sequences are long, so attention is of two kinds that alternate,
L-M-L-M-L; each costs less than the full one, which is here for comparison:

======  =================  ========================================================  ===========
letter  attention          a query at position t sees                                keys, T long
======  =================  ========================================================  ===========
l       local              its block of 256, up to itself                            T x 256
m       memory-compressed  nothing (a learned slot), and each slot of three tokens   T x T / 3
                           that is full: slot j if ``3 j + 2 <= t``
f       full               all up to itself                                          T x T
======  =================  ========================================================  ===========

What an m block does not see: the one or two tokens since the last slot was full. They are in the
same block of 256 as the query, and an l block sees them; only where such a block begins between two
slots (the first token of every third one) are they unseen until their slot is full. The paper has
it so; a ``block`` that is a multiple of ``stride`` has no such token.

What the paper leaves open is done as in its authors' tensor2tensor: norms in front of what they
feed, and one above the last block; ReLU; embedding and head shared, the embedding times sqrt(D).

Read it beside `gpt2.py`, from :class:`TransformerDecoder` at the bottom upwards.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from cutaway.errors import ConfigError
from cutaway.models.config import TransformerDecoderConfig
from cutaway.models.decoder import Decoder
from cutaway.nn import NO_TAP, Conv1D, KVCache, LayerCache, Tap
from cutaway.nn.attention import attend, merge_heads, split_heads
from cutaway.nn.dropout import Dropout
from cutaway.nn.init import init_transformer_decoder
from cutaway.nn.long_attention import attend_in_blocks, attend_to_slots, block_mask, slot_mask
from cutaway.nn.masks import Mask, causal_mask
from cutaway.nn.sinusoids import sinusoids
from cutaway.nn.slots import SlotCache, SlotLayerCache

__all__ = ["TransformerDecoder", "TransformerDecoderBlock", "TransformerDecoderConfig"]


class FullAttention(nn.Module):
    """Masked multi-head self-attention; the other two differ in what a query looks at."""

    def __init__(self, config: TransformerDecoderConfig) -> None:
        super().__init__()
        self.n_head = config.n_head
        self.dropout = config.dropout
        self.c_attn = Conv1D(config.n_embd, 3 * config.n_embd)
        self.c_proj = Conv1D(config.n_embd, config.n_embd)

    def forward(
        self, x: Float[Tensor, "B T D"], *, cache: LayerCache | None, tap: Tap
    ) -> Float[Tensor, "B T D"]:
        """Lets every token gather from those it may see."""
        qkv = tap("qkv", self.c_attn(x))  # (B, T, 3D)
        q, k, v = (split_heads(part, self.n_head) for part in qkv.chunk(3, dim=-1))
        q, k, v = tap("q", q), tap("k", k), tap("v", v)  # (B, H, T, K)
        if cache is not None:
            k, v = cache.extend(k, v)  # (B, H, S, K)
        z = tap("z", self.gather(q, k, v, cache=cache, tap=tap))  # (B, H, T, K)
        return self.c_proj(merge_heads(z))

    def gather(
        self,
        q: Float[Tensor, "B H T K"],
        k: Float[Tensor, "B H S K"],
        v: Float[Tensor, "B H S K"],
        *,
        cache: LayerCache | None,
        tap: Tap,
    ) -> Float[Tensor, "B H T K"]:
        """The blend of values for each query; ``S`` counts cached tokens too."""
        mask = causal_mask(q.shape[2], None if cache is None else cache.cache, q.device)
        return self.attend(q, k, v, mask=mask, tap=tap)

    def attend(self, q: Tensor, k: Tensor, v: Tensor, *, mask: Mask, tap: Tap) -> Tensor:
        """:func:`cutaway.nn.attend`, with dropout while training."""
        return attend(q, k, v, mask=mask, dropout=self.dropout_now, tap=tap)

    @property
    def dropout_now(self) -> float:
        """The share of weights that are dropped: none unless training."""
        return self.dropout if self.training else 0.0


class LocalAttention(FullAttention):
    """Attention in blocks of tokens, "performed in each block independently".

    Looked at (:mod:`cutaway.nn.tap`), it forms scores of all tokens for all, and masks them: a
    pattern then has the shape that those of the other models have.
    """

    def __init__(self, config: TransformerDecoderConfig) -> None:
        super().__init__(config)
        self.block = config.block

    def gather(
        self, q: Tensor, k: Tensor, v: Tensor, *, cache: LayerCache | None, tap: Tap
    ) -> Tensor:
        """The blend of values for each query, within its block.

        Behind cached tokens, keys before the first block in use are left out. A text is best read
        at once: of many tokens behind a few cached ones, all see all of the new ones' keys.
        """
        n_new, first = q.shape[2], 0
        if _is_fresh(cache) and not _is_seen(tap):
            return attend_in_blocks(q, k, v, block=self.block, dropout=self.dropout_now)
        if cache is not None and not _is_seen(tap):
            first = min(cache.cache.lengths) // self.block * self.block
        queries = _places(n_new, cache, q.device)
        mask = block_mask(queries, k.shape[2] - first, block=self.block, first=first)
        return self.attend(q, k[:, :, first:], v[:, :, first:], mask=mask, tap=tap)


class CompressedAttention(FullAttention):
    """Attention to slots, of which a strided convolution makes one out of three keys or values.

    "After projecting the tokens into the query, key, and value embeddings", and the queries stay.
    Its kernel is as wide as its stride, so it is one matrix for the tokens of a slot side by side.
    """

    def __init__(self, config: TransformerDecoderConfig) -> None:
        super().__init__(config)
        self.stride = config.stride
        self.compress_k = Conv1D(config.stride * config.n_embd, config.n_embd)
        self.compress_v = Conv1D(config.stride * config.n_embd, config.n_embd)
        # What a query sees that has no full slot before it. Others may look away to it as well.
        self.null_k = nn.Parameter(torch.zeros(config.n_embd))
        self.null_v = nn.Parameter(torch.zeros(config.n_embd))

    def gather(
        self, q: Tensor, k: Tensor, v: Tensor, *, cache: LayerCache | None, tap: Tap
    ) -> Tensor:
        """The blend of compressed values for each query."""
        n_new, held = q.shape[2], 0
        if isinstance(cache, SlotLayerCache):
            held = max(cache.cache.lengths)
            k, v = cache.to_compress(k, n_new), cache.to_compress(v, n_new)
        k = tap("slot_k", self._compressed(k, self.compress_k))  # (B, H, T / stride, K): the new
        v = tap("slot_v", self._compressed(v, self.compress_v))
        nulls = (self.null_k, self.null_v)
        null_k, null_v = (split_heads(null[None, None], self.n_head) for null in nulls)
        if isinstance(cache, SlotLayerCache):
            k, v = cache.extend_slots(k, v, n_new=n_new)  # (B, H, J, K): all, and room for more
            k[:, :, :1], v[:, :, :1] = null_k, null_v
        else:
            pairs = ((null_k, k), (null_v, v))
            k, v = (torch.cat([null.expand(len(x), -1, -1, -1), x], dim=2) for null, x in pairs)
        if _is_seen(tap) or _is_fresh(cache):
            n = 1 + (held + n_new) // self.stride
            k, v = k[:, :, :n], v[:, :, :n]
        if _is_fresh(cache) and not _is_seen(tap):
            return attend_to_slots(q, k, v, stride=self.stride, dropout=self.dropout_now)
        mask = slot_mask(_places(n_new, cache, q.device), k.shape[2], stride=self.stride)
        return self.attend(q, k, v, mask=mask, tap=tap)

    def _compressed(self, x: Float[Tensor, "B H S K"], by: Conv1D) -> Float[Tensor, "B H J K"]:
        """One vector for each full slot of these tokens; those left over are in none."""
        B, _, S, _ = x.shape
        n = S // self.stride
        tokens = merge_heads(x[:, :, : n * self.stride])  # (B, n stride, D)
        return split_heads(by(tokens.reshape(B, n, self.stride * tokens.shape[-1])), self.n_head)


class MLP(nn.Module):
    """The fully connected network of a block: wider by four, and back (Vaswani et al., 3.3)."""

    def __init__(self, config: TransformerDecoderConfig) -> None:
        super().__init__()
        self.c_fc = Conv1D(config.n_embd, config.n_inner)
        self.c_proj = Conv1D(config.n_inner, config.n_embd)

    def forward(self, x: Float[Tensor, "B T D"], *, tap: Tap) -> Float[Tensor, "B T D"]:
        """Works on every token by itself."""
        pre = tap("pre", self.c_fc(x))  # (B, T, F)
        post = tap("post", F.relu(pre))
        return self.c_proj(post)


_ATTENTION = {"l": LocalAttention, "m": CompressedAttention, "f": FullAttention}


class TransformerDecoderBlock(nn.Module):
    """A decoder block: two additions to the residual stream, each behind a layer norm.

    Args:
        config: the size.
        letter: of its attention.
    """

    def __init__(self, config: TransformerDecoderConfig, letter: str) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.attn = _ATTENTION[letter](config)
        self.ln_2 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.mlp = MLP(config)
        self.drop = Dropout(config.dropout)

    def forward(
        self, x: Float[Tensor, "B T D"], *, cache: LayerCache | None, tap: Tap
    ) -> Float[Tensor, "B T D"]:
        """Reads the residual stream twice and adds what it found."""
        x = tap("resid_pre", x)
        a = self.attn(tap("ln_1", self.ln_1(x)), cache=cache, tap=tap.at("attn"))
        x = tap("resid_mid", x + self.drop(tap("attn_out", a)))
        m = self.mlp(tap("ln_2", self.ln_2(x)), tap=tap.at("mlp"))
        return tap("resid_post", x + self.drop(tap("mlp_out", m)))


class TransformerDecoder(Decoder):
    """The whole model: token ids in, one score for every word of the vocabulary out.

    Args:
        config: the size.
        seed: of the initial weights; the global random state is not touched.

    >>> size = TransformerDecoderConfig(vocab_size=100, n_ctx=8, n_embd=16, n_layer=2, n_head=4)
    >>> TransformerDecoder(size)(torch.tensor([[3, 1, 4]])).shape
    torch.Size([1, 3, 100])
    """

    def __init__(self, config: TransformerDecoderConfig, *, seed: int = 0) -> None:
        super().__init__()
        self.config: TransformerDecoderConfig = config  # pyright: ignore[reportIncompatibleVariableOverride]
        # Embedding.from_pretrained and an empty tensor: the initialiser fills it, once.
        tokens = torch.empty(config.vocab_size, config.n_embd)
        self.wte = nn.Embedding.from_pretrained(tokens, freeze=False)
        self.drop = Dropout(config.dropout)
        self.h = nn.ModuleList(TransformerDecoderBlock(config, letter) for letter in config.letters)
        self.ln_f = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        init_transformer_decoder(self, n_layer=config.n_layer, seed=seed)

    def forward(
        self, tokens: Int[Tensor, "B T"], *, cache: KVCache | None = None, tap: Tap = NO_TAP
    ) -> Float[Tensor, "B T V"]:
        """Scores every word of the vocabulary as the next one, after each given token.

        Args:
            tokens: ids.
            cache: of :meth:`new_cache`; ``tokens`` go behind those it holds and are added.
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

        Without ``positions`` they are counted from the begin of the row.

        Raises:
            ConfigError: for a ``mask``: blocks and slots lie as they lie.
        """
        if mask is not None:
            raise ConfigError(
                "A Transformer-Decoder takes no mask: its attention is within blocks and slots.",
                "Leave out training.document_mask and task.mask = 'prefix', or take a GPT-2.",
            )
        positions = self._positions(tokens, cache) if positions is None else positions
        token = tap("wte", self.wte(tokens) * math.sqrt(self.config.n_embd))
        waves = sinusoids(positions, self.config.n_embd, dtype=self.wte.weight.dtype)
        x = self.drop(token + tap("wpe", waves))
        for i, block in enumerate(self.h):
            layer_cache = None if cache is None else cache.layer(i)
            x = block(x, cache=layer_cache, tap=tap.at(f"h.{i}"))
        if cache is not None:
            cache.advance(tokens.shape[1])
        return tap("ln_f", self.ln_f(x))

    def unembed(
        self, x: Float[Tensor, "*axes D"], *, tap: Tap = NO_TAP
    ) -> Float[Tensor, "*axes V"]:
        """Scores by the dot product with every token embedding (the tied head, no bias)."""
        return tap("logits", F.linear(x, self.wte.weight))

    @property
    def head(self) -> Float[Tensor, "V D"]:
        """The matrix of :meth:`unembed`: the token embedding again."""
        return self.wte.weight

    def new_cache(self, batch: int = 1, n_ctx: int | None = None) -> KVCache:
        """An empty cache for ``batch`` rows of at most ``n_ctx`` tokens (default: all that fit)."""
        config, weight = self.config, self.wte.weight
        return SlotCache(
            stride=config.stride,
            compressed=[i for i, letter in enumerate(config.letters) if letter == "m"],
            n_layer=config.n_layer,
            batch=batch,
            n_head=config.n_head,
            n_ctx=config.n_ctx if n_ctx is None else min(n_ctx, config.n_ctx),
            head_dim=config.head_dim,
            dtype=weight.dtype,
            device=weight.device,
        )


def _is_fresh(cache: LayerCache | None) -> bool:
    """Whether the new tokens are the first of their rows."""
    return cache is None or cache.cache.is_empty


def _is_seen(tap: Tap) -> bool:
    """Whether scores or patterns must be formed."""
    return tap.wants("scores") or tap.wants("pattern")


def _places(n_new: int, cache: LayerCache | None, device: torch.device) -> Int[Tensor, "*B T"]:
    """Where new tokens are in their rows: ``(T)``, or ``(B, T)`` where rows differ."""
    if cache is None:
        return torch.arange(n_new, device=device)
    return cache.cache.positions(n_new, device)
