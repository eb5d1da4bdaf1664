"""HellaSwag: which of four endings a scene has (Zellers et al. 2019, arXiv 1905.07830)."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, cast

from cutaway.errors import DataError
from cutaway.evals.choices import Question, answer_questions
from cutaway.evals.figures import Figure, percent
from cutaway.evals.records import bad_line, read_objects
from cutaway.evals.rows import Scorer
from cutaway.tokenizers import Tokenizer

__all__ = ["HellaSwag", "hellaswag", "read_hellaswag"]

_FIELDS = ("activity_label", "ctx_a", "ctx_b", "endings", "label")
_BRACKETS = re.compile(r"\[.*?\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class HellaSwag:
    """The figures of :func:`hellaswag`.

    Attributes:
        scenes: that were asked about.
        correct: of them by the log-probability of the whole ending.
        correct_norm: of them by the log-probability per character of the ending.
        cut: scenes that were longer than the context and lost their beginning.
        limit: scenes that were taken at most; None for all.
    """

    scenes: int
    correct: int
    correct_norm: int
    cut: int
    limit: int | None = None

    @property
    def accuracy(self) -> float:
        """Share of scenes whose right ending is the most probable; chance is one in four."""
        return self.correct / self.scenes

    @property
    def accuracy_norm(self) -> float:
        """The same by log-probability per character of the ending."""
        return self.correct_norm / self.scenes

    @property
    def protocol(self) -> str:
        """How the numbers came about, in one line to be printed with them."""
        cut = f"; {self.cut} scenes cut at their beginning to fit" if self.cut else ""
        some = "" if self.limit is None else f"; the first {self.scenes:,} scenes"
        return (
            "after <|endoftext|> and 'activity: scene', the ending with strictly the highest "
            "log-probability, summed over its tokens (acc) or divided by its characters "
            f"(acc_norm); [title] and other brackets taken out{cut}{some}"
        )

    @property
    def figures(self) -> list[Figure]:
        """The figures to be shown."""
        note = f"{self.scenes:,} scenes"
        return [
            Figure("HellaSwag acc", percent(self.accuracy), note),
            Figure("HellaSwag acc_norm", percent(self.accuracy_norm), note),
        ]

    def to_dict(self) -> dict[str, Any]:
        """All fields and figures, ready for JSON."""
        return {
            "protocol": self.protocol,
            "accuracy": self.accuracy,
            "accuracy_norm": self.accuracy_norm,
            "scenes": self.scenes,
            "cut": self.cut,
            "limit": self.limit,
        }


def read_hellaswag(path: Path) -> Iterator[Question]:
    """The scenes of a file such as ``hellaswag_val.jsonl``, in the form that models are asked.

    The context is ``activity_label: ctx_a Ctx_b``; ``[title]`` becomes a full stop and other
    brackets, which WikiHow left, are taken out, as lm-evaluation-harness does. The test part has
    no labels and cannot be scored.

    Raises:
        DataError: if the file is absent, damaged or empty, or a line is not of that form.
    """
    for number, record in read_objects(path, fields=_FIELDS):
        texts = [record[field] for field in _FIELDS[:3]]
        endings, label = record["endings"], str(record["label"])
        if not isinstance(endings, list) or not all(
            isinstance(text, str) for text in [*texts, *cast("list[object]", endings)]
        ):
            raise bad_line(path, number, "a field is not text", _FIELDS)
        if not label.isdecimal() or int(label) >= len(endings):
            reason = f"label {record['label']!r} is none of {len(endings)} endings"
            raise bad_line(path, number, reason, _FIELDS)
        activity, first, second = texts
        context = _plain(f"{activity}: {first} {second.capitalize()}")
        choices = tuple(f" {_plain(ending)}" for ending in endings)
        yield Question(context, choices, int(label))


def _plain(text: str) -> str:
    text = text.strip().replace(" [title]", ". ")
    return _BRACKETS.sub("", text).replace("  ", " ")


def hellaswag(
    model: Scorer,
    tokenizer: Tokenizer,
    scenes: Iterable[Question],
    *,
    limit: int | None = None,
) -> HellaSwag:
    """Asks which ending of each scene the model finds the most probable.

    Args:
        model: that is asked.
        tokenizer: its vocabulary.
        scenes: read once; see :func:`read_hellaswag`.
        limit: take only the first so many.

    Raises:
        ConfigError: for a vocabulary that does not fit.
        DataError: if there are no scenes.
    """
    answers = list(answer_questions(model, tokenizer, islice(scenes, limit)))
    if not answers:
        raise DataError("No scenes.", "Give HellaSwag's file and a limit of at least 1.")
    return HellaSwag(
        scenes=len(answers),
        correct=sum(answer.is_right() for answer in answers),
        correct_norm=sum(answer.is_right(per_character=True) for answer in answers),
        cut=sum(answer.is_cut for answer in answers),
        limit=limit,
    )
