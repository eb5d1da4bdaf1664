"""A decoder as the GPT-2 speedrun taught it: GPT-2's stack with six changes.

Since 2024 people race to train a model as good as GPT-2's small one (Jordan et al., modded-nanogpt;
Karpathy, nanochat). Of what they found, this file has the changes of the model that paid first and
are simple. Read it beside `gpt2.py`; what differs:

================================  =============================================================
rotary positions, no ``wpe``      Su et al. 2021, "RoFormer"
queries and keys normalised       Henry et al. 2020, "Query-Key Normalization for Transformers"
norms without mean and gain       Zhang and Sennrich 2019, "Root Mean Square Layer Normalization"
ReLU squared for GELU             So et al. 2021, "Primer", section 4
no biases; a head of its own      PaLM (Chowdhery et al. 2022, section 2); the speedrun, record 8
what adds to the stream starts 0  the speedrun's zero-initialised projections; see `nn/init.py`
================================  =============================================================

The embedding is normalised too, so the stream starts with the same length for every token.
Left out is the cap on logits (``15 tanh(x / 15)``): without it a logit is a sum of what was added
to the stream, which is what this package shows, and the loss needs no second formula.

Names are OpenAI's; axes are those of :mod:`cutaway.nn`. Taps have the names that they have in
GPT-2 where they mean the same; there is no ``wpe`` and no ``attn.qkv``.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from cutaway.models.config import ModernConfig
from cutaway.models.decoder import Decoder
from cutaway.nn import NO_TAP, KVCache, LayerCache, Projection, RMSNorm, Tap
from cutaway.nn.attention import attend, merge_heads, split_heads
from cutaway.nn.init import init_modern
from cutaway.nn.masks import Mask, causal_mask
from cutaway.nn.norm import rms_norm
from cutaway.nn.rotary import Rotation, rotate, rotation

__all__ = ["Modern", "ModernBlock", "ModernConfig"]


class SelfAttention(nn.Module):
    """Masked multi-head self-attention whose scores know distances, not places."""

    def __init__(self, config: ModernConfig) -> None:
        super().__init__()
        self.n_head = config.n_head
        # Three matrices, not one: Muon then makes each orthogonal by itself (Jordan et al. 2024).
        self.c_q = Projection(config.n_embd, config.n_embd)
        self.c_k = Projection(config.n_embd, config.n_embd)
        self.c_v = Projection(config.n_embd, config.n_embd)
        self.c_proj = Projection(config.n_embd, config.n_embd)

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        *,
        turn: Rotation,
        mask: Mask,
        cache: LayerCache | None,
        tap: Tap,
    ) -> Float[Tensor, "B T D"]:
        """Lets every token gather from itself and the tokens before it."""
        q, k, v = (split_heads(c(x), self.n_head) for c in (self.c_q, self.c_k, self.c_v))
        q, k = rotate(rms_norm(q), turn), rotate(rms_norm(k), turn)  # (B, H, T, K)
        q, k, v = tap("q", q), tap("k", k), tap("v", v)
        if cache is not None:
            k, v = cache.extend(k, v)  # (B, H, S, K): keys are kept as they were turned
        z = tap("z", attend(q, k, v, mask=mask, tap=tap))  # (B, H, T, K)
        return self.c_proj(merge_heads(z))


class MLP(nn.Module):
    """The fully connected network of a block: wider by four, and back."""

    def __init__(self, config: ModernConfig) -> None:
        super().__init__()
        self.c_fc = Projection(config.n_embd, config.n_inner)
        self.c_proj = Projection(config.n_inner, config.n_embd)

    def forward(self, x: Float[Tensor, "B T D"], *, tap: Tap) -> Float[Tensor, "B T D"]:
        """Works on every token by itself; a neuron gives the square of what is above 0."""
        pre = tap("pre", self.c_fc(x))  # (B, T, F)
        post = tap("post", F.relu(pre).square())
        return self.c_proj(post)


class ModernBlock(nn.Module):
    """A decoder block: two additions to the residual stream, each behind a norm."""

    def __init__(self, config: ModernConfig) -> None:
        super().__init__()
        self.ln_1 = RMSNorm()
        self.attn = SelfAttention(config)
        self.ln_2 = RMSNorm()
        self.mlp = MLP(config)

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        *,
        turn: Rotation,
        mask: Mask,
        cache: LayerCache | None,
        tap: Tap,
    ) -> Float[Tensor, "B T D"]:
        """Reads the residual stream twice and adds what it found."""
        x = tap("resid_pre", x)
        normed = tap("ln_1", self.ln_1(x))
        a = self.attn(normed, turn=turn, mask=mask, cache=cache, tap=tap.at("attn"))
        x = tap("resid_mid", x + tap("attn_out", a))
        m = self.mlp(tap("ln_2", self.ln_2(x)), tap=tap.at("mlp"))
        return tap("resid_post", x + tap("mlp_out", m))


class Modern(Decoder):
    """The whole model: token ids in, one score for every word of the vocabulary out.

    Args:
        config: the size.
        seed: of the initial weights; the global random state is not touched.

    >>> model = Modern(ModernConfig(vocab_size=100, n_ctx=8, n_embd=16, n_layer=2, n_head=4))
    >>> model(torch.tensor([[3, 1, 4]])).shape
    torch.Size([1, 3, 100])
    """

    def __init__(self, config: ModernConfig, *, seed: int = 0) -> None:
        super().__init__()
        self.config: ModernConfig = config  # pyright: ignore[reportIncompatibleVariableOverride]
        # Embedding.from_pretrained and an empty tensor: init_modern fills them, once.
        tokens = torch.empty(config.vocab_size, config.n_embd)
        self.wte = nn.Embedding.from_pretrained(tokens, freeze=False)
        self.h = nn.ModuleList(ModernBlock(config) for _ in range(config.n_layer))
        self.ln_f = RMSNorm()
        # Its own, unlike GPT-2's: a fresh stream is the token's embedding and nothing else, so with
        # a tied head it would be sure that every token comes again.
        self.lm_head = nn.Embedding.from_pretrained(torch.empty_like(tokens), freeze=False)
        init_modern(self, seed=seed)

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
        turn = self.rotation(positions)
        x = rms_norm(tap("wte", self.wte(tokens)))
        for i, block in enumerate(self.h):
            layer_cache = None if cache is None else cache.layer(i)
            x = block(x, turn=turn, mask=mask, cache=layer_cache, tap=tap.at(f"h.{i}"))
        if cache is not None:
            cache.advance(tokens.shape[1])
        return tap("ln_f", self.ln_f(x))

    def unembed(
        self, x: Float[Tensor, "*axes D"], *, tap: Tap = NO_TAP
    ) -> Float[Tensor, "*axes V"]:
        """Scores by the dot product with every row of the head (no bias)."""
        return tap("logits", F.linear(x, self.lm_head.weight))

    @property
    def head(self) -> Float[Tensor, "V D"]:
        """The matrix of :meth:`unembed`."""
        return self.lm_head.weight

    def rotation(self, positions: Int[Tensor, "*B T"]) -> Rotation:
        """How queries and keys at these positions are turned, in every block."""
        config = self.config
        dtype = self.wte.weight.dtype
        return rotation(positions, config.head_dim, base=config.rotary_base, dtype=dtype)
