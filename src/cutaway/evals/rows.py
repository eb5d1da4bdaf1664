"""The one way a measurement asks a model: log-probabilities of many rows of tokens, in batches."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from cutaway.errors import ConfigError, CorruptCheckpoint
from cutaway.generation import LanguageModel
from cutaway.generation.model_reader import ModelReader
from cutaway.generation.model_rows import evaluating
from cutaway.generation.reader import Reader
from cutaway.generation.scoring import windows
from cutaway.models import Decoder

__all__ = ["Row", "RowScore", "Scorer", "score_rows", "scorer_of", "window_rows"]

_BATCH = 1024  # tokens that the model reads at once, padding included: a CPU likes few
_POOL = 256 * _BATCH  # tokens that are sorted by length before they are cut into batches
_LOGITS = 2**22  # scores held at once: 16 MB in float32


Scorer = Decoder | Reader
"""What gives probabilities: the network itself, or what reads in its place."""


@dataclass(frozen=True, slots=True)
class Row:
    """Tokens to read, of which those from ``first`` on are predicted from all before them.

    Attributes:
        ids: at most ``n_ctx + 1`` of them; the last one is only predicted.
        first: index of the first predicted token, at least 1.
    """

    ids: Sequence[int]
    first: int = 1


@dataclass(frozen=True, slots=True)
class RowScore:
    """What a model gives the predicted tokens of a row.

    Attributes:
        n_tokens: predicted.
        logprob: natural logarithm of the probability of all of them together.
        is_greedy: whether each was the most probable token of its place.
    """

    n_tokens: int
    logprob: float
    is_greedy: bool


def score_rows(
    model: Scorer,
    rows: Iterable[Row],
    *,
    n_vocab: int,
    barred: Sequence[int] = (),
    batch_tokens: int = _BATCH,
) -> Iterator[RowScore]:
    """Scores rows in the order in which they come, however many there are.

    Rows of like length are read together, padded on the right; under the causal mask no token
    sees the padding behind it, so a score is that of the row alone, to rounding (some 1e-6).

    Args:
        model: that predicts.
        rows: any number; some 260,000 tokens are held at a time.
        n_vocab: entries of the vocabulary that have a token; scores of padding behind are cut off.
        barred: tokens that are no choice at the first predicted place of a row when it is asked
            for the most probable one; probabilities do not change.
        batch_tokens: that the model reads at once.

    Raises:
        ConfigError: if the vocabulary has more entries than the model.
        ContextLengthError: if a row is longer than the model's context.
        CorruptCheckpoint: if a score is not finite.
    """
    if n_vocab > model.config.vocab_size:
        raise ConfigError(
            f"The tokenizer has {n_vocab} entries, the model {model.config.vocab_size}.",
            "They belong to different models: load each with its own.",
        )
    vocabulary = _Vocabulary(n_vocab, tuple(barred))
    pool: list[Row] = []
    n_held = 0
    for row in rows:
        pool.append(row)
        n_held += len(row.ids)
        if n_held >= _POOL:
            yield from _score_pool(model, pool, vocabulary, batch_tokens)
            pool, n_held = [], 0
    yield from _score_pool(model, pool, vocabulary, batch_tokens)


def scorer_of(lm: LanguageModel) -> Scorer:
    """What scores rows: the engine if the model has one, else the network itself."""
    return lm.model if isinstance(lm.reader, ModelReader) else lm.reader


def window_rows(ids: Sequence[int], *, eot: int, n_ctx: int, stride: int) -> Iterator[Row]:
    """A text of any length as rows: every token predicted once, the first from ``eot``.

    >>> [(list(row.ids), row.first) for row in window_rows([1, 2, 3], eot=0, n_ctx=2, stride=1)]
    [([0, 1, 2], 1), ([1, 2, 3], 2)]
    """
    text = [eot, *ids]
    for window in windows(len(ids), n_ctx=n_ctx, stride=stride):
        yield Row(text[window.start : window.end + 1], first=window.first - window.start + 1)


class _Vocabulary(NamedTuple):
    """Entries that have a token, and those that are no choice where a row's predictions begin."""

    size: int
    barred: tuple[int, ...]


def _score_pool(
    model: Scorer, pool: Sequence[Row], vocabulary: _Vocabulary, batch_tokens: int
) -> list[RowScore]:
    """Scores of rows in their order; they are read from the longest to the shortest."""
    scores: dict[int, RowScore] = {}
    for places in _batches(pool, batch_tokens):
        batch = [pool[place] for place in places]
        if isinstance(model, Decoder):
            scored = _score_padded(model, batch, vocabulary)
        else:
            scored = _score_read(model, batch, vocabulary)
        scores.update(zip(places, scored, strict=True))
    return [scores[place] for place in range(len(pool))]


def _batches(pool: Sequence[Row], batch_tokens: int) -> Iterator[list[int]]:
    """Places in the pool, of rows that go together."""
    batch: list[int] = []
    longest = 0
    for place in sorted(range(len(pool)), key=lambda place: -len(pool[place].ids)):
        if batch and (len(batch) + 1) * longest > batch_tokens:
            yield batch
            batch = []
        longest = longest if batch else len(pool[place].ids)
        batch.append(place)
    if batch:
        yield batch


def _score_read(reader: Reader, batch: Sequence[Row], vocabulary: _Vocabulary) -> list[RowScore]:
    """Scores rows that a reader puts together as it likes."""
    counts = [len(row.ids) - row.first for row in batch]
    texts = [(row.ids[:-1], n) for row, n in zip(batch, counts, strict=True) if n]
    targets = torch.tensor([id for row in batch for id in row.ids[row.first :]], dtype=torch.long)
    logits = (torch.from_numpy(part)[:, : vocabulary.size] for part in reader.logits(texts))
    return _row_scores(*_predictions(logits, targets, counts, vocabulary.barred), counts)


def _score_padded(model: Decoder, batch: Sequence[Row], vocabulary: _Vocabulary) -> list[RowScore]:
    device = model.wte.weight.device
    width = max(len(row.ids) for row in batch)
    padded = [[*row.ids, *[0] * (width - len(row.ids))] for row in batch]
    tokens = torch.tensor(padded, device=device)
    place = torch.arange(1, width, device=device)
    first = torch.tensor([row.first for row in batch], device=device)[:, None]
    end = torch.tensor([len(row.ids) for row in batch], device=device)[:, None]
    is_scored = (place >= first) & (place < end)  # (B, T)
    targets, counts = tokens[:, 1:][is_scored], is_scored.sum(1).tolist()
    with evaluating(model):
        x = model.hidden(tokens[:, :-1])[is_scored]  # (N, D): only what is asked meets the head
        parts = x.split(max(1, _LOGITS // model.config.vocab_size))
        logits = (model.unembed(part)[:, : vocabulary.size] for part in parts)
        logprobs, is_best = _predictions(logits, targets, counts, vocabulary.barred)
    return _row_scores(logprobs, is_best, counts)


def _row_scores(logprobs: Tensor, is_best: Tensor, counts: list[int]) -> list[RowScore]:
    if not bool(logprobs.isfinite().all()):
        raise CorruptCheckpoint(
            "The model gives scores that are not finite.",
            "Its weights are damaged, or its precision is too low: load it in float32.",
        )
    parts = zip(logprobs.split(counts), is_best.split(counts), counts, strict=True)
    return [RowScore(n, float(part.sum()), bool(best.all())) for part, best, n in parts]


def _predictions(
    parts: Iterable[Tensor], targets: Tensor, counts: Sequence[int], barred: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """The log-probability of each target in float64, and whether no token scores higher.

    Args:
        parts: scores ``(N, V)`` of some places at a time.
        targets: of all places.
        counts: places of each row.
        barred: tokens that do not count as higher at the first place of a row.
    """
    logprobs = [targets.new_empty(0, dtype=torch.float64)]
    is_best = [targets.new_empty(0, dtype=torch.bool)]
    begins = torch.tensor([i == 0 for n in counts for i in range(n)], device=targets.device)
    out = torch.tensor(barred, dtype=torch.long, device=targets.device)
    for part in parts:
        n = len(part)
        target, targets = targets[:n], targets[n:]
        is_first, begins = begins[:n], begins[n:]
        logits = part.float()
        score = logits.gather(1, target[:, None])[:, 0]
        logprobs.append(score.double() - logits.logsumexp(1).double())
        choice = logits.argmax(1)
        if len(barred) and bool(is_first.any()):
            choice[is_first] = logits[is_first].index_fill(1, out, -torch.inf).argmax(1)
        is_best.append(choice == target)
    return torch.cat(logprobs), torch.cat(is_best)
