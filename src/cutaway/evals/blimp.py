"""BLiMP: minimal pairs of English grammar (Warstadt et al. 2020, arXiv 1912.00582)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cutaway.errors import DataError
from cutaway.evals.choices import Question, Tally, answer_questions, first_of_each, tallies
from cutaway.evals.figures import Figure, percent
from cutaway.evals.records import read_records
from cutaway.evals.rows import Scorer
from cutaway.tokenizers import Tokenizer

__all__ = ["HUMAN_ACCURACY", "Blimp", "blimp", "minimal_pair", "read_blimp"]

HUMAN_ACCURACY = 0.964
"""How often people agree with the pairs (Warstadt et al. 2020, table 3)."""


def minimal_pair(good: str, bad: str, paradigm: str) -> Question:
    """Two sentences that differ in one point of grammar, of which one is right."""
    return Question("", (good, bad), 0, paradigm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blimp:
    """The figures of :func:`blimp`.

    Attributes:
        paradigms: by their name.
        limit: pairs that were taken of each paradigm at most; None for all.
    """

    paradigms: Mapping[str, Tally]
    limit: int | None = None

    @property
    def pairs(self) -> int:
        """Pairs in all."""
        return sum(paradigm.asked for paradigm in self.paradigms.values())

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

    @property
    def figures(self) -> list[Figure]:
        """The figures to be shown."""
        return [Figure("BLiMP", percent(self.accuracy), f"{self.pairs:,} pairs")]

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


def read_blimp(path: Path) -> Iterator[Question]:
    """The pairs of a file with ``sentence_good``, ``sentence_bad`` and ``UID`` on each line.

    Raises:
        DataError: if the file is absent or damaged, or a line lacks a field.
    """
    for good, bad, paradigm in read_records(path, fields=("sentence_good", "sentence_bad", "UID")):
        yield minimal_pair(good, bad, paradigm)


def blimp(
    model: Scorer,
    tokenizer: Tokenizer,
    pairs: Iterable[Question],
    *,
    limit: int | None = None,
) -> Blimp:
    """Asks which sentence of each pair the model finds the more probable.

    The probability is that of the whole sentence after ``<|endoftext|>``, so nothing follows the
    full stop. Sentences with equal probabilities count as wrong.

    Args:
        model: that is asked.
        tokenizer: its vocabulary.
        pairs: read once.
        limit: take only the first so many pairs of each paradigm.

    Raises:
        ConfigError: for a vocabulary that does not fit.
        DataError: if there are no pairs.
    """
    paradigms = tallies(answer_questions(model, tokenizer, first_of_each(pairs, limit)))
    if not paradigms:
        raise DataError("No pairs of sentences.", "Give BLiMP's file and a limit of at least 1.")
    return Blimp(paradigms=paradigms, limit=limit)
