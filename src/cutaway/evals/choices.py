"""Multiple choice: which of several texts a model finds the most probable behind a context."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from cutaway.evals.pairs import encode_pairs, fitted_row
from cutaway.evals.rows import Row, Scorer, score_rows
from cutaway.tokenizers import Tokenizer

__all__ = ["Answered", "Question", "Tally", "answer_questions", "first_of_each", "tallies"]

_QUESTIONS = 64  # encoded at once


class Question(NamedTuple):
    """Texts of which one is right.

    Attributes:
        context: read before each; empty for texts that begin a document.
        choices: the texts, with the white space that is between context and text.
        answer: index of the right one.
        group: what it is counted under.
    """

    context: str
    choices: tuple[str, ...]
    answer: int
    group: str = ""


class Answered(NamedTuple):
    """What a model gives the choices of a question.

    Attributes:
        question: that was asked.
        logprobs: of each choice behind the context, summed over its tokens.
        is_cut: whether the context of a choice lost its beginning to fit.
    """

    question: Question
    logprobs: tuple[float, ...]
    is_cut: bool

    def is_right(self, *, per_character: bool = False) -> bool:
        """Whether the right choice has strictly the highest log-probability.

        Args:
            per_character: divide each by the length of its choice, without the space before it.
        """
        scores = list(self.logprobs)
        if per_character:
            lengths = [max(len(one.removeprefix(" ")), 1) for one in self.question.choices]
            scores = [score / n for score, n in zip(scores, lengths, strict=True)]
        right = scores.pop(self.question.answer)
        return all(right > score for score in scores)


@dataclass(frozen=True, slots=True)
class Tally:
    """The questions of one group, and on how many of them the model is right."""

    asked: int
    correct: int

    @property
    def accuracy(self) -> float:
        """Share of the questions on which the model is right."""
        return self.correct / self.asked


def answer_questions(
    model: Scorer, tokenizer: Tokenizer, questions: Iterable[Question]
) -> Iterator[Answered]:
    """Asks for the probability of every choice after ``<|endoftext|>`` and the context.

    A context that is too long for the model loses its beginning, and ``<|endoftext|>`` with it.

    Args:
        model: that is asked.
        tokenizer: its vocabulary.
        questions: read a few at a time, in their order.

    Raises:
        ConfigError: for a vocabulary that does not fit.
        ContextLengthError: if a choice alone is longer than the context.
    """
    waiting: deque[tuple[Question, bool]] = deque()
    scores = score_rows(
        model,
        _rows(tokenizer, iter(questions), waiting, n_ctx=model.config.n_ctx),
        n_vocab=tokenizer.vocab_size,
    )
    logprobs: list[float] = []
    for score in scores:
        logprobs.append(score.logprob)
        question, is_cut = waiting[0]
        if len(logprobs) == len(question.choices):
            yield Answered(question, tuple(logprobs), is_cut)
            logprobs = []
            waiting.popleft()


def first_of_each(questions: Iterable[Question], limit: int | None) -> Iterator[Question]:
    """The first so many questions of each group; all of them without a limit."""
    n_taken: Counter[str] = Counter()
    for question in questions:
        if limit is None or n_taken[question.group] < limit:
            n_taken[question.group] += 1
            yield question


def tallies(answers: Iterable[Answered]) -> dict[str, Tally]:
    """How many of each group are right, groups in the order in which they first came."""
    n_asked: Counter[str] = Counter()
    n_correct: Counter[str] = Counter()
    for answer in answers:
        n_asked[answer.question.group] += 1
        n_correct[answer.question.group] += answer.is_right()
    return {name: Tally(n, n_correct[name]) for name, n in n_asked.items()}


def _rows(
    tokenizer: Tokenizer,
    questions: Iterator[Question],
    waiting: deque[tuple[Question, bool]],
    *,
    n_ctx: int,
) -> Iterator[Row]:
    """A row for each choice; its question is noted once all of its rows are known."""
    while some := list(islice(questions, _QUESTIONS)):
        pairs = [(question.context, choice) for question in some for choice in question.choices]
        encoded = iter(encode_pairs(tokenizer, pairs))
        for question in some:
            fitted = [
                fitted_row([tokenizer.eot, *before], after, n_ctx=n_ctx)
                for before, after in islice(encoded, len(question.choices))
            ]
            waiting.append((question, any(is_cut for _, is_cut in fitted)))
            yield from (row for row, _ in fitted)
