"""The Transformer: Vaswani et al. 2017, "Attention Is All You Need".

The model that the article begins with: an encoder reads a text in one language, a decoder writes it
in another. Read it beside section 3 of the paper, from :class:`EncoderDecoder` at the bottom
upwards. What differs from `gpt2.py`, which kept only the decoder:

==============================  =================================================================
two stacks                      the encoder's tokens see each other both ways (3.1)
attention of a third kind       queries of the decoder, keys and values of the encoder (3.2.3)
norms behind each addition      ``LayerNorm(x + Sublayer(x))`` (3.1); so none above the last block
ReLU, no biases in attention    equation 2; the projections of 3.2.2 are matrices alone
sinusoids, no ``wpe``           3.5
embedding times sqrt(D)         3.4; source, target and head share one matrix
dropout                         on what is added, and on embedding plus position (5.4)
==============================  =================================================================

Names are those of the other models: ``h`` are the decoder's blocks, whose ``attn`` is its
self-attention and ``cross`` what looks at the encoder. Axes are those of :mod:`cutaway.nn`; in
the encoder, and of its keys and values, S counts the source.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from cutaway.errors import ConfigError, ContextLengthError
from cutaway.models.config import TransformerConfig
from cutaway.models.decoder import Decoder
from cutaway.nn import NO_TAP, Conv1D, KVCache, LayerCache, Projection, Tap
from cutaway.nn.attention import attend, merge_heads, split_heads
from cutaway.nn.dropout import Dropout
from cutaway.nn.init import init_transformer
from cutaway.nn.masks import NO_MASK, Mask, causal_mask, length_mask
from cutaway.nn.sinusoids import sinusoids

__all__ = ["DecoderBlock", "EncoderBlock", "EncoderDecoder", "Memory", "TransformerConfig"]

KeysValues = tuple[Float[Tensor, "B H S K"], Float[Tensor, "B H S K"]]


class Memory(NamedTuple):
    """What the decoder knows of the source.

    Attributes:
        states: the encoder's output, ``(B, S, D)``.
        mask: hides what is padding.
        layers: keys and values that each decoder block makes of it, where they were made ahead
            (:meth:`EncoderDecoder.remember`); else each call makes them.
    """

    states: Float[Tensor, "B S D"]
    mask: Mask
    layers: Sequence[KeysValues] | None = None


class Attention(nn.Module):
    """Multi-head attention (3.2.2), of all three kinds: they differ in what is looked at."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.n_head = config.n_head
        self.c_q = Projection(config.n_embd, config.n_embd)
        self.c_k = Projection(config.n_embd, config.n_embd)
        self.c_v = Projection(config.n_embd, config.n_embd)
        self.c_proj = Projection(config.n_embd, config.n_embd)

    def keys_values(self, seen: Float[Tensor, "B S D"]) -> KeysValues:
        """What queries are held against, and what is gathered."""
        return split_heads(self.c_k(seen), self.n_head), split_heads(self.c_v(seen), self.n_head)

    def forward(
        self, x: Float[Tensor, "B T D"], keys_values: KeysValues, *, mask: Mask, tap: Tap
    ) -> Float[Tensor, "B T D"]:
        """Lets every token of ``x`` gather from those that ``keys_values`` were made of."""
        k, v = keys_values
        q = tap("q", split_heads(self.c_q(x), self.n_head))  # (B, H, T, K)
        z = tap("z", attend(q, tap("k", k), tap("v", v), mask=mask, tap=tap))  # (B, H, T, K)
        return self.c_proj(merge_heads(z))


class MLP(nn.Module):
    """The position-wise network (3.3): wider, and back."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.c_fc = Conv1D(config.n_embd, config.n_inner)
        self.c_proj = Conv1D(config.n_inner, config.n_embd)

    def forward(self, x: Float[Tensor, "B T D"], *, tap: Tap) -> Float[Tensor, "B T D"]:
        """Works on every token by itself."""
        pre = tap("pre", self.c_fc(x))  # (B, T, F)
        post = tap("post", F.relu(pre))
        return self.c_proj(post)


class EncoderBlock(nn.Module):
    """A block of the encoder: two additions, each with a layer norm behind it."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.attn = Attention(config)
        self.ln_1 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.mlp = MLP(config)
        self.ln_2 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.drop = Dropout(config.dropout)

    def forward(self, x: Float[Tensor, "B S D"], *, mask: Mask, tap: Tap) -> Float[Tensor, "B S D"]:
        """Lets every token gather from all tokens of its text, then think by itself."""
        x = tap("resid_pre", x)
        a = self.attn(x, self.attn.keys_values(x), mask=mask, tap=tap.at("attn"))
        x = tap("resid_mid", self.ln_1(x + self.drop(tap("attn_out", a))))
        m = self.mlp(x, tap=tap.at("mlp"))
        return tap("resid_post", self.ln_2(x + self.drop(tap("mlp_out", m))))


class DecoderBlock(nn.Module):
    """A block of the decoder: three additions, the second from the source."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.attn = Attention(config)
        self.ln_1 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.cross = Attention(config)
        self.ln_2 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.mlp = MLP(config)
        self.ln_3 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.drop = Dropout(config.dropout)

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        source: KeysValues,
        *,
        mask: Mask,
        source_mask: Mask,
        cache: LayerCache | None,
        tap: Tap,
    ) -> Float[Tensor, "B T D"]:
        """Gathers from what was written, then from what was read, then thinks by itself."""
        x = tap("resid_pre", x)
        written = self.attn.keys_values(x)
        if cache is not None:
            written = cache.extend(*written)
        a = self.attn(x, written, mask=mask, tap=tap.at("attn"))
        x = tap("resid_mid", self.ln_1(x + self.drop(tap("attn_out", a))))
        c = self.cross(x, source, mask=source_mask, tap=tap.at("cross"))
        x = tap("resid_cross", self.ln_2(x + self.drop(tap("cross_out", c))))
        m = self.mlp(x, tap=tap.at("mlp"))
        return tap("resid_post", self.ln_3(x + self.drop(tap("mlp_out", m))))


class EncoderDecoder(Decoder):
    """The whole model: a source in, and behind each token of the target a score for every word.

    Args:
        config: the size.
        seed: of the initial weights; the global random state is not touched.

    >>> config = TransformerConfig(vocab_size=100, n_ctx=8, n_embd=16, n_layer=2, n_head=4)
    >>> model = EncoderDecoder(config)
    >>> memory = model.encode(torch.tensor([[3, 1, 4, 1, 5]]))
    >>> model(torch.tensor([[2, 7]]), memory=memory).shape
    torch.Size([1, 2, 100])
    """

    def __init__(self, config: TransformerConfig, *, seed: int = 0) -> None:
        super().__init__()
        self.config: TransformerConfig = config  # pyright: ignore[reportIncompatibleVariableOverride]
        # Embedding.from_pretrained and an empty tensor: init_transformer fills it, once.
        tokens = torch.empty(config.vocab_size, config.n_embd)
        self.wte = nn.Embedding.from_pretrained(tokens, freeze=False)
        self.drop = Dropout(config.dropout)
        self.encoder = nn.ModuleList(EncoderBlock(config) for _ in range(config.n_layer))
        self.h = nn.ModuleList(DecoderBlock(config) for _ in range(config.n_layer))
        self.ln_f = nn.Identity()  # each block ends with a norm
        init_transformer(self, seed=seed)

    def forward(
        self,
        tokens: Int[Tensor, "B T"],
        *,
        memory: Memory | None = None,
        cache: KVCache | None = None,
        tap: Tap = NO_TAP,
    ) -> Float[Tensor, "B T V"]:
        """Scores every word of the vocabulary as the next one, after each token of the target.

        Args:
            tokens: ids of the target, from the token that begins it.
            memory: what :meth:`encode` made of the source.
            cache: keys and values of earlier tokens; ``tokens`` go behind them and are added.
            tap: sees, and may replace, every intermediate value.

        Raises:
            ContextLengthError: if cached and new tokens are more than ``n_ctx``.
            ConfigError: if ``memory`` is missing, or has another number of rows than ``tokens``.
        """
        return self.unembed(self.hidden(tokens, memory=memory, cache=cache, tap=tap), tap=tap)

    def encode(
        self,
        source: Int[Tensor, "B S"],
        lengths: Int[Tensor, " B"] | None = None,
        *,
        tap: Tap = NO_TAP,
    ) -> Memory:
        """Reads sources; every token sees all others of its row.

        Args:
            source: ids, padded on the right.
            lengths: how many of them are no padding; None where all are.
            tap: sees, and may replace, every intermediate value.

        Raises:
            ContextLengthError: if a row has more than ``n_ctx`` tokens.
        """
        n = source.shape[1]
        if n > self.config.n_ctx:
            raise ContextLengthError(
                f"A source of {n} tokens, but this model has {self.config.n_ctx} positions.",
                "Shorten the text.",
            )
        mask = NO_MASK if lengths is None else length_mask(lengths, n)
        positions = torch.arange(n, device=source.device)
        x = self._embedded(source, positions, tap=tap.at("source"))
        for i, block in enumerate(self.encoder):
            x = block(x, mask=mask, tap=tap.at(f"encoder.{i}"))
        return Memory(x, mask)

    def remember(self, memory: Memory) -> Memory:
        """The same with the keys and values of every block, made once for all steps to come."""
        layers = [block.cross.keys_values(memory.states) for block in self._blocks()]
        return memory._replace(layers=layers)

    def hidden(
        self,
        tokens: Int[Tensor, "B T"],
        *,
        memory: Memory | None = None,
        cache: KVCache | None = None,
        mask: Mask | None = None,
        positions: Int[Tensor, "B T"] | None = None,
        tap: Tap = NO_TAP,
    ) -> Float[Tensor, "B T D"]:
        """The stream above the decoder's last block; see :meth:`forward`.

        Without ``mask`` a token sees those before it; without ``positions`` they are counted from
        the begin of the row.
        """
        memory = self._checked(memory, len(tokens))
        positions = self._positions(tokens, cache) if positions is None else positions
        mask = causal_mask(tokens.shape[1], cache, tokens.device) if mask is None else mask
        x = self._embedded(tokens, positions, tap=tap)
        for i, block in enumerate(self._blocks()):
            made = None if memory.layers is None else memory.layers[i]
            x = block(
                x,
                block.cross.keys_values(memory.states) if made is None else made,
                mask=mask,
                source_mask=memory.mask,
                cache=None if cache is None else cache.layer(i),
                tap=tap.at(f"h.{i}"),
            )
        if cache is not None:
            cache.advance(tokens.shape[1])
        return tap("ln_f", x)

    def unembed(
        self, x: Float[Tensor, "*axes D"], *, tap: Tap = NO_TAP
    ) -> Float[Tensor, "*axes V"]:
        """Scores by the dot product with every token embedding."""
        return tap("logits", F.linear(x, self.wte.weight))

    @property
    def head(self) -> Float[Tensor, "V D"]:
        """The matrix of :meth:`unembed`: the token embedding again."""
        return self.wte.weight

    def _embedded(
        self, tokens: Int[Tensor, "B T"], positions: Int[Tensor, "*B T"], *, tap: Tap
    ) -> Float[Tensor, "B T D"]:
        token = tap("wte", self.wte(tokens) * math.sqrt(self.config.n_embd))
        return self.drop(token + sinusoids(positions, self.config.n_embd, dtype=token.dtype))

    def _blocks(self) -> list[DecoderBlock]:
        return [block for block in self.h if isinstance(block, DecoderBlock)]

    def _checked(self, memory: Memory | None, n_rows: int) -> Memory:
        if memory is None:
            raise ConfigError(
                "An encoder-decoder was asked to write without a source.",
                "Give memory=model.encode(source).",
            )
        if len(memory.states) != n_rows:
            raise ConfigError(
                f"{n_rows} row(s) of tokens, but {len(memory.states)} of memory.",
                "Encode one source for each row of tokens.",
            )
        return memory
