"""The random draw of a token, which depends on its key and its distribution and nothing else.

The key is ``(seed, sample, position)``. A counter-based generator has no state to share: a hash
of the key is the random number. So a sample has the same text alone or in a batch, in any order,
and going on from half of it gives the other half. The process's own random generators are neither
read nor changed.
"""

import hashlib
import secrets
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cutaway.errors import ConfigError
from cutaway.generation.filters import Scores, softmax

__all__ = [
    "DrawKey",
    "NothingToChoose",
    "all_banned",
    "best",
    "check_seed",
    "draw",
    "fresh_seed",
    "uniform",
]

_BITS = 52  # u <= 1 - 2**-52, so u times a total is below the total, rounded too


class NothingToChoose(ConfigError):
    """The scores of the next token leave none to choose."""


def all_banned() -> NothingToChoose:
    """The error where no token of the vocabulary may follow."""
    return NothingToChoose(
        "Every token of the vocabulary is banned at this position.",
        "Ban fewer tokens in logit_bias, or raise no_repeat_ngram.",
    )


class DrawKey(NamedTuple):
    """What decides one draw.

    Attributes:
        seed: of the whole call.
        sample: which of the samples of one prompt.
        position: of the drawn token in the whole text, prompt included.
    """

    seed: int
    sample: int
    position: int


def fresh_seed() -> int:
    """A seed from the operating system, short enough to be typed again."""
    return secrets.randbits(32)


def check_seed(seed: int | None) -> int:
    """The seed, or a fresh one for None.

    Raises:
        ConfigError: if it is not a whole number from 0 to 2**64 - 1.
    """
    if seed is None:
        return fresh_seed()
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**64:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(f"seed is {seed!r}.", "It must be a whole number from 0 to 2**64 - 1.")
    return seed


def uniform(key: DrawKey) -> float:
    """A number in [0, 1) that is a function of the key: 52 bits of its BLAKE2b hash.

    >>> uniform(DrawKey(seed=7, sample=0, position=12))
    0.8236884177329877
    """
    packed = b"".join(part.to_bytes(8, "little") for part in key)
    digest = hashlib.blake2b(packed, digest_size=8, person=b"cutaway draw").digest()
    return (int.from_bytes(digest, "little") >> (64 - _BITS)) / (1 << _BITS)


def draw(scores: Scores, keys: Sequence[DrawKey]) -> list[int]:
    """Draws a token for each row ``(B, V)`` from its softmax, by the inverse of the running sum.

    Raises:
        ConfigError: if no token of a row may be chosen, or a score is not a number.
    """
    _check(scores)
    reached = softmax(scores).cumsum(-1)
    return [
        int(row.searchsorted(uniform(key) * row[-1], side="right"))
        for row, key in zip(reached, keys, strict=True)
    ]


def best(scores: Scores) -> list[int]:
    """The best token of each row ``(B, V)``; of equal ones the first.

    Raises:
        ConfigError: if no token of a row may be chosen, or a score is not a number.
    """
    _check(scores)
    return scores.argmax(-1).tolist()


def _check(scores: Scores) -> None:
    top = scores.max(-1)
    if bool((np.isnan(top) | (top == np.inf)).any()):
        raise NothingToChoose(
            "The scores of the next token are not finite (NaN or infinity).",
            "The weights are damaged or too large for their dtype, or a penalty is extreme: try "
            "dtype=torch.float32 and default settings.",
        )
    if bool((top == -np.inf).any()):
        raise all_banned()
