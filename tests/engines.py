"""An engine for tests: the readable model, asked one token at a time, with a cache for each text.

Every token is a product of the same shapes whatever else is read with it, so a row's bits do not
depend on the batch or the pieces: the promise of the real engine, kept in the slowest way.
"""

from collections.abc import Sequence
from types import SimpleNamespace
from weakref import WeakSet

import torch
from torch import Tensor

from cutaway.engine import Piece
from cutaway.models import GPT2

__all__ = ["FakeEngine", "FakeText"]


class FakeText:
    """A text with a cache of its own."""

    def __init__(self, engine: "FakeEngine") -> None:
        self.engine, self.cache = engine, engine.model.new_cache()
        self.is_open = True
        engine.texts.add(self)

    @property
    def length(self) -> int:
        return self.cache.lengths[0]

    def fork(self) -> "FakeText":
        assert self.is_open
        copy = FakeText(self.engine)
        copy.cache.k.copy_(self.cache.k)
        copy.cache.v.copy_(self.cache.v)
        copy.cache.lengths = list(self.cache.lengths)
        return copy

    def truncate(self, length: int) -> None:
        assert self.is_open
        self.cache.truncate([length])

    def close(self) -> None:
        self.is_open = False


class FakeEngine:
    """Keeps the contract of the engine, and counts what is asked of it.

    Args:
        model: that reads; its dtype is that of the logits.
        n_blocks: of 32 positions, that it says its cache has.
    """

    format = "float32"

    def __init__(self, model: GPT2, *, n_blocks: int = 4096) -> None:
        self.model, self.config = model, model.config
        self.pool = SimpleNamespace(n_blocks=n_blocks)
        self.texts: WeakSet[FakeText] = WeakSet()
        self.reads: list[list[int]] = []  # lengths of the pieces of each call

    @property
    def n_read(self) -> int:
        """Tokens that were read in all."""
        return sum(map(sum, self.reads))

    @property
    def n_open(self) -> int:
        """Texts that nobody closed."""
        return sum(text.is_open for text in self.texts)

    @property
    def nbytes(self) -> int:
        weights = sum(weight.nbytes for weight in self.model.parameters())
        return weights + sum(text.cache.nbytes for text in self.texts if text.is_open)

    def new_text(self) -> FakeText:
        return FakeText(self)

    @torch.inference_mode()
    def read(self, pieces: Sequence[Piece]) -> Tensor:
        texts = [piece.text for piece in pieces]
        assert texts
        assert len(set(map(id, texts))) == len(texts)
        self.reads.append([len(piece.ids) for piece in pieces])
        logits: list[Tensor] = []
        for piece in pieces:
            assert 0 <= piece.n_wanted <= len(piece.ids) > 0
            text = piece.text
            assert isinstance(text, FakeText)
            assert text.is_open
            for i, token in enumerate(piece.ids):
                x = self.model.hidden(torch.tensor([[token]]), cache=text.cache)[0]
                if i >= len(piece.ids) - piece.n_wanted:
                    logits.append(self.model.unembed(x)[0])
        return torch.stack(logits) if logits else torch.empty(0, self.config.vocab_size)

    def score(self, pieces: Sequence[Piece], targets: Sequence[int]) -> Tensor:
        logprobs = self.read(pieces).double().log_softmax(-1)
        return logprobs.gather(1, torch.tensor(targets)[:, None])[:, 0]
