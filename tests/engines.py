"""An engine for tests: the readable model, asked one token at a time, over blocks as the real ones.

Every token is a product of the same shapes whatever else is read with it, so a row's bits do not
depend on the batch or the pieces: the promise of the real engine, kept in the slowest way.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from cutaway.checkpoints import save_checkpoint
from cutaway.engine import Piece, Text
from cutaway.engine.blocks import BLOCK, BlockPool
from cutaway.generation import LanguageModel, load
from cutaway.generation.choosing import Logits, log_sums
from cutaway.generation.filters import log_softmax
from cutaway.generation.model_rows import as_logits
from cutaway.generation.reader import EngineReader
from cutaway.models import GPT2
from cutaway.nn import KVCache

__all__ = ["FakeEngine", "by_the_real_one"]


def by_the_real_one(lm: LanguageModel, folder: Path, dtype: str) -> LanguageModel:
    """A model saved in a folder and loaded with its engine; skips where none can be built."""
    save_checkpoint(folder, lm.model, lm.tokenizer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fast = load(folder, dtype=dtype, threads=1)
    if not isinstance(fast.reader, EngineReader):
        pytest.skip("no engine can be built here")
    return fast


class FakeEngine:
    """Keeps the contract of the engine, and counts what is asked of it.

    Args:
        model: that reads; its dtype is that of the logits.
        n_blocks: of 32 positions, that its cache has.
    """

    format = "float32"

    def __init__(self, model: GPT2, *, n_blocks: int = 1024) -> None:
        self.model, self.config = model, model.config
        self.pool = BlockPool(n_blocks, n_ctx=self.config.n_ctx, clear=self._clear, copy=self._copy)
        self._blocks: dict[int, KVCache] = {}
        self.reads: list[list[int]] = []  # lengths of the pieces of each call

    @property
    def n_read(self) -> int:
        """Tokens that were read in all."""
        return sum(map(sum, self.reads))

    @property
    def n_open(self) -> int:
        """Blocks that some text uses."""
        return self.pool.n_blocks - self.pool.n_free

    @property
    def block_bytes(self) -> int:
        return self._new_block().nbytes

    def new_text(self) -> Text:
        return Text(self.pool)

    @torch.inference_mode()
    def read(self, pieces: Sequence[Piece]) -> Logits:
        texts = [piece.text for piece in pieces]
        assert texts
        assert len(set(map(id, texts))) == len(texts)
        self.reads.append([len(piece.ids) for piece in pieces])
        needed = sum(self.pool.n_needed(piece.text, len(piece.ids)) for piece in pieces)
        self.pool.check_free(needed)
        logits: list[Tensor] = []
        for piece in pieces:
            assert 0 <= piece.n_wanted <= len(piece.ids) > 0
            piece.text.check_fits(len(piece.ids))
            piece.text.reserve(len(piece.ids))
            for i, token in enumerate(piece.ids):
                x = self._read_one(piece.text, token)
                if i >= len(piece.ids) - piece.n_wanted:
                    logits.append(self.model.unembed(x)[0])
        stacked = torch.stack(logits) if logits else torch.empty(0, self.config.vocab_size)
        return as_logits(stacked)

    def log_sums(self, logits: Logits) -> NDArray[np.float64]:
        return log_sums(logits)

    def score(self, pieces: Sequence[Piece], targets: Sequence[int]) -> NDArray[np.float64]:
        logprobs = log_softmax(self.read(pieces).astype(np.float64))
        return logprobs[np.arange(len(targets)), list(targets)]

    def _read_one(self, text: Text, token: int) -> Tensor:
        cache = self.model.new_cache()
        for start, number in zip(range(0, text.length, BLOCK), text.blocks, strict=False):
            block, n = self._blocks[number], min(BLOCK, text.length - start)
            cache.k[:, :, :, start : start + n] = block.k[:, :, :, :n]
            cache.v[:, :, :, start : start + n] = block.v[:, :, :, :n]
        cache.lengths = [text.length]
        x = self.model.hidden(torch.tensor([[token]]), cache=cache)[0]
        block, place = self._blocks[text.blocks[text.length // BLOCK]], text.length % BLOCK
        block.k[:, :, :, place] = cache.k[:, :, :, text.length]
        block.v[:, :, :, place] = cache.v[:, :, :, text.length]
        text.length += 1
        return x

    def _new_block(self) -> KVCache:
        config = self.config
        return KVCache(
            n_layer=config.n_layer,
            batch=1,
            n_head=config.n_head,
            n_ctx=BLOCK,
            head_dim=config.head_dim,
            dtype=self.model.wte.weight.dtype,
        )

    def _clear(self, number: int) -> None:
        self._blocks[number] = self._new_block()

    def _copy(self, source: int, target: int) -> None:
        self._blocks[target].k.copy_(self._blocks[source].k)
        self._blocks[target].v.copy_(self._blocks[source].v)
