"""ROUGE of summaries, beside what costs nothing: the first three sentences, and any three.

Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries", as Google's ``rouge-score``
computes it, which most papers since 2019 report. A figure of summaries says little without the
baselines: in news the first three sentences are hard to beat.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from itertools import islice
from math import fsum
from pathlib import Path
from typing import Any, cast

from cutaway.data.sentences import RULE, sentences
from cutaway.errors import DataError, MissingExtra, nearest
from cutaway.evals.figures import Figure
from cutaway.evals.records import bad_line, read_objects

__all__ = ["Document", "Rouge", "Summaries", "read_documents", "rouge", "summaries_rouge", "take"]

_TYPES = ("rouge1", "rouge2", "rougeL")
_N_SENTENCES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A text with the summaries that people wrote of it.

    Attributes:
        sentences: of the text.
        text: all of it.
        references: one summary or several.
        where: its file and line.
    """

    sentences: tuple[str, ...]
    text: str
    references: tuple[str, ...]
    where: str = ""


@dataclass(frozen=True, slots=True)
class Rouge:
    """Means of F1 over documents, each from 0 to 1.

    Attributes:
        rouge1: of words.
        rouge2: of pairs of neighbours.
        rouge_l: of the longest common subsequence of the whole texts.
    """

    rouge1: float
    rouge2: float
    rouge_l: float

    def __str__(self) -> str:
        """The three in per cent, as papers have them."""
        return " / ".join(f"{100 * x:.2f}" for x in (self.rouge1, self.rouge2, self.rouge_l))


@dataclass(frozen=True, slots=True, kw_only=True)
class Summaries:
    """The figures of :func:`summaries_rouge`.

    Attributes:
        documents: that were summarised.
        references: most summaries that one of them came with.
        system: of the summaries in question.
        lead: of the first three sentences of each document.
        random: of three of its sentences, drawn at random, in their order.
        words: mean length of the summaries in question, in words.
        seed: of the draws.
        limit: documents that were taken at most; None for all.
        made: how the summaries came about.
    """

    documents: int
    references: int
    system: Rouge
    lead: Rouge
    random: Rouge
    words: float
    seed: int
    limit: int | None = None
    made: str = ""

    @property
    def protocol(self) -> str:
        """How the numbers came about, in one line to be printed with them."""
        some = "" if self.limit is None else "the first "
        made = f"{self.made}; " if self.made else ""
        best = ""
        if self.references > 1:
            best = f", each the best against up to {self.references} references"
        return (
            f"{made}{some}{self.documents:,} documents; mean F1 of rouge-score "
            f"{_version()} with its Porter stemmer, words of a-z and 0-9 in lower case{best}; "
            f"ROUGE-L over the whole text (not rougeLsum); lead-3 and random-3 (seed {self.seed}) "
            f"are sentences of the document: those of a list as they are, else {RULE}"
        )

    @property
    def figures(self) -> list[Figure]:
        """The figures to be shown."""
        words = f"R-1 / R-2 / R-L, {self.words:.1f} words"
        return [
            Figure("ROUGE", str(self.system), words),
            Figure("  of lead-3", str(self.lead), "the first three sentences"),
            Figure("  of random-3", str(self.random), "any three sentences"),
        ]

    def to_dict(self) -> dict[str, Any]:
        """All fields, ready for JSON."""
        return {"protocol": self.protocol, **asdict(self)}


def read_documents(path: Path, *, document: str, summary: str) -> Iterable[Document]:
    """The documents of a file of JSON lines, packed or not.

    Args:
        path: the file.
        document: the field of the text: a text, or a list of its sentences.
        summary: the field of the summary: a text, or a list of several that are each right.

    Raises:
        DataError: if the file is absent, damaged or empty, or a line lacks a field or its text.
    """
    for number, record in read_objects(path, fields=()):
        for name in (document, summary):
            if name not in record:
                hint = nearest(name, record)
                raise DataError(f"{path}, line {number}: no field {name!r}.", hint)
        given, references = (_texts(record[name]) for name in (document, summary))
        for name, texts in ((document, given), (summary, references)):
            if not texts:
                reason = f"{name!r} has no text"
                raise bad_line(path, number, reason, (document, summary))
        is_cut = isinstance(record[document], list)
        yield Document(
            sentences=tuple(given if is_cut else sentences(given[0])),
            text=" ".join(given),
            references=tuple(references),
            where=f"{path}:{number}",
        )


def summaries_rouge(
    documents: Sequence[Document],
    summaries: Sequence[str],
    *,
    seed: int = 0,
    limit: int | None = None,
    made: str = "",
) -> Summaries:
    """Scores a summary of each document, and what costs nothing beside it.

    Args:
        documents: with their references.
        summaries: one of each.
        seed: of the three random sentences; those of a document do not depend on the others.
        limit: documents that were taken at most, for the protocol.
        made: how the summaries came about, for the protocol.

    Raises:
        DataError: if there are no documents, or not as many summaries.
        MissingExtra: if ``rouge-score`` is not installed.
    """
    references = [document.references for document in documents]
    lead = [" ".join(document.sentences[:_N_SENTENCES]) for document in documents]
    drawn = [_drawn(document, f"{seed} {i}") for i, document in enumerate(documents)]
    return Summaries(
        documents=len(documents),
        references=max(map(len, references), default=0),
        system=rouge(summaries, references),
        lead=rouge(lead, references),
        random=rouge(drawn, references),
        words=sum(len(text.split()) for text in summaries) / len(documents),
        seed=seed,
        limit=limit,
        made=made,
    )


def rouge(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> Rouge:
    """Mean F1 of predictions; where there are several references, against the best of them.

    The best is found for each of the three figures by itself, as ``rouge-score`` does.

    >>> rouge(["the cat sat"], [["a cat sat down"]])
    Rouge(rouge1=0.5714285714285715, rouge2=0.4, rouge_l=0.5714285714285715)

    Raises:
        DataError: if there is nothing to score, or not as many of one as of the other.
        MissingExtra: if ``rouge-score`` is not installed.
    """
    if not predictions or len(predictions) != len(references):
        raise DataError(
            f"{len(predictions):,} summaries of {len(references):,} documents.",
            "Give a summary of each document, and one document at least.",
        )
    scorer = _scorer().RougeScorer(list(_TYPES), use_stemmer=True)
    scores: dict[str, list[float]] = {name: [] for name in _TYPES}
    for prediction, right in zip(predictions, references, strict=True):
        found = scorer.score_multi(list(right), prediction)
        for name in _TYPES:
            scores[name].append(float(found[name].fmeasure))
    return Rouge(*(fsum(scores[name]) / len(predictions) for name in _TYPES))


def take(documents: Iterable[Document], limit: int | None) -> list[Document]:
    """The first documents.

    Raises:
        DataError: if there are none.
    """
    taken = list(islice(documents, limit))
    if not taken:
        raise DataError("No documents.", "Give a file that has some, and a limit of at least 1.")
    return taken


def _drawn(document: Document, seed: str) -> str:
    n = len(document.sentences)
    places = random.Random(seed).sample(range(n), min(n, _N_SENTENCES))
    return " ".join(document.sentences[i] for i in sorted(places))


def _texts(value: object) -> list[str]:
    """The texts of a field that are not blank; none if it is no text and no list of texts."""
    given = cast("list[object]", value) if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in given):
        return []
    return [text.strip() for text in cast("list[str]", given) if text.strip()]


def _scorer() -> Any:
    try:
        return import_module("rouge_score.rouge_scorer")
    except ImportError as error:
        raise MissingExtra(
            f"ROUGE needs rouge-score, which is not installed ({error}).",
            "Install it with: pip install rouge-score; cutaway[eval] has it too.",
        ) from None


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("rouge-score")
    except PackageNotFoundError:
        return "of an unknown version"
