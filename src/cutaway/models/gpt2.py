"""GPT-2: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners".

Read it beside sections 1.6 and 2.3 of Jay Alammar's *The Illustrated GPT-2*, from
:class:`GPT2` at the bottom upwards: embeddings, a stack of decoder blocks, a final layer norm,
and scores for the whole vocabulary. Names are OpenAI's; axes are those of :mod:`cutaway.nn`.

Each ``tap(name, value)`` returns ``value``: it is where the explorer looks in.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from cutaway.models.config import GPT2Config
from cutaway.models.decoder import Decoder
from cutaway.nn import NO_TAP, Conv1D, KVCache, LayerCache, Tap
from cutaway.nn.attention import attend, merge_heads, split_heads
from cutaway.nn.dropout import Dropout
from cutaway.nn.init import init_weights
from cutaway.nn.masks import Mask, causal_mask

__all__ = ["GPT2", "Block", "GPT2Config"]


class SelfAttention(nn.Module):
    """Masked multi-head self-attention (the article, sections 2.1 to 2.3)."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.n_head = config.n_head
        self.dropout = config.dropout
        self.c_attn = Conv1D(config.n_embd, 3 * config.n_embd)
        self.c_proj = Conv1D(config.n_embd, config.n_embd)

    def forward(
        self, x: Float[Tensor, "B T D"], *, mask: Mask, cache: LayerCache | None, tap: Tap
    ) -> Float[Tensor, "B T D"]:
        """Lets every token gather from itself and the tokens before it."""
        qkv = tap("qkv", self.c_attn(x))  # (B, T, 3D): one big product makes all three
        q, k, v = (split_heads(part, self.n_head) for part in qkv.chunk(3, dim=-1))
        q, k, v = tap("q", q), tap("k", k), tap("v", v)  # (B, H, T, K)
        if cache is not None:
            k, v = cache.extend(k, v)  # (B, H, S, K): the earlier tokens' keys and values, reused
        dropout = self.dropout if self.training else 0.0
        z = tap("z", attend(q, k, v, mask=mask, dropout=dropout, tap=tap))  # (B, H, T, K)
        return self.c_proj(merge_heads(z))


class MLP(nn.Module):
    """The fully connected network of a block: wider by four, and back (section 2.4)."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.c_fc = Conv1D(config.n_embd, config.n_inner)
        self.c_proj = Conv1D(config.n_inner, config.n_embd)

    def forward(self, x: Float[Tensor, "B T D"], *, tap: Tap) -> Float[Tensor, "B T D"]:
        """Works on every token by itself; GELU in its tanh form (Hendrycks and Gimpel 2016)."""
        pre = tap("pre", self.c_fc(x))  # (B, T, F)
        post = tap("post", F.gelu(pre, approximate="tanh"))
        return self.c_proj(post)


class Block(nn.Module):
    """A decoder block: two additions to the residual stream, each behind a layer norm."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.attn = SelfAttention(config)
        self.ln_2 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.mlp = MLP(config)
        self.drop = Dropout(config.dropout)

    def forward(
        self, x: Float[Tensor, "B T D"], *, mask: Mask, cache: LayerCache | None, tap: Tap
    ) -> Float[Tensor, "B T D"]:
        """Reads the residual stream twice and adds what it found."""
        x = tap("resid_pre", x)
        a = self.attn(tap("ln_1", self.ln_1(x)), mask=mask, cache=cache, tap=tap.at("attn"))
        x = tap("resid_mid", x + self.drop(tap("attn_out", a)))
        m = self.mlp(tap("ln_2", self.ln_2(x)), tap=tap.at("mlp"))
        return tap("resid_post", x + self.drop(tap("mlp_out", m)))


class GPT2(Decoder):
    """The whole model: token ids in, one score for every word of the vocabulary out.

    Args:
        config: the size.
        seed: of the initial weights; the global random state is not touched.

    >>> model = GPT2(GPT2Config(vocab_size=100, n_ctx=8, n_embd=16, n_layer=2, n_head=4))
    >>> model(torch.tensor([[3, 1, 4]])).shape
    torch.Size([1, 3, 100])
    """

    def __init__(self, config: GPT2Config, *, seed: int = 0) -> None:
        super().__init__()
        self.config: GPT2Config = config  # pyright: ignore[reportIncompatibleVariableOverride]
        # Embedding.from_pretrained and an empty tensor: init_weights fills it, once.
        tokens = torch.empty(config.vocab_size, config.n_embd)
        places = torch.empty(config.n_ctx, config.n_embd)
        self.wte = nn.Embedding.from_pretrained(tokens, freeze=False)
        self.wpe = nn.Embedding.from_pretrained(places, freeze=False)
        self.drop = Dropout(config.dropout)
        self.h = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        init_weights(self, n_layer=config.n_layer, seed=seed)

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
        positions: Int[Tensor, "B T"] | None = None,
        tap: Tap = NO_TAP,
    ) -> Float[Tensor, "B T D"]:
        """The residual stream above the last block, normalised; see :meth:`forward`.

        Without ``mask`` a token sees those before it; without ``positions`` they are counted from
        the begin of the row.
        """
        positions = self._positions(tokens, cache) if positions is None else positions
        mask = causal_mask(tokens.shape[1], cache, tokens.device) if mask is None else mask
        token, position = tap("wte", self.wte(tokens)), tap("wpe", self.wpe(positions))
        x = self.drop(token + position)
        for i, block in enumerate(self.h):
            layer_cache = None if cache is None else cache.layer(i)
            x = block(x, mask=mask, cache=layer_cache, tap=tap.at(f"h.{i}"))
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
