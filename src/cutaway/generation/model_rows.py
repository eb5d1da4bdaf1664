"""The rows of a ragged batch inside the readable model: prefill, one token more, rows that fork.

A prompt is never padded, and read by itself or with others of its length. A step runs all rows at
once; where rows must not depend on each other to the last bit, prompts are read one by one, and a
*ruler* runs with them, a row of no text that is always there:

- one row and many are then the same kind of product (on CPUs one row alone takes another kernel,
  which adds up in another order);
- the ruler is as long as the next multiple of 64, so attention adds up the keys of a row in the
  same order whatever its neighbours' length.

So each row of a batch gets the bits that it would get in any other batch, as far as the machine's
matrix product allows it. Alone, the ruler costs a quarter of the speed; without it a row agrees to
rounding. The rest of the package sees rows without the ruler.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from cutaway.generation.choosing import Logits
from cutaway.generation.rows import Rows
from cutaway.models import Decoder
from cutaway.nn.masks import Mask, prefix_mask

__all__ = ["ModelRows", "as_logits", "evaluating", "mask_of", "most_rows"]

_BLOCK = 64
_MOST_ROWS = 160  # more are no faster
_MOST_BYTES = 1 << 30  # of their keys and values


@contextmanager
def evaluating(model: Decoder) -> Generator[None]:
    """Runs a model without gradients and dropout, and leaves it in the mode it was in."""
    was_training = model.training
    if was_training:
        model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        if was_training:
            model.train()


def as_logits(scores: Tensor) -> Logits:
    """Scores as an array on the CPU, in float32 where they were narrower."""
    scores = scores.detach()
    return (scores.float() if scores.dtype.itemsize < 4 else scores).cpu().numpy()


def most_rows(model: Decoder, n_positions: int, *, least: int) -> int:
    """Rows that are best run at once, where none has to have the bits that it would have alone.

    160, or as many as have a gigabyte of keys and values.

    Args:
        model: that runs them.
        n_positions: of the longest row.
        least: however long it is.
    """
    config, item = model.config, model.wte.weight.itemsize
    each = 2 * config.n_layer * config.n_att * n_positions * item
    return max(least, min(_MOST_ROWS, _MOST_BYTES // each))


def mask_of(
    texts: Sequence[Sequence[int]], marker: int | None, device: torch.device
) -> Mask | None:
    """The mask of texts of one length, of which all up to a marker sees each other both ways.

    None, for the model's own causal mask, where there is no marker.
    """
    if marker is None or all(marker not in text for text in texts):
        return None
    prefix = [list(text).index(marker) + 1 if marker in text else 0 for text in texts]
    return prefix_mask(torch.tensor(prefix, device=device), len(texts[0]))


class ModelRows(Rows):
    """Texts that a model has read, each with its keys and values, and the scores behind them.

    Args:
        model: that reads.
        histories: the ids of each row; equal ones are read once.
        n_total: tokens of the longest text that any row may become.
        n_vocab: entries of the vocabulary that have a token; scores of padding behind are cut off.
        ruler: whether the bits of a row must not depend on the other rows.
        marker: the token whose first occurrence ends the tokens that see each other both ways, for
            a model that has learned so; None where no token sees those behind it.
    """

    def __init__(
        self,
        model: Decoder,
        histories: Sequence[Sequence[int]],
        *,
        n_total: int,
        n_vocab: int,
        ruler: bool = False,
        marker: int | None = None,
    ) -> None:
        n_ctx = model.config.n_ctx
        super().__init__(histories, n_ctx=n_ctx)
        self._model, self._n_vocab, self._ruler = model, n_vocab, ruler
        self._marker = marker
        self._block = _BLOCK if n_ctx % _BLOCK == 0 else n_ctx
        with evaluating(model):
            self._cache = model.new_cache(len(histories) + ruler, self._round_up(n_total))
            self.logits = as_logits(self._read_all())

    def _read_tokens(self, tokens: Sequence[int], slid: Sequence[int]) -> None:
        with evaluating(self._model):
            for row in slid:
                self._slide(row)
            column = list(tokens)
            if self._ruler:
                lengths = self._cache.lengths
                lengths[-1] = self._round_up(max(lengths[:-1]) + 1) - 1
                column.append(0)
            new = torch.tensor(column, device=self._cache.k.device)[:, None]
            x = self._model.hidden(new, cache=self._cache)[:, -1]  # (B, D), the ruler last
            scores = self._model.unembed(x)[: len(tokens), : self._n_vocab]
            self.logits = as_logits(scores)

    def _keep(self, rows: Sequence[int]) -> None:
        with torch.inference_mode():
            ruler = [len(self._histories)] if self._ruler else []
            self._cache.select([*rows, *ruler])
            self.logits = self.logits[list(rows)]

    def _round_up(self, n: int) -> int:
        return min(-(-n // self._block) * self._block, self._n_ctx)

    def _read_all(self) -> Tensor:
        """Reads each different history once, and copies its keys and values to its rows."""
        rows_of: dict[tuple[int, ...], list[int]] = {}
        for row in range(len(self._histories)):
            rows_of.setdefault(tuple(self._window(row)), []).append(row)
        alike: dict[int, list[tuple[int, ...]]] = {}
        for number, window in enumerate(rows_of):
            alike.setdefault(number if self._ruler else -len(window), []).append(window)
        scores: dict[int, Tensor] = {}
        for windows in alike.values():
            x = self._read(windows, [rows_of[window] for window in windows])
            logits = self._model.unembed(x)[:, : self._n_vocab]
            for window, row_scores in zip(windows, logits, strict=True):
                scores.update(dict.fromkeys(rows_of[window], row_scores))
        return torch.stack([scores[row] for row in range(len(self._histories))])

    def _read(self, texts: Sequence[Sequence[int]], rows: Sequence[Sequence[int]]) -> Tensor:
        """Reads texts of one length into the cache, each into its rows; the streams behind them."""
        apart = self._model.new_cache(len(texts), len(texts[0]))
        tokens = torch.tensor([list(text) for text in texts], device=apart.k.device)
        mask = mask_of(texts, self._marker, tokens.device)
        x = self._model.hidden(tokens, cache=apart, mask=mask)[:, -1]  # (B, D)
        for source, targets in enumerate(rows):
            for row in targets:
                self._cache.copy_row(row, apart, source)
        return x

    def _slide(self, row: int) -> None:
        """Reads the kept part of a row again; its last token is yet to come."""
        kept = self._window(row)[:-1]
        if kept:
            self._read([kept], [[row]])
        else:
            self._cache.lengths[row] = 0
