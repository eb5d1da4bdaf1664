"""Do two engines compute the same model? Told by how their answers vary together."""

import statistics
from collections.abc import Callable, Sequence
from typing import Any

from cutaway.benchmarking.cases import end_of_text, ids

__all__ = ["LEAST", "Ask", "correlation", "disagreement", "scored"]

Ask = Callable[[dict[str, Any]], dict[str, Any]]

LEAST = {"fp32": 0.9999, "bf16": 0.999, "int8": 0.99, "int4": 0.9}
"""Correlation of logits and log-probabilities, by width: a wrong model has none."""
_TOKENS = 64


def correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Pearson's, of values that belong together.

    Raises:
        ValueError: if there are not as many of both.
    """
    if len(a) != len(b):
        raise ValueError(f"{len(a)} values beside {len(b)}")
    return statistics.correlation(a, b)


def scored(ask: Ask, vocab_size: int) -> list[float]:
    """The log-probabilities that an engine gives to the tokens of a short text."""
    text = [end_of_text(vocab_size), *ids(_TOKENS - 1, 0, vocab_size=vocab_size)]
    return ask({"case": "score", "ids": text})["logprobs"]


def disagreement(mine: Sequence[float], theirs: Sequence[float], width: str, other: str) -> str:
    """What is wrong with the log-probabilities ``mine`` beside those of the engine ``other``."""
    reached, least = correlation(mine, theirs), LEAST[width]
    if reached >= least:
        return ""
    return f"its answers agree with those of {other} by {reached:.4f} only, less than {least}"
