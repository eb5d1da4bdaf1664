"""The Children's Book Test: a word left out of a story's 21st sentence (Hill et al. 2016)."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cutaway.errors import DataError
from cutaway.evals.choices import (
    Answered,
    Question,
    Tally,
    answer_questions,
    first_of_each,
    tallies,
)
from cutaway.evals.detokenizers import TREEBANK
from cutaway.evals.figures import Figure, percent
from cutaway.evals.published import read_lines
from cutaway.evals.rows import Scorer
from cutaway.tokenizers import Tokenizer

__all__ = ["Cbt", "cbt", "read_cbt"]

_BLANK = "XXXXX"
_SENTENCES = 20
_NUMBERED = re.compile(r"(\d+)(?: (.*)|$)")
_KIND = re.compile(r"cbtest_(CN|NE|V|P)_", re.IGNORECASE)
_HINT = (
    "Twenty numbered sentences, then '21 QUESTION with XXXXX', its answer, nothing, and the "
    "candidates with | between, with tabs between the four."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cbt:
    """The figures of :func:`cbt`.

    Attributes:
        kinds: of words left out: CN for common nouns, NE for named entities.
        detokenized: whether the text was joined again.
        cut: questions whose story was longer than the context and lost its beginning.
        limit: questions that were taken of each kind at most; None for all.
    """

    kinds: Mapping[str, Tally]
    detokenized: bool
    cut: int
    limit: int | None = None

    @property
    def protocol(self) -> str:
        """How the numbers came about, in one line to be printed with them."""
        how = f"de-tokenised ({TREEBANK.told})" if self.detokenized else "not de-tokenised"
        cut = f"; {self.cut} stories cut at their beginning to fit" if self.cut else ""
        some = "" if self.limit is None else f"; the first {self.limit:,} of each kind"
        return (
            "after <|endoftext|> and the 20 sentences, the candidate is right that with the rest "
            "of the sentence behind it has strictly the highest log-probability, summed over "
            f"tokens; {how}{cut}{some}"
        )

    @property
    def figures(self) -> list[Figure]:
        """The figures to be shown."""
        return [
            Figure(f"CBT-{kind} accuracy", percent(tally.accuracy), f"{tally.asked:,} questions")
            for kind, tally in self.kinds.items()
        ]

    def to_dict(self) -> dict[str, Any]:
        """All fields and figures, ready for JSON."""
        kinds = self.kinds.items()
        return {
            "protocol": self.protocol,
            "accuracy": {kind: tally.accuracy for kind, tally in kinds},
            "questions": {kind: tally.asked for kind, tally in kinds},
            "detokenized": self.detokenized,
            "cut": self.cut,
            "limit": self.limit,
        }


def read_cbt(path: Path, *, detokenized: bool = True) -> Iterator[Question]:
    """The questions of a file such as ``cbtest_CN_valid_2000ex.txt``.

    A question is 21 numbered lines: 20 sentences, and the sentence with ``XXXXX`` in it, behind
    which stand its answer and ten candidates. ``CBTest.tgz`` may be given as it is: its validation
    parts for common nouns and named entities are read, the ones the GPT-2 paper reports.

    Args:
        path: the file, packed or not, or the archive.
        detokenized: whether to join the words.

    Raises:
        DataError: if the file is absent, damaged or empty, or a line is not of that form.
    """
    named = _KIND.search(path.name)
    if named is None and path.name.lower().endswith((".tgz", ".tar.gz")):
        for kind in ("CN", "NE"):
            member = f"*cbtest_{kind}_valid_2000ex.txt"
            yield from _questions(path, member, kind, detokenized=detokenized)
    else:
        kind = named[1].upper() if named else path.name.partition(".")[0]
        yield from _questions(path, "*", kind, detokenized=detokenized)


def _questions(path: Path, member: str, kind: str, *, detokenized: bool) -> Iterator[Question]:
    story: list[str] = []
    at = 0
    for at, line in read_lines(path, member=member):
        if not line.strip():
            continue
        numbered = _NUMBERED.match(line)
        if numbered is None or int(numbered[1]) != len(story) + 1:
            raise DataError(f"{path}, line {at}: not sentence {len(story) + 1}.", _HINT)
        if len(story) < _SENTENCES:
            story.append((numbered[2] or "").strip())
            continue
        place = f"{path}, line {at}"
        yield _question(story, numbered[2] or "", kind, place, detokenized=detokenized)
        story = []
    if story:
        raise DataError(f"{path}, line {at}: ends after sentence {len(story)}.", _HINT)


def _question(story: list[str], line: str, kind: str, place: str, *, detokenized: bool) -> Question:
    fields = [field.strip() for field in line.split("\t")]
    if len(fields) != 4:
        raise DataError(f"{place}: {len(fields)} columns, not 4.", _HINT)
    sentence, answer, _, candidates = fields
    if sentence.count(_BLANK) != 1:
        raise DataError(f"{place}: {sentence.count(_BLANK)} times {_BLANK}, not once.", _HINT)
    words = [word.strip() for word in candidates.split("|")]
    words = list(dict.fromkeys(word for word in words if word))
    if answer not in words or len(words) < 2:
        raise DataError(f"{place}: the answer {answer!r} is none of {words}.", _HINT)
    text = " ".join([*story, sentence])
    before, _, after = (TREEBANK(text) if detokenized else text).rpartition(_BLANK)
    choices = tuple(f"{word}{after}" for word in words)
    return Question(before, choices, words.index(answer), kind)


def cbt(
    model: Scorer,
    tokenizer: Tokenizer,
    questions: Iterable[Question],
    *,
    detokenized: bool = True,
    limit: int | None = None,
) -> Cbt:
    """Asks which candidate makes the rest of its sentence, with itself, the most probable.

    The scoring is that of the GPT-2 paper (3.2): the probability of each choice and of the rest of
    the sentence conditioned on it.

    Args:
        model: that is asked.
        tokenizer: its vocabulary.
        questions: read once; see :func:`read_cbt`.
        detokenized: whether the questions were read so, to be stated with the result.
        limit: take only the first so many of each kind.

    Raises:
        ConfigError: for a vocabulary that does not fit.
        DataError: if there are no questions.
    """
    n_cut = 0

    def counted() -> Iterator[Answered]:
        nonlocal n_cut
        for answer in answer_questions(model, tokenizer, first_of_each(questions, limit)):
            n_cut += answer.is_cut
            yield answer

    kinds = tallies(counted())
    if not kinds:
        raise DataError("No questions.", "Give CBT's files and a limit of at least 1.")
    return Cbt(kinds=kinds, detokenized=detokenized, cut=n_cut, limit=limit)
