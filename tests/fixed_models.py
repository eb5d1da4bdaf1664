"""Models whose probabilities can be worked out by hand."""

import math

import torch

from cutaway.models import GPT2, GPT2Config
from cutaway.tokenizers import Tokenizer

__all__ = ["favouring", "logprob_favouring", "uniform"]

N_VOCAB = 257  # every byte, and the end of text


def _bytes_only() -> Tokenizer:
    return Tokenizer.from_ranks({bytes([byte]): byte for byte in range(256)})


def uniform(n_ctx: int = 256) -> tuple[GPT2, Tokenizer]:
    """Every byte is as probable as any other, 1 in 257: all embeddings are zero."""
    model = GPT2(GPT2Config(vocab_size=N_VOCAB, n_ctx=n_ctx, n_embd=8, n_layer=1, n_head=2))
    with torch.no_grad():
        model.wte.weight.zero_()
    return model.eval(), _bytes_only()


def favouring(letters: str, n_ctx: int = 256) -> tuple[GPT2, Tokenizer]:
    """Letters that are likelier than all others, whatever came before, the first the likeliest.

    The final norm puts out its bias alone, 0.5 eight times, and only those letters' embeddings
    answer to it: the first scores 4 for each letter given, the next 4 less, all others 0.
    """
    model, tokenizer = uniform(n_ctx)
    with torch.no_grad():
        for rank, letter in enumerate(reversed(letters), start=1):
            model.wte.weight[ord(letter)] = float(rank)
        model.ln_f.weight.zero_()
        model.ln_f.bias.fill_(0.5)
    return model, tokenizer


def logprob_favouring(letters: str, text: str) -> float:
    """What :func:`favouring` gives a text: its log-probability in nats."""
    scores = {letter: 4.0 * rank for rank, letter in enumerate(reversed(letters), start=1)}
    total = sum(map(math.exp, scores.values())) + N_VOCAB - len(letters)
    return sum(scores.get(letter, 0.0) - math.log(total) for letter in text)
