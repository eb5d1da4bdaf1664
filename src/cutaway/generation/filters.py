"""What is done to the scores of the next token before one is chosen.

Pure functions of logits ``(B, V)`` in float64: a token that may not be chosen gets minus infinity.
They are those of Hugging Face transformers to the letter, so that a setting means here what it
means there; where OpenAI's sampler differs, the function says so.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cutaway.generation.settings import GenerationConfig

__all__ = [
    "Scores",
    "adjust",
    "bias_logits",
    "forbid_repeated_ngrams",
    "heat",
    "keep_min_p",
    "keep_top_k",
    "keep_top_p",
    "keep_typical",
    "log_softmax",
    "narrow",
    "penalise_repetition",
    "softmax",
]

Scores = NDArray[np.float64]
_TINY = float(np.finfo(np.float64).tiny)
_QUIETLY = np.errstate(all="ignore")  # what is no number is found when a token is chosen


@_QUIETLY
def adjust(
    scores: Scores, histories: Sequence[Sequence[int]], *, config: GenerationConfig
) -> Scores:
    """Applies what depends on the text so far or on the token: bias, penalty, n-grams.

    Args:
        scores: logits, or log-probabilities in a beam search.
        histories: for each row all ids so far, prompt included, but for a source.
        config: which of them, and how much.
    """
    if config.logit_bias:
        scores = bias_logits(scores, config.logit_bias)
    if config.repetition_penalty != 1.0:
        scores = penalise_repetition(scores, histories, penalty=config.repetition_penalty)
    if config.no_repeat_ngram:
        scores = forbid_repeated_ngrams(scores, histories, n=config.no_repeat_ngram)
    return scores


@_QUIETLY
def narrow(scores: Scores, *, config: GenerationConfig) -> Scores:
    """Applies what shapes the distribution to draw from: temperature and the four filters."""
    if config.temperature != 1.0:
        scores = heat(scores, config.temperature)
    if config.top_k:
        scores = keep_top_k(scores, config.top_k)
    if config.top_p < 1.0:
        scores = keep_top_p(scores, config.top_p)
    if config.min_p:
        scores = keep_min_p(scores, config.min_p)
    if config.typical_p < 1.0:
        scores = keep_typical(scores, config.typical_p)
    return scores


@_QUIETLY
def softmax(scores: Scores) -> Scores:
    """Probabilities along the last axis; some score of each row is finite."""
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    return weights


@_QUIETLY
def log_softmax(scores: Scores) -> Scores:
    """Logarithms of :func:`softmax`."""
    result = scores - scores.max(-1, keepdims=True)
    result -= np.log(np.exp(result).sum(-1, keepdims=True))
    return result


def bias_logits(scores: Scores, bias: Mapping[int, float]) -> Scores:
    """Adds ``bias[id]`` to the score of each token named."""
    scores = scores.copy()
    scores[:, list(bias)] += list(bias.values())
    return scores


def penalise_repetition(
    scores: Scores, histories: Sequence[Sequence[int]], *, penalty: float
) -> Scores:
    """Makes each token of the text so far less likely: Keskar et al. 2019 (CTRL), section 4.1.

    A positive score is divided by the penalty, a negative one multiplied, once for each distinct
    token however often it occurred.
    """
    scores = scores.copy()
    for row, history in zip(scores, histories, strict=True):
        seen = sorted(set(history))
        old = row[seen]
        row[seen] = np.where(old < 0, old * penalty, old / penalty)
    return scores


def forbid_repeated_ngrams(scores: Scores, histories: Sequence[Sequence[int]], *, n: int) -> Scores:
    """Bans every token that would complete a run of ``n`` tokens that the text already has."""
    scores = scores.copy()
    for row, history in zip(scores, histories, strict=True):
        row[_completions(history, n)] = -np.inf
    return scores


def _completions(history: Sequence[int], n: int) -> list[int]:
    """The tokens that followed an earlier occurrence of the last ``n - 1`` tokens."""
    start = tuple(history[len(history) - n + 1 :])
    if len(start) < n - 1:
        return []
    ends = range(n - 1, len(history))
    return sorted({history[i] for i in ends if tuple(history[i - n + 1 : i]) == start})


@_QUIETLY
def heat(scores: Scores, temperature: float) -> Scores:
    """Divides the scores, counted from the best: above 1 evens them out, near 0 only that is left.

    Only differences of scores matter, and counted from 0 downwards they cannot overflow.
    """
    return (scores - scores.max(-1, keepdims=True)) / max(temperature, _TINY)


def keep_top_k(scores: Scores, k: int) -> Scores:
    """Keeps the ``k`` best tokens; all that tie with the k-th stay, as in OpenAI's sampler."""
    rank = scores.shape[-1] - k
    if rank <= 0:
        return scores
    least = np.partition(scores, rank)[:, rank, None]
    return np.where(scores < least, -np.inf, scores)


def keep_top_p(scores: Scores, p: float) -> Scores:
    """Keeps the best tokens up to and with the one whose mass crosses ``p``: Holtzman et al. 2020.

    OpenAI's released sampler stops one token earlier (though it never drops the best).
    """
    best_first = np.argsort(-scores, axis=-1, kind="stable")
    probs = softmax(np.take_along_axis(scores, best_first, axis=-1))
    before = probs.cumsum(-1) - probs  # the mass of all better tokens
    dropped = np.zeros(scores.shape, dtype=np.bool_)
    np.put_along_axis(dropped, best_first, before >= p, axis=-1)
    return np.where(dropped, -np.inf, scores)


def keep_min_p(scores: Scores, p: float) -> Scores:
    """Keeps tokens at least ``p`` times as likely as the best one: Nguyen et al. 2024."""
    probs = softmax(scores)
    return np.where(probs < p * probs.max(-1, keepdims=True), -np.inf, scores)


def keep_typical(scores: Scores, mass: float) -> Scores:
    """Keeps the tokens whose surprise is nearest the entropy: Meister et al. 2022.

    In order of that distance, up to and with the token whose mass crosses ``mass``; all that tie
    with it stay.
    """
    logprobs = log_softmax(scores)
    probs = np.exp(logprobs)
    surprises = np.where(probs > 0, -logprobs, 0.0)  # 0 times infinity is no surprise
    entropy = (probs * surprises).sum(-1, keepdims=True)
    distance = np.abs(-logprobs - entropy)
    nearest_first = np.argsort(distance, axis=-1, kind="stable")
    reached = np.take_along_axis(probs, nearest_first, axis=-1).cumsum(-1)
    last = np.minimum((reached < mass).sum(-1, keepdims=True), scores.shape[-1] - 1)
    limit = np.take_along_axis(distance, np.take_along_axis(nearest_first, last, -1), -1)
    return np.where(distance > limit, -np.inf, scores)
