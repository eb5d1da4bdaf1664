"""What generation returns: plain data, ready to be shown or written as JSON."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cutaway.generation.choosing import Logits
from cutaway.generation.filters import log_softmax
from cutaway.tokenizers import Tokenizer

__all__ = [
    "Candidate",
    "Completion",
    "FinishReason",
    "NextTokens",
    "StreamEvent",
    "best_candidates",
    "best_first",
    "next_tokens",
]

FinishReason = Literal["stop", "end_of_text", "length", "context"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A token that may come next.

    Attributes:
        id: in the vocabulary.
        text: what it writes; U+FFFD where its bytes are no whole character.
        bytes: what it writes, exactly.
        logit: the model's score.
        logprob: natural logarithm of its probability.
        prob: its probability among the whole vocabulary.
        rank: 1 for the likeliest.
    """

    id: int
    text: str
    bytes: bytes
    logit: float
    logprob: float
    prob: float
    rank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NextTokens:
    """The likeliest next tokens, best first, and the probability of all others together."""

    candidates: list[Candidate]
    rest_mass: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A text that the model wrote.

    Attributes:
        text: the new text, without a stop string or the end-of-text token that ended it.
        prompt: what it goes on from; decoded where ids were given.
        ids: every token that was chosen, those that ended the text included.
        prompt_ids: the tokens of the prompt; only ``<|endoftext|>`` where there was none.
        logprobs: of each token in ``ids`` as the model saw it, before any filter.
        top_logprobs: the likeliest tokens at each step, where they were asked for.
        finish_reason: ``"stop"`` at a stop string or id, ``"end_of_text"``, ``"length"`` as long
            as asked, ``"context"`` the model has no more positions; None while unfinished.
        seed: that gives this text again; None from a beam search, which draws nothing.
        index: which of the samples of its prompt.
    """

    text: str
    prompt: str
    ids: tuple[int, ...]
    prompt_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    top_logprobs: tuple[tuple[Candidate, ...], ...] | None
    finish_reason: FinishReason | None
    seed: int | None
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEvent:
    """One step of a text: a token, and the characters that are certain by now.

    Attributes:
        text: whole characters only, often none; joined, the texts of all events are
            :attr:`Completion.text`.
        ids: the tokens of this step.
        logprob: of these tokens.
        top_logprobs: the likeliest tokens of this step, where they were asked for.
        finish_reason: in the last event, why the text ended.
        completion: in the last event, all of it.
    """

    text: str
    ids: tuple[int, ...]
    logprob: float
    top_logprobs: tuple[Candidate, ...] | None = None
    finish_reason: FinishReason | None = None
    completion: Completion | None = None


def next_tokens(logits: Logits, *, k: int, tokenizer: Tokenizer | None) -> NextTokens:
    """The ``k`` likeliest tokens by scores ``(V,)``, and the mass of all others."""
    logprobs = log_softmax(logits.astype(np.float64))
    found = best_candidates(logits, logprobs, k=k, tokenizer=tokenizer)
    rest = np.exp(logprobs)
    rest[[candidate.id for candidate in found]] = 0.0
    return NextTokens(candidates=list(found), rest_mass=float(rest.sum()))


def best_candidates(
    logits: Logits, logprobs: NDArray[np.float64], *, k: int, tokenizer: Tokenizer | None
) -> tuple[Candidate, ...]:
    """The ``k`` likeliest tokens, best first, of equal ones the first.

    Args:
        logits: scores, ``(V,)``.
        logprobs: the logarithms of their probabilities.
        k: how many, at most all.
        tokenizer: gives them text; without one they have none.
    """
    return tuple(
        Candidate(
            id=token,
            text=tokenizer.decode([token]) if tokenizer else "",
            bytes=tokenizer.token_bytes(token) if tokenizer else b"",
            logit=float(logits[token]),
            logprob=float(logprobs[token]),
            prob=math.exp(logprobs[token]),
            rank=rank,
        )
        for rank, token in enumerate(best_first(logprobs, k), start=1)
    )


def best_first(scores: NDArray[np.float64], k: int) -> list[int]:
    """The places of the ``k`` highest scores, best first; of equal ones the first."""
    rank, ids = len(scores) - k, np.arange(len(scores))
    if 0 < rank < len(scores):
        ids = np.flatnonzero(scores >= np.partition(scores, rank)[rank])
    return ids[np.argsort(-scores[ids], kind="stable")][:k].tolist()
