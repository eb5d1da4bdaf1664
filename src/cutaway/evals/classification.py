"""Accuracy and F1 of labels that a model gave, beside what costs nothing: the commonest label.

An accuracy says little alone: where nine of ten examples have one label, whoever always says that
label is right nine times of ten.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from math import fsum
from pathlib import Path
from typing import Any

from cutaway.data.labels import unknown_label
from cutaway.data.pairs import Pair, read_pairs
from cutaway.errors import DataError
from cutaway.evals.figures import Figure, percent

__all__ = ["Classification", "OfLabel", "labels_found", "read_labelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfLabel:
    """How often a label was found.

    Attributes:
        label: its name.
        n: examples that have it.
        n_found: examples of which it was said.
        n_right: examples of which it was said and that have it.
    """

    label: str
    n: int
    n_found: int
    n_right: int

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall; 0 if it was never right."""
        return 2 * self.n_right / (self.n + self.n_found) if self.n_right else 0.0

    def to_dict(self) -> dict[str, Any]:
        """All fields and F1, ready for JSON."""
        return {**asdict(self), "f1": self.f1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """The figures of :func:`labels_found`.

    Attributes:
        examples: that were given labels.
        labels: each that an example has or was given, the commonest first.
        made: how labels were found.
        limit: examples that were taken at most; None for all.
    """

    examples: int
    labels: tuple[OfLabel, ...]
    made: str = ""
    limit: int | None = None

    @property
    def accuracy(self) -> float:
        """The share of examples whose label was found."""
        return sum(label.n_right for label in self.labels) / self.examples

    @property
    def macro_f1(self) -> float:
        """The mean of F1 over labels, each of the same weight."""
        return fsum(label.f1 for label in self.labels) / len(self.labels)

    @property
    def majority(self) -> "Classification":
        """What it would be to say the commonest label of these examples always."""
        first, *others = self.labels
        always = OfLabel(label=first.label, n=first.n, n_found=self.examples, n_right=first.n)
        never = [
            OfLabel(label=label.label, n=label.n, n_found=0, n_right=0)
            for label in others
            if label.n
        ]
        return Classification(examples=self.examples, labels=(always, *never))

    @property
    def protocol(self) -> str:
        """How the numbers came about, in one line to be printed with them."""
        some = "" if self.limit is None else "the first "
        made = f"{self.made}; " if self.made else ""
        n = sum(1 for label in self.labels if label.n)
        return (
            f"{made}{some}{self.examples:,} examples of {n} labels; macro-F1 is the mean over the "
            f"{len(self.labels)} labels that they have or were given; the majority is "
            f"{self.labels[0].label!r} always, the commonest label of these very examples"
        )

    @property
    def figures(self) -> list[Figure]:
        """The figures to be shown."""
        most = self.majority
        n_right = sum(label.n_right for label in self.labels)
        return [
            Figure("accuracy", percent(self.accuracy), f"{n_right:,} of {self.examples:,}"),
            Figure("  of the majority", percent(most.accuracy), f"{most.labels[0].label!r} always"),
            Figure("macro-F1", percent(self.macro_f1), f"mean over {len(self.labels)} labels"),
            Figure("  of the majority", percent(most.macro_f1)),
        ]

    def to_dict(self) -> dict[str, Any]:
        """All fields and figures, ready for JSON."""
        most = self.majority
        return {
            "protocol": self.protocol,
            "examples": self.examples,
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
            "majority": {
                "label": most.labels[0].label,
                "accuracy": most.accuracy,
                "macro_f1": most.macro_f1,
            },
            "labels": [label.to_dict() for label in self.labels],
            "limit": self.limit,
        }


def labels_found(
    right: Sequence[str], found: Sequence[str], *, made: str = "", limit: int | None = None
) -> Classification:
    """Counts labels.

    Args:
        right: the label of each example.
        found: the label that it was given.
        made: how they were found, for the protocol.
        limit: examples that were taken at most, for the protocol.

    >>> labels_found(["a", "a", "b"], ["a", "b", "b"]).accuracy
    0.6666666666666666

    Raises:
        DataError: if there are none, or not as many of one as of the other.
    """
    if not right or len(right) != len(found):
        raise DataError(
            f"{len(found):,} labels of {len(right):,} examples.",
            "Give a label of each example, and one example at least.",
        )
    n, n_found = Counter(right), Counter(found)
    n_right = Counter(one for one, other in zip(right, found, strict=True) if one == other)
    names = sorted(n.keys() | n_found.keys(), key=lambda name: (-n[name], name))
    labels = tuple(
        OfLabel(label=name, n=n[name], n_found=n_found[name], n_right=n_right[name])
        for name in names
    )
    return Classification(examples=len(right), labels=labels, made=made, limit=limit)


def read_labelled(
    path: Path, *, fields: Sequence[str], labels: Collection[str], limit: int | None = None
) -> list[Pair]:
    """The examples of a file, texts and their labels: JSON lines or a table, packed or not.

    Args:
        path: the file.
        fields: the names of text and label.
        labels: that are known.
        limit: examples that are taken at most.

    Raises:
        DataError: if the file is absent, damaged or empty, a line is no example, or a label is
            none of those known: with its line.
    """
    pairs = list(islice(read_pairs(path, fields=fields, labels=True), limit))
    for pair in pairs:
        if pair.target not in labels:
            raise unknown_label(pair.target, labels, where=pair.where)
    if not pairs:
        raise DataError(f"{path} has no examples.", "Give a file that has some.")
    return pairs
