"""The next token of a text, by its settings: what :mod:`filters` and :mod:`draw` say, only sooner.

The plain way makes several float64 arrays of the whole vocabulary. Most settings leave few tokens
to draw from, and these can be found and drawn from alone. Sums over few tokens are rounded
otherwise than sums over all, by some 1e-11 of the whole at most; so where a decision (the border
of a filter, the border between two tokens) is nearer than 1e-9, the plain way decides it. The token
is therefore always the one that the plain way gives.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cutaway.generation.draw import DrawKey, best, draw, uniform
from cutaway.generation.filters import adjust, narrow, softmax
from cutaway.generation.settings import GenerationConfig

__all__ = ["Logits", "choose", "choose_plainly", "log_probabilities", "log_sums"]

_MARGIN = 1e-9
_STRIDE = 64  # scores of which only the best is looked at, to find how high the k-th best must be
_WIDTHS = (64, 512, 4096, 16384)  # of a shortlist that has to hold a certain mass

Logits = NDArray[np.floating[Any]]
Row = Logits  # (V,)


def choose(logits: Row, history: Sequence[int], *, config: GenerationConfig, key: DrawKey) -> int:
    """The token that comes next.

    Args:
        logits: the model's scores of it, ``(V,)`` in float32 or float64.
        history: all ids so far, prompt included, that rules of repetition count.
        config: how it is chosen.
        key: of the draw, if it is drawn.

    Raises:
        ConfigError: if no token may be chosen, or a score is not a number.
    """
    scores = _adjusted(logits, history, config)
    token = _best(scores) if config.is_greedy else _drawn(scores, config, uniform(key))
    if token is not None:
        return token
    return choose_plainly(logits[None], [history], config=config, keys=[key])[0]


def choose_plainly(
    logits: Logits,
    histories: Sequence[Sequence[int]],
    *,
    config: GenerationConfig,
    keys: Sequence[DrawKey],
) -> list[int]:
    """The next token of each row ``(B, V)``, by the definition: all scores through all filters.

    Raises:
        ConfigError: if no token of a row may be chosen, or a score is not a number.
    """
    scores = adjust(logits.astype(np.float64), histories, config=config)
    return best(scores) if config.is_greedy else draw(narrow(scores, config=config), keys)


@np.errstate(all="ignore")
def log_sums(logits: Logits) -> NDArray[np.float64]:
    """For each row ``(B, V)`` the log of the sum of exp: a log-probability is a logit less this.

    Exponentials have the precision of the logits, sums are in float64. Row by row: many rows at
    once leave a CPU's caches, and cost five times as much.
    """
    sums = np.empty(len(logits))
    for i, row in enumerate(logits):
        top = row.max()
        weights = row - top
        np.exp(weights, out=weights)
        sums[i] = float(top) + math.log(weights.sum(dtype=np.float64))
    return sums


def log_probabilities(logits: Row, log_sum: float) -> NDArray[np.float64]:
    """The logarithm of each token's probability, in float64; ``log_sum`` is of :func:`log_sums`."""
    return logits.astype(np.float64) - log_sum


def _adjusted(logits: Row, history: Sequence[int], config: GenerationConfig) -> Row:
    """The scores that are chosen by, as they are where nothing is to be done to them."""
    if config.logit_bias or config.repetition_penalty != 1.0 or config.no_repeat_ngram:
        return adjust(logits.astype(np.float64)[None], [history], config=config)[0]
    return logits


def _best(scores: Row) -> int | None:
    token = int(scores.argmax())
    return token if math.isfinite(scores[token]) else None


@np.errstate(all="ignore")
def _drawn(scores: Row, config: GenerationConfig, u: float) -> int | None:
    """The token at ``u`` of the running sum, or None where the plain way has to say."""
    top = float(scores.max())
    if not math.isfinite(top) or config.typical_p < 1.0:
        return None
    if 0 < config.top_k < len(scores):
        found = _top_k(scores, top, config)
    elif config.top_p < 1.0:
        found = _nucleus(scores, top, config)
    elif config.min_p:
        least = top + config.temperature * math.log(config.min_p)
        found = _Shortlist.of(scores, _below(least, top), top, config)
    else:
        return _at(_all_probs(scores, top, config), u)
    if found is not None and config.min_p:
        found = found.min_p(config.min_p)
    if found is None:
        return None
    place = _at(found.weights, u)
    return None if place is None else int(found.ids[place])


@dataclass(frozen=True, slots=True)
class _Shortlist:
    """Some of the tokens: ids from low to high, scores after the temperature."""

    ids: NDArray[np.intp]
    scores: NDArray[np.float64]

    @classmethod
    def of(cls, scores: Row, least: float, top: float, config: GenerationConfig) -> "_Shortlist":
        """The tokens that score ``least`` or more, and perhaps a few that score a bit less."""
        ids = np.flatnonzero(scores >= np.nextafter(scores.dtype.type(least), -np.inf))
        return cls(ids, _heated(scores[ids].astype(np.float64), top, config))

    def where(self, is_kept: NDArray[np.bool_]) -> "_Shortlist":
        return _Shortlist(self.ids[is_kept], self.scores[is_kept])

    @property
    def weights(self) -> NDArray[np.float64]:
        """Probabilities over that of the best token."""
        return np.exp(self.scores - self.scores.max())

    def top_k(self, k: int) -> "_Shortlist":
        rank = len(self.ids) - k
        return self.where(self.scores >= np.partition(self.scores, rank)[rank])

    def top_p(self, p: float, probs: NDArray[np.float64]) -> "_Shortlist | None":
        order = np.argsort(-self.scores, kind="stable")
        before = probs[order].cumsum() - probs[order]
        if np.abs(before - p).min() < _MARGIN:
            return None
        is_kept = np.zeros(len(order), dtype=np.bool_)
        is_kept[order] = before < p
        return self.where(is_kept)

    def min_p(self, p: float) -> "_Shortlist | None":
        weights = self.weights
        return None if np.abs(weights - p).min() < _MARGIN * p else self.where(weights >= p)


def _top_k(scores: Row, top: float, config: GenerationConfig) -> _Shortlist | None:
    least = _some_least(scores, config.top_k)
    if least == -math.inf:
        return None
    found = _Shortlist.of(scores, _below(least, top), top, config).top_k(config.top_k)
    if config.top_p == 1.0:
        return found
    return found.top_p(config.top_p, found.weights / found.weights.sum())


def _nucleus(scores: Row, top: float, config: GenerationConfig) -> _Shortlist | None:
    """The tokens of top-p, looked for among ever more of the best."""
    probs = _all_probs(scores, top, config)
    for width in _WIDTHS:
        if width >= len(scores):
            return None
        found = _Shortlist.of(scores, _below(_some_least(scores, width), top), top, config)
        if probs[found.ids].sum() > config.top_p + _MARGIN:
            return found.top_p(config.top_p, probs[found.ids])
    return None


def _some_least(scores: Row, k: int) -> float:
    """A score that at least ``k`` tokens reach, and not many more."""
    n_columns = max(len(scores) // _STRIDE, 4 * k)
    n_rows = len(scores) // n_columns
    if n_rows > 1:
        scores = scores[: n_rows * n_columns].reshape(n_rows, n_columns).max(0)
    rank = len(scores) - k
    return float(np.partition(scores, rank)[rank])


def _below(least: float, top: float) -> float:
    """A little lower, so that nothing is missed that a temperature makes equal."""
    return least - _MARGIN * (top - least)


def _heated(
    scores: NDArray[np.float64], top: float, config: GenerationConfig
) -> NDArray[np.float64]:
    if config.temperature == 1.0:
        return scores
    return (scores - top) / max(config.temperature, float(np.finfo(np.float64).tiny))


def _all_probs(scores: Row, top: float, config: GenerationConfig) -> NDArray[np.float64]:
    return softmax(_heated(scores.astype(np.float64), top, config))


def _at(weights: NDArray[np.float64], u: float) -> int | None:
    """The first place where the running sum exceeds ``u`` of the whole, if it is clearly there."""
    n_columns = math.isqrt(len(weights))
    whole = weights[: n_columns * n_columns].reshape(n_columns, n_columns)
    reached = np.append(whole.sum(1), weights[n_columns * n_columns :].sum()).cumsum()
    wanted, margin = u * reached[-1], _MARGIN * reached[-1]
    row = min(int(reached.searchsorted(wanted, side="right")), n_columns)
    before = reached[row - 1] if row else 0.0
    start = row * n_columns
    end = start + n_columns if row < n_columns else len(weights)
    within = weights[start:end].cumsum() + before
    place = int(within.searchsorted(wanted, side="right"))
    if place == len(within) or within[place] - wanted < margin:
        return None
    under = within[place - 1] if place else before
    return start + place if wanted - under >= margin or start + place == 0 else None
