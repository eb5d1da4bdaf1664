"""Music for tests: a short performance, a short soprano, and models of random weights."""

from collections.abc import Callable

from cutaway.generation import LanguageModel
from cutaway.models import GPT2, GPT2Config
from cutaway.music.notes import Note, Performance
from cutaway.music.vocabulary import chorale_tokenizer, performance_tokenizer

__all__ = ["SOPRANO", "TUNE", "chorale_model", "piano_model"]

TUNE = Performance(
    [Note(0.25 * i, 0.25 * i + 0.2, pitch, 60 + i) for i, pitch in enumerate((60, 64, 67, 72, 67))]
)
SOPRANO = [67, 67, 67, 67, 69, 69, None, 71]


def piano_model(enliven: Callable[..., GPT2], *, n_ctx: int = 24, seed: int = 1) -> LanguageModel:
    """A model of performances that plays at random, in float64."""
    tokenizer = performance_tokenizer()
    return LanguageModel(_random(enliven, tokenizer.vocab_size, n_ctx, seed), tokenizer)


def chorale_model(enliven: Callable[..., GPT2], *, n_ctx: int = 40, seed: int = 1) -> LanguageModel:
    """A model of chorales that writes at random, in float64."""
    tokenizer = chorale_tokenizer()
    return LanguageModel(_random(enliven, tokenizer.vocab_size, n_ctx, seed), tokenizer)


def _random(enliven: Callable[..., GPT2], n_vocab: int, n_ctx: int, seed: int) -> GPT2:
    size = GPT2Config(vocab_size=n_vocab, n_ctx=n_ctx, n_embd=20, n_layer=2, n_head=5)
    return enliven(GPT2(size), seed=seed).double()
