"""Repeated n-grams: how much of a text has been said in it before."""

import re
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cutaway.errors import ConfigError
from cutaway.evals.figures import Figure, percent

__all__ = ["NgramShare", "Repetition", "repeated_ngrams", "repetition"]

_WORD = re.compile(r"\w+(?:['\u2019]\w+)*")


@dataclass(frozen=True, slots=True)
class NgramShare:
    """N-grams of all samples, and how many occurred earlier in the same sample."""

    total: int
    repeated: int

    @property
    def share(self) -> float:
        """Repeated n-grams among all; 0 where no sample is long enough to have one."""
        return self.repeated / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """The figures of :func:`repetition`.

    Attributes:
        tokens: n-grams of tokens.
        words: n-grams of words.
        n: length of the n-grams.
        samples: texts that were looked at.
        sampling: how the texts were drawn, in words.
    """

    tokens: NgramShare
    words: NgramShare
    n: int
    samples: int
    sampling: str = ""

    @property
    def protocol(self) -> str:
        """How the numbers came about, in one line to be printed with them."""
        drawn = f"; {self.sampling}" if self.sampling else ""
        return (
            f"share of {self.n}-grams that occurred earlier in the same sample, all samples "
            f"together; words are runs of letters and digits, without regard to case{drawn}"
        )

    @property
    def figures(self) -> list[Figure]:
        """The figures to be shown."""
        each = {"tokens": self.tokens, "words": self.words}
        return [
            Figure(f"repeated {self.n}-grams of {unit}", percent(part.share))
            for unit, part in each.items()
        ]

    def to_dict(self) -> dict[str, Any]:
        """All fields and figures, ready for JSON."""
        each = {"tokens": self.tokens, "words": self.words}
        shares = {
            name: {"share": part.share, "total": part.total, "repeated": part.repeated}
            for name, part in each.items()
        }
        return {"protocol": self.protocol, "n": self.n, "samples": self.samples, **shares}


def repeated_ngrams(samples: Iterable[Sequence[Hashable]], *, n: int = 4) -> NgramShare:
    """Counts the n-grams that occurred earlier in the same sample (they may overlap).

    >>> repeated_ngrams(["abcabc"], n=2)
    NgramShare(total=5, repeated=2)

    Raises:
        ConfigError: if ``n`` is less than 1.
    """
    if n < 1:
        raise ConfigError(f"n is {n}.", "An n-gram has at least one member.")
    total = repeated = 0
    for sample in samples:
        ngrams = list(zip(*(sample[i:] for i in range(n)), strict=False))
        total += len(ngrams)
        repeated += len(ngrams) - len(set(ngrams))
    return NgramShare(total, repeated)


def repetition(
    texts: Sequence[str], ids: Sequence[Sequence[int]], *, n: int = 4, sampling: str = ""
) -> Repetition:
    """Measures how much samples repeat themselves, in tokens and in words.

    Each n-gram counts that occurred earlier in the same sample; what two samples share does not.
    Longer samples repeat more, so compare only samples of one length, drawn in one way.

    Args:
        texts: the samples, without their prompts.
        ids: the same as tokens.
        n: length of the n-grams.
        sampling: how they were drawn, to be stated with the result.

    Raises:
        ConfigError: if ``n`` is less than 1.
    """
    return Repetition(
        tokens=repeated_ngrams(ids, n=n),
        words=repeated_ngrams([_WORD.findall(text.lower()) for text in texts], n=n),
        n=n,
        samples=len(texts),
        sampling=sampling,
    )
