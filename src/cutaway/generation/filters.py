"""What is done to the scores of the next token before one is chosen.

Pure functions of logits ``(B, V)``: a token that may not be chosen gets minus infinity. They are
those of Hugging Face transformers to the letter, so that a setting means here what it means there;
where OpenAI's sampler differs, the function says so.
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from cutaway.generation.settings import GenerationConfig

__all__ = [
    "adjust",
    "bias_logits",
    "forbid_repeated_ngrams",
    "heat",
    "keep_min_p",
    "keep_top_k",
    "keep_top_p",
    "keep_typical",
    "narrow",
    "penalise_repetition",
]

Scores = Float[Tensor, "B V"]


def adjust(
    scores: Scores, histories: Sequence[Sequence[int]], *, config: GenerationConfig
) -> Scores:
    """Applies what depends on the text so far or on the token: bias, penalty, n-grams.

    Args:
        scores: logits, or log-probabilities in a beam search.
        histories: for each row all ids so far, prompt included.
        config: which of them, and how much.
    """
    if config.logit_bias:
        scores = bias_logits(scores, config.logit_bias)
    if config.repetition_penalty != 1.0:
        scores = penalise_repetition(scores, histories, penalty=config.repetition_penalty)
    if config.no_repeat_ngram:
        scores = forbid_repeated_ngrams(scores, histories, n=config.no_repeat_ngram)
    return scores


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


def bias_logits(scores: Scores, bias: Mapping[int, float]) -> Scores:
    """Adds ``bias[id]`` to the score of each token named."""
    index = torch.tensor(list(bias), device=scores.device)
    values = torch.tensor(list(bias.values()), dtype=scores.dtype, device=scores.device)
    return scores.index_add(1, index, values.expand(len(scores), -1))


def penalise_repetition(
    scores: Scores, histories: Sequence[Sequence[int]], *, penalty: float
) -> Scores:
    """Makes each token of the text so far less likely: Keskar et al. 2019 (CTRL), section 4.1.

    A positive score is divided by the penalty, a negative one multiplied, once for each distinct
    token however often it occurred.
    """
    scores = scores.clone()
    for row, history in zip(scores, histories, strict=True):
        seen = torch.tensor(sorted(set(history)), device=scores.device)
        old = row[seen]
        row[seen] = torch.where(old < 0, old * penalty, old / penalty)
    return scores


def forbid_repeated_ngrams(scores: Scores, histories: Sequence[Sequence[int]], *, n: int) -> Scores:
    """Bans every token that would complete a run of ``n`` tokens that the text already has."""
    scores = scores.clone()
    for row, history in zip(scores, histories, strict=True):
        banned = _completions(history, n)
        if banned:
            row[torch.tensor(banned, device=scores.device)] = -torch.inf
    return scores


def _completions(history: Sequence[int], n: int) -> list[int]:
    """The tokens that followed an earlier occurrence of the last ``n - 1`` tokens."""
    start = tuple(history[len(history) - n + 1 :])
    if len(start) < n - 1:
        return []
    ends = range(n - 1, len(history))
    return sorted({history[i] for i in ends if tuple(history[i - n + 1 : i]) == start})


def heat(scores: Scores, temperature: float) -> Scores:
    """Divides the scores, counted from the best: above 1 evens them out, near 0 only that is left.

    Only differences of scores matter, and counted from 0 downwards they cannot overflow.
    """
    least = torch.finfo(scores.dtype).tiny
    return (scores - scores.amax(-1, keepdim=True)) / max(temperature, least)


def keep_top_k(scores: Scores, k: int) -> Scores:
    """Keeps the ``k`` best tokens; all that tie with the k-th stay, as in OpenAI's sampler."""
    if k >= scores.shape[-1]:
        return scores
    least = scores.topk(k).values[:, -1:]
    return scores.masked_fill(scores < least, -torch.inf)


def keep_top_p(scores: Scores, p: float) -> Scores:
    """Keeps the best tokens up to and with the one whose mass crosses ``p``: Holtzman et al. 2020.

    OpenAI's released sampler stops one token earlier (though it never drops the best).
    """
    best_first = scores.sort(dim=-1, descending=True, stable=True)
    probs = best_first.values.softmax(-1)
    before = probs.cumsum(-1) - probs  # the mass of all better tokens
    dropped = torch.zeros_like(scores, dtype=torch.bool)
    dropped.scatter_(1, best_first.indices, before >= p)
    return scores.masked_fill(dropped, -torch.inf)


def keep_min_p(scores: Scores, p: float) -> Scores:
    """Keeps tokens at least ``p`` times as likely as the best one: Nguyen et al. 2024."""
    probs = scores.softmax(-1)
    return scores.masked_fill(probs < p * probs.amax(-1, keepdim=True), -torch.inf)


def keep_typical(scores: Scores, mass: float) -> Scores:
    """Keeps the tokens whose surprise is nearest the entropy: Meister et al. 2022.

    In order of that distance, up to and with the token whose mass crosses ``mass``; all that tie
    with it stay.
    """
    logprobs = scores.log_softmax(-1)
    probs = logprobs.exp()
    entropy = -(probs * logprobs).nansum(-1, keepdim=True)  # 0 times -inf is no surprise
    distance = (-logprobs - entropy).abs()
    nearest_first = distance.sort(dim=-1, stable=True)
    reached = probs.gather(1, nearest_first.indices).cumsum(-1)
    last = (reached < mass).sum(-1, keepdim=True).clamp(max=scores.shape[-1] - 1)
    limit = nearest_first.values.gather(1, last)
    return scores.masked_fill(distance > limit, -torch.inf)
