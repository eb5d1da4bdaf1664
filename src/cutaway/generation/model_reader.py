"""The readable model as a reader: torch in, numpy out."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from cutaway.generation.choosing import Logits
from cutaway.generation.model_rows import ModelRows, as_logits, evaluating, mask_of, most_rows
from cutaway.generation.reader import CHUNK, logprobs_by_logits
from cutaway.generation.rows import Rows
from cutaway.models import Decoder, DecoderConfig

__all__ = ["ModelReader"]

_ROWS = 15  # 16 with the ruler, as far as matrix products keep a row's bits


class ModelReader:
    """The readable model: on any device, in any dtype, with every number open to taps.

    Args:
        model: that reads.
        n_vocab: entries of the vocabulary that have a token; all of them unless given.
        marker: as for :class:`~cutaway.generation.model_rows.ModelRows`.
    """

    def __init__(
        self, model: Decoder, *, n_vocab: int | None = None, marker: int | None = None
    ) -> None:
        self._model, self._marker = model, marker
        self._n_vocab = model.config.vocab_size if n_vocab is None else n_vocab

    @property
    def config(self) -> DecoderConfig:
        """The size of the model."""
        return self._model.config

    @property
    def dtype(self) -> str:
        """The kind of number that the weights are held in."""
        return str(self._model.wte.weight.dtype).removeprefix("torch.")

    def max_rows(self, n_total: int, *, exact: bool = True) -> int:
        """15, whatever their length; else 160, or as many as have a gigabyte of keys and values."""
        n = min(n_total, self.config.n_ctx)
        return _ROWS if exact else most_rows(self._model, n, least=_ROWS)

    def rows(self, histories: Sequence[Sequence[int]], *, n_total: int, exact: bool) -> Rows:
        """Texts to go on with; where it has to be exact, with the ruler of the rows."""
        return ModelRows(
            self._model,
            histories,
            n_total=n_total,
            n_vocab=self._n_vocab,
            ruler=exact,
            marker=self._marker,
        )

    def last_logits(self, ids: Sequence[int]) -> Logits:
        """The scores of the token behind a text."""
        with evaluating(self._model):
            x = self._hidden(ids)[-1:]
            return as_logits(self._model.unembed(x)[0, : self._n_vocab])

    def logits(self, texts: Sequence[tuple[Sequence[int], int]]) -> Iterator[Logits]:
        """The scores behind the last ids of each text, which is read by itself."""
        for ids, n_wanted in texts:
            with evaluating(self._model):
                parts = self._hidden(ids)[len(ids) - n_wanted :].split(CHUNK)
            for part in parts:
                with evaluating(self._model):
                    logits = as_logits(self._model.unembed(part)[:, : self._n_vocab])
                yield logits

    def logprobs(self, ids: Sequence[int], targets: Sequence[int]) -> list[float]:
        """The log-probabilities of targets, in float64."""
        return logprobs_by_logits(self, ids, targets)

    def _hidden(self, ids: Sequence[int]) -> Tensor:
        """The stream behind each token of a text, ``(T, D)``."""
        tokens = torch.tensor([list(ids)], device=self._model.wte.weight.device)
        mask = mask_of([ids], self._marker, tokens.device)
        return self._model.hidden(tokens, mask=mask)[0]
