"""Multiple choice: texts behind a context, by hand and one by one."""

from collections.abc import Callable
from itertools import chain

import pytest
import torch

from cutaway.errors import ContextLengthError
from cutaway.evals.choices import Answered, Question, answer_questions, first_of_each, tallies
from cutaway.evals.pairs import encode_pairs, fitted_row
from cutaway.models import GPT2
from cutaway.tokenizers import Tokenizer
from fixed_models import favouring, logprob_favouring
from lms import byte_tokenizer, language_model


def test_probabilities_are_those_of_the_choice_behind_the_context() -> None:
    model, tokenizer = favouring("st")
    question = Question("sss ", ("st", "t", "xyz s"), 1)
    [found] = answer_questions(model, tokenizer, [question])
    # The space at the end of the context is read with the choices.
    expected = [logprob_favouring("st", f" {choice}") for choice in question.choices]
    assert found.logprobs == pytest.approx(expected, rel=1e-5)
    assert found.is_right()


def test_it_is_the_score_of_the_texts_one_by_one(enliven: Callable[..., GPT2]) -> None:
    lm = language_model(enliven, n_ctx=64, dtype=torch.float32)
    questions = [
        Question(f"in the {'thing ' * i}", tuple(f"{word} an end" for word in words), 0)
        for i, words in enumerate([("a", "the"), ("the", "in", "thing"), ("x", "y", "z", "the")])
    ] * 30  # more than are encoded at once
    found = list(answer_questions(lm.model, lm.tokenizer, iter(questions)))
    assert [answer.question for answer in found] == questions
    for answer in found[:4]:
        before = answer.question.context.rstrip()
        expected = [
            lm.score(before).nll - lm.score(answer.question.context + choice).nll
            for choice in answer.question.choices
        ]
        assert answer.logprobs == pytest.approx(expected, rel=1e-4, abs=1e-3)


def test_only_strictly_the_highest_is_right() -> None:
    def answered(*logprobs: float, answer: int = 0) -> Answered:
        choices = (" a", " bbb", " cccccc")
        return Answered(Question("", choices, answer), logprobs, is_cut=False)

    assert answered(-1.0, -2.0, -3.0).is_right()
    assert not answered(-1.0, -1.0, -3.0).is_right()
    assert answered(-3.0, -2.0, -1.0, answer=2).is_right()
    # Per character: -1, -2 / 3, -3.6 / 6.
    assert answered(-1.0, -2.0, -3.6, answer=2).is_right(per_character=True)
    assert not answered(-1.0, -2.0, -3.6).is_right(per_character=True)


def test_groups_are_counted_and_limited() -> None:
    questions = [Question("", ("s", "t"), i % 2, f"g{i // 3}") for i in range(6)]
    model, tokenizer = favouring("s")
    found = tallies(answer_questions(model, tokenizer, first_of_each(questions, 2)))
    assert {name: (part.asked, part.correct) for name, part in found.items()} == {
        "g0": (2, 1),
        "g1": (2, 1),
    }
    assert tallies([]) == {}


def test_long_contexts_lose_their_beginning() -> None:
    model, tokenizer = favouring("s", n_ctx=8)
    found = list(
        answer_questions(
            model, tokenizer, [Question("x" * 20, ("ss", "t"), 0), Question("xx", ("ss", "t"), 0)]
        )
    )
    assert [answer.is_cut for answer in found] == [True, False]
    assert found[0].logprobs == pytest.approx(found[1].logprobs)
    with pytest.raises(ContextLengthError, match="9 tokens"):
        list(answer_questions(model, tokenizer, [Question("x", ("s" * 9, "t"), 0)]))


def test_a_row_keeps_the_end_and_all_that_is_predicted() -> None:
    row, is_cut = fitted_row([9, 1, 2, 3], [4, 5], n_ctx=4)
    assert (list(row.ids), row.first, is_cut) == ([1, 2, 3, 4, 5], 3, True)
    row, is_cut = fitted_row([9, 1, 2], [4, 5], n_ctx=4)
    assert (list(row.ids), row.first, is_cut) == ([9, 1, 2, 4, 5], 3, False)
    row, is_cut = fitted_row([9], [1, 2, 3, 4], n_ctx=4)
    assert (list(row.ids), row.first, is_cut) == ([9, 1, 2, 3, 4], 1, False)


@pytest.mark.parametrize("tokenizer", [byte_tokenizer(), Tokenizer.gpt2()], ids=["bytes", "gpt2"])
def test_pairs_have_the_ids_of_the_whole_text(tokenizer: Tokenizer) -> None:
    pairs = [("in the", " thing"), ("in the ", "thing"), ("", "the"), ("a \n", "an"), ("the", "")]
    found = encode_pairs(tokenizer, pairs)
    for (context, continuation), (before, after) in zip(pairs, found, strict=True):
        assert [*before, *after] == tokenizer.encode(context + continuation)
        assert tokenizer.decode(before) == context.rstrip()
    assert list(chain(*found[2])) == tokenizer.encode("the")
