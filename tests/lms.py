"""Language models for tests: a vocabulary of all bytes and a few words, and small networks."""

from collections.abc import Callable

import torch
from hypothesis import strategies as st

from cutaway.generation import LanguageModel
from cutaway.models import GPT2, GPT2Config
from cutaway.tokenizers import Tokenizer

__all__ = ["byte_tokenizer", "ids_only", "language_model", "small_sizes"]

WORDS = ["th", "the", " a", "an", " the", "\u4f60", "\u4f60\u597d", "in", "ing"]


def byte_tokenizer() -> Tokenizer:
    """All 256 bytes and some words that share beginnings: 266 entries with the end of text."""
    ranks = {bytes([byte]): byte for byte in range(256)}
    for word in WORDS:
        data = word.encode()
        for n in range(2, len(data) + 1):  # every beginning, so that merges can reach it
            ranks.setdefault(data[:n], len(ranks))
    return Tokenizer.from_ranks(ranks)


def language_model(
    enliven: Callable[..., GPT2],
    *,
    n_ctx: int = 24,
    dtype: torch.dtype = torch.float64,
    seed: int = 1,
) -> LanguageModel:
    """A model that writes bytes, in float64 so that two orders of summation give one text."""
    tokenizer = byte_tokenizer()
    size = GPT2Config(vocab_size=tokenizer.vocab_size, n_ctx=n_ctx, n_embd=20, n_layer=2, n_head=5)
    return LanguageModel(enliven(GPT2(size), seed=seed).to(dtype), tokenizer)


def ids_only(
    enliven: Callable[..., GPT2], *, vocab_size: int, n_ctx: int = 12, seed: int = 1
) -> LanguageModel:
    """A model without a tokenizer, over so few tokens that all texts can be listed."""
    size = GPT2Config(vocab_size=vocab_size, n_ctx=n_ctx, n_embd=20, n_layer=2, n_head=5)
    return LanguageModel(enliven(GPT2(size), seed=seed).double())


def small_sizes(*, most_width: int, most_layers: int) -> st.SearchStrategy[GPT2Config]:
    """Sizes of small models, heads of at most ``most_width``."""
    return st.builds(
        lambda heads, width, **sizes: GPT2Config(n_head=heads, n_embd=heads * width, **sizes),
        heads=st.integers(1, 3),
        width=st.integers(1, most_width),
        vocab_size=st.integers(1, 140),
        n_ctx=st.integers(1, 9),
        n_layer=st.integers(1, most_layers),
    )
