"""BLiMP: minimal pairs of English grammar (Warstadt et al. 2020, arXiv 1912.00582)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from cutaway.errors import DataError
from cutaway.evals.records import read_records
from cutaway.evals.rows import Row, score_rows
from cutaway.generation.reader import Reader
from cutaway.models import Decoder
from cutaway.tokenizers import Tokenizer

__all__ = ["HUMAN_ACCURACY", "Blimp", "MinimalPair", "Paradigm", "blimp", "read_blimp"]

HUMAN_ACCURACY = 0.964
"""How often people agree with the pairs (Warstadt et al. 2020, table 3)."""


class MinimalPair(NamedTuple):
    """Two sentences that differ in one point of grammar, of which one is right."""

    good: str
    bad: str
    paradigm: str


@dataclass(frozen=True, slots=True)
class Paradigm:
    """The pairs of one point of grammar, and on how many the model is right."""

    pairs: int
    correct: int

    @property
    def accuracy(self) -> float:
        """Share of the pairs on which the model is right; chance is one half."""
        return self.correct / self.pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Blimp:
    """The figures of :func:`blimp`.

    Attributes:
        paradigms: by their name.
        limit: pairs that were taken of each paradigm at most; None for all.
    """

    paradigms: Mapping[str, Paradigm]
    limit: int | None = None

    @property
    def pairs(self) -> int:
        """Pairs in all."""
        return sum(paradigm.pairs for paradigm in self.paradigms.values())

    @property
    def accuracy(self) -> float:
        """The mean over paradigms, each counting the same."""
        each = [paradigm.accuracy for paradigm in self.paradigms.values()]
        return sum(each) / len(each)

    @property
    def protocol(self) -> str:
        """How the numbers came about, in one line to be printed with them."""
        some = "" if self.limit is None else f"; the first {self.limit:,} pairs of each"
        return (
            "a pair is right if the good sentence has strictly the higher log-probability, summed "
            "over its tokens and not divided by their number, after <|endoftext|>; the mean over "
            f"{len(self.paradigms)} paradigms{some}"
        )

    def to_dict(self) -> dict[str, Any]:
        """All fields and figures, ready for JSON."""
        return {
            "protocol": self.protocol,
            "accuracy": self.accuracy,
            "human_accuracy": HUMAN_ACCURACY,
            "pairs": self.pairs,
            "limit": self.limit,
            "paradigms": {name: part.accuracy for name, part in self.paradigms.items()},
        }


def read_blimp(path: Path) -> Iterator[MinimalPair]:
    """The pairs of a file with ``sentence_good``, ``sentence_bad`` and ``UID`` on each line.

    Raises:
        DataError: if the file is absent or damaged, or a line lacks a field.
    """
    for good, bad, paradigm in read_records(path, fields=("sentence_good", "sentence_bad", "UID")):
        yield MinimalPair(good, bad, paradigm)


def blimp(
    model: Decoder | Reader,
    tokenizer: Tokenizer,
    pairs: Iterable[MinimalPair],
    *,
    limit: int | None = None,
) -> Blimp:
    """Asks which sentence of each pair the model finds the more probable.

    The probability is that of the whole sentence after ``<|endoftext|>``, so nothing follows the
    full stop. Sentences with equal probabilities count as wrong.

    Args:
        model: that is asked.
        tokenizer: its vocabulary.
        pairs: read once; all that are taken are held.
        limit: take only the first so many pairs of each paradigm.

    Raises:
        ConfigError: for a vocabulary that does not fit.
        DataError: if there are no pairs.
    """
    taken = list(_first_of_each(pairs, limit))
    if not taken:
        raise DataError("No pairs of sentences.", "Give BLiMP's file and a limit of at least 1.")
    goods = tokenizer.encode_batch([pair.good for pair in taken])
    bads = tokenizer.encode_batch([pair.bad for pair in taken])
    eot = tokenizer.eot
    rows = (Row([eot, *ids]) for both in zip(goods, bads, strict=True) for ids in both)
    scores = score_rows(model, rows, n_vocab=tokenizer.vocab_size)
    n_pairs: Counter[str] = Counter()
    n_correct: Counter[str] = Counter()
    for pair, good, bad in zip(taken, scores, scores, strict=True):  # two scores to a pair
        n_pairs[pair.paradigm] += 1
        n_correct[pair.paradigm] += good.logprob > bad.logprob
    paradigms = {name: Paradigm(n, n_correct[name]) for name, n in n_pairs.items()}
    return Blimp(paradigms=paradigms, limit=limit)


def _first_of_each(pairs: Iterable[MinimalPair], limit: int | None) -> Iterator[MinimalPair]:
    n_taken: Counter[str] = Counter()
    for pair in pairs:
        if limit is None or n_taken[pair.paradigm] < limit:
            n_taken[pair.paradigm] += 1
            yield pair
