"""Many searches at once: what each finds alone, in the order of the prompts."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from cutaway.errors import ConfigError
from cutaway.generation import Completion, LanguageModel
from cutaway.generation.beam import beam_search
from cutaway.generation.model_reader import ModelReader
from cutaway.generation.prompts import read_prompt
from cutaway.generation.settings import GenerationConfig
from cutaway.models import GPT2
from engines import FakeEngine
from lms import ids_only, language_model

PROMPTS = ["the", "a", "", "the can", "the", "in the end", "x" * 9, "y" * 9, "thing"]
SETTINGS: list[dict[str, object]] = [
    {},
    {"length_penalty": 1.0},
    {"length_penalty": -0.5, "logprobs": 2},
    {"no_repeat_ngram": 2, "repetition_penalty": 1.2},
    {"logit_bias": {3: -math.inf, 104: 2.0}},
    {"stop": ["a", "th"]},
    {"max_new_tokens": None, "overflow": "stop"},
]


@pytest.fixture(scope="module")
def lm(enliven: Callable[..., GPT2]) -> LanguageModel:
    return language_model(enliven, n_ctx=16, seed=3)


def same(found: Sequence[Completion], alone: Sequence[Completion]) -> None:
    assert [completion.ids for completion in found] == [completion.ids for completion in alone]
    for ours, theirs in zip(found, alone, strict=True):
        assert (ours.text, ours.finish_reason) == (theirs.text, theirs.finish_reason)
        assert (ours.prompt, ours.index) == (theirs.prompt, theirs.index)
        assert ours.logprobs == pytest.approx(theirs.logprobs, abs=1e-10)
        assert (ours.top_logprobs is None) == (theirs.top_logprobs is None)
        if ours.top_logprobs is not None:
            assert len(ours.top_logprobs) == len(ours.ids)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_each_finds_what_it_would_alone(lm: LanguageModel, settings: dict[str, object]) -> None:
    config = GenerationConfig.from_dict({"beams": 3, "max_new_tokens": 6, **settings})
    together = lm.generate(PROMPTS, n=3, config=config)
    for prompt, found in zip(PROMPTS, together, strict=True):
        same(found, lm.generate(prompt, n=3, config=config))


@pytest.mark.parametrize("settings", SETTINGS[:4], ids=str)
def test_by_the_engine_to_the_bit(lm: LanguageModel, settings: dict[str, object]) -> None:
    engine = FakeEngine(lm.model)
    fast = LanguageModel(lm.model, lm.tokenizer, engine=engine)  # type: ignore[arg-type]
    config = GenerationConfig.from_dict({"beams": 4, "max_new_tokens": 6, **settings})
    together = fast.generate(PROMPTS, n=4, config=config)
    for prompt, found in zip(PROMPTS, together, strict=True):
        assert found == fast.generate(prompt, n=4, config=config)  # every float too
        same(found, lm.generate(prompt, n=4, config=config))
    assert engine.n_open == 0


def test_one_of_each_is_a_flat_list(lm: LanguageModel) -> None:
    found = lm.generate(PROMPTS, beams=2, max_new_tokens=3)
    assert [completion.prompt for completion in found] == PROMPTS


class Counting(ModelReader):
    """Takes few rows at once, and counts what is asked of it."""

    def __init__(self, model: GPT2, most: int) -> None:
        super().__init__(model)
        self.most, self.groups = most, []
        self.stepped: list[int] = []

    def max_rows(self, n_total: int, *, exact: bool = True) -> int:
        return self.most

    def rows(self, histories: Sequence[Sequence[int]], *, n_total: int, exact: bool):
        self.groups.append([len(history) for history in histories])
        rows = super().rows(histories, n_total=n_total, exact=exact)
        step = rows.step

        def counted(tokens: Sequence[int]) -> None:
            self.stepped.append(len(tokens))
            step(tokens)

        rows.step = counted  # type: ignore[method-assign]
        return rows


def searched(
    reader: ModelReader, lengths: Sequence[int], **settings: object
) -> list[list[Completion]]:
    """Of prompts of these lengths, each of one token again and again."""
    config = GenerationConfig.from_dict({"beams": 3, **settings})
    prompts = [
        read_prompt([n] * n, tokenizer=None, n_vocab=11, n_ctx=24, config=config) for n in lengths
    ]
    return beam_search(reader, prompts, config=config, tokenizer=None)


def test_groups_are_bounded_and_of_like_lengths(enliven: Callable[..., GPT2]) -> None:
    reader = Counting(ids_only(enliven, vocab_size=11, n_ctx=24).model, 7)
    searched(reader, [3, 9, 1, 8, 2], max_new_tokens=2)
    assert reader.groups == [[9, 8], [3, 2], [1]]


def test_a_search_wider_than_the_reader_goes_alone(enliven: Callable[..., GPT2]) -> None:
    reader = Counting(ids_only(enliven, vocab_size=11, n_ctx=24).model, 2)
    searched(reader, [3, 1], max_new_tokens=2)
    assert reader.groups == [[3], [1]]


def test_finished_searches_leave(enliven: Callable[..., GPT2]) -> None:
    model = ids_only(enliven, vocab_size=11, n_ctx=24, seed=5).model
    reader = Counting(model, 100)
    found = searched(reader, [3, 5, 8, 2], max_new_tokens=12, stop_ids=(7, 2, 5))
    assert reader.groups == [[8, 5, 3, 2]]
    assert max(reader.stepped) == 12
    assert reader.stepped[-1] < 12  # some ended before others
    for length, texts in zip([3, 5, 8, 2], found, strict=True):
        [alone] = searched(reader, [length], max_new_tokens=12, stop_ids=(7, 2, 5))
        same(texts, alone)


def test_scores_that_are_no_numbers_say_so(enliven: Callable[..., GPT2]) -> None:
    lm = ids_only(enliven, vocab_size=11)
    with torch.no_grad():
        lm.model.wte.weight[3] = np.nan
    with pytest.raises(ConfigError, match="not finite"):
        lm.generate([[1], [3]], beams=2, max_new_tokens=2)
