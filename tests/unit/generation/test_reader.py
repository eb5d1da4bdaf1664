"""The engine in place of the readable model: the same texts and numbers, with less read."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cutaway.errors import ConfigError
from cutaway.generation import Completion, GenerationConfig, LanguageModel
from cutaway.generation.model_reader import ModelReader
from cutaway.generation.reader import EngineReader, Reader
from cutaway.models import GPT2, GPT2Config
from engines import FakeEngine
from lms import byte_tokenizer, language_model

N_CTX = 16
PROMPTS = ["", "a", "the cat", "the cat", "the can", "xyz" * 5, "x"]

texts = st.text("abc the\u4f60", max_size=10)
configs = st.builds(
    GenerationConfig,
    temperature=st.sampled_from([0.0, 1.0]),
    top_k=st.sampled_from([0, 5]),
    repetition_penalty=st.sampled_from([1.0, 1.3]),
    max_new_tokens=st.integers(1, 24),
    overflow=st.sampled_from(["stop", "slide"]),
    logprobs=st.sampled_from([None, 2]),
)


@pytest.fixture(scope="module")
def lm(enliven: Callable[..., GPT2]) -> LanguageModel:
    return language_model(enliven, n_ctx=N_CTX)


@pytest.fixture
def engine(lm: LanguageModel) -> FakeEngine:
    return FakeEngine(lm.model)


def never() -> GPT2:
    raise AssertionError("the readable model was asked for")


def by_engine(lm: LanguageModel, engine: FakeEngine) -> LanguageModel:
    return LanguageModel(never, lm.tokenizer, engine=engine)  # type: ignore[arg-type]


def same(actual: Completion, expected: Completion) -> None:
    for name in ("text", "prompt", "ids", "prompt_ids", "finish_reason", "seed", "index"):
        assert getattr(actual, name) == getattr(expected, name), name
    assert actual.logprobs == pytest.approx(expected.logprobs, abs=1e-10)
    if expected.top_logprobs is not None:
        assert actual.top_logprobs is not None
        for ours, theirs in zip(actual.top_logprobs, expected.top_logprobs, strict=True):
            assert [c.id for c in ours] == [c.id for c in theirs]


@given(prompts=st.lists(texts, min_size=1, max_size=5), config=configs, seed=st.integers(0, 99))
def test_texts_are_those_of_the_model(
    lm: LanguageModel, prompts: list[str], config: GenerationConfig, seed: int
) -> None:
    engine = FakeEngine(lm.model)
    written = by_engine(lm, engine).generate(prompts, seed=seed, config=config)
    for actual, expected in zip(
        written, lm.generate(prompts, seed=seed, config=config), strict=True
    ):
        same(actual, expected)
    assert engine.n_open == 0


@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_beams_are_those_of_the_model(
    lm: LanguageModel, engine: FakeEngine, length_penalty: float
) -> None:
    settings = {"n": 3, "beams": 4, "length_penalty": length_penalty, "max_new_tokens": 8}
    found = by_engine(lm, engine).generate("the", **settings)
    for actual, expected in zip(found, lm.generate("the", **settings), strict=True):
        same(actual, expected)
    assert engine.n_open == 0


def test_a_text_has_its_bits_in_any_batch(enliven: Callable[..., GPT2]) -> None:
    lm = language_model(enliven, n_ctx=64, dtype=torch.float32)
    engine = by_engine(lm, FakeEngine(lm.model))
    prompts = [*PROMPTS, "the cat" * 6, "the cat" * 6 + "!", "the cat" * 5]
    settings = {"seed": 3, "max_new_tokens": 70, "overflow": "slide", "top_k": 0}
    together = engine.generate(prompts, n=2, **settings)
    for prompt, group in zip(prompts, together, strict=True):
        assert engine.generate(prompt, **settings) == group[0]  # dataclasses: every float too


@given(text=texts.filter(bool), stride=st.integers(1, N_CTX))
def test_scores_are_those_of_the_model(lm: LanguageModel, text: str, stride: int) -> None:
    engine = FakeEngine(lm.model)
    actual = by_engine(lm, engine).score(text * 8, stride=stride)
    expected = lm.score(text * 8, stride=stride)
    assert actual.token_logprobs == pytest.approx(expected.token_logprobs, abs=1e-10)
    assert engine.n_open == 0


def test_next_tokens_are_those_of_the_model(lm: LanguageModel, engine: FakeEngine) -> None:
    actual, expected = by_engine(lm, engine).next_tokens("the", k=9), lm.next_tokens("the", k=9)
    assert [c.id for c in actual.candidates] == [c.id for c in expected.candidates]
    assert actual.rest_mass == pytest.approx(expected.rest_mass)
    assert engine.n_open == 0


class TestReading:
    @pytest.fixture
    def wide(self, enliven: Callable[..., GPT2]) -> FakeEngine:
        size = GPT2Config(vocab_size=50, n_ctx=256, n_embd=8, n_layer=1, n_head=2)
        return FakeEngine(enliven(GPT2(size)).double())

    @pytest.mark.parametrize(
        ("histories", "reads"),
        [
            ([[1, 2, 3]] * 3, [[3]]),
            ([[1, 2, 3], [1, 2, 4]], [[3, 3]]),  # too little in common to be read by itself
            ([[1] * 40 + [2], [1] * 40 + [3, 3]], [[40], [1, 2]]),
            ([[1] * 40, [1] * 40 + [3]], [[40], [1]]),
            ([[1] * 80 + [2], [1] * 80, [1] * 40, [4]], [[40, 1], [40], [1]]),
            ([[1] * 80 + [2], [1] * 80 + [3], [1] * 60, [1] * 9], [[9, 60], [21, 21]]),
        ],
    )
    def test_what_texts_have_in_common_is_read_once(
        self, wide: FakeEngine, histories: list[list[int]], reads: list[list[int]]
    ) -> None:
        rows = EngineReader(wide).rows(histories, n_total=100, exact=True)
        assert [sorted(pieces) for pieces in wide.reads] == [sorted(pieces) for pieces in reads]
        for history, logits in zip(histories, rows.logits, strict=True):
            with torch.no_grad():
                expected = wide.model(torch.tensor([history]))[0, -1]
            np.testing.assert_allclose(logits, expected.numpy(), rtol=1e-7, atol=1e-9)
        rows.close()
        assert wide.n_open == 0

    def test_rows_that_fork_and_end(self, wide: FakeEngine) -> None:
        rows = EngineReader(wide).rows([[1], [2], [3]], n_total=9, exact=True)
        rows.select([2, 0, 0])
        assert wide.n_open == 2  # of them one is shared, until one of the two writes
        rows.step([4, 5, 6])
        assert wide.n_open == 3
        for history, logits in zip([[3, 4], [1, 5], [1, 6]], rows.logits, strict=True):
            with torch.no_grad():
                expected = wide.model(torch.tensor([history]))[0, -1].numpy()
            np.testing.assert_allclose(logits, expected, rtol=1e-7, atol=1e-9)
        rows.select([1])
        assert wide.n_open == 1

    @pytest.mark.parametrize("kind", [ModelReader, EngineReader])
    def test_logits_behind_the_last_ids(
        self, wide: FakeEngine, kind: type[ModelReader] | type[EngineReader]
    ) -> None:
        reader: Reader = kind(wide if kind is EngineReader else wide.model, n_vocab=47)  # type: ignore[arg-type]
        assert isinstance(reader, Reader)
        asked = [([1] * 200, 150), ([2], 1), ([3, 4, 5], 2), ([6] * 256, 256), ([7] * 9, 1)]
        parts = list(reader.logits(asked))
        assert max(map(len, parts)) <= 128
        expected = []
        for ids, n in asked:
            with torch.no_grad():
                expected.append(wide.model(torch.tensor([ids]))[0, -n:, :47])
        whole = torch.cat(expected).numpy()
        np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-7, atol=1e-9)
        assert wide.n_open == 0

    def test_short_texts_are_read_together_and_long_ones_apart(self, wide: FakeEngine) -> None:
        asked = [([5] * 100, 1)] * 25
        assert sum(map(len, EngineReader(wide).logits(asked))) == 25
        assert list(map(len, wide.reads)) == [11, 11, 3]


class TestLanguageModel:
    def test_the_model_is_made_once_and_when_it_is_asked_for(
        self, lm: LanguageModel, engine: FakeEngine
    ) -> None:
        made: list[GPT2] = []

        def make() -> GPT2:
            made.append(lm.model)
            return lm.model

        fast = LanguageModel(make, lm.tokenizer, engine=engine)  # type: ignore[arg-type]
        fast.generate("the", max_new_tokens=2)
        assert (fast.dtype, fast.config, made) == ("float32", lm.config, [])
        assert fast.model is fast.model is lm.model
        assert len(made) == 1

    def test_a_model_that_is_not_made_yet_without_an_engine(self, lm: LanguageModel) -> None:
        made: list[int] = []

        def make() -> GPT2:
            made.append(1)
            return lm.model

        late = LanguageModel(make, lm.tokenizer, config=lm.config)
        assert made == []
        assert late.generate("the", seed=1) == lm.generate("the", seed=1)
        assert (late.dtype, made) == ("float64", [1])

    def test_a_vocabulary_that_does_not_fit_the_engine(self) -> None:
        size = GPT2Config(vocab_size=200, n_ctx=8, n_embd=8, n_layer=1, n_head=1)
        engine = FakeEngine(GPT2(size))
        with pytest.raises(ConfigError, match="entries, the model 200"):
            LanguageModel(never, byte_tokenizer(), engine=engine)  # type: ignore[arg-type]

    def test_padding_of_the_vocabulary_is_never_written(self, enliven: Callable[..., GPT2]) -> None:
        size = byte_tokenizer().vocab_size
        config = GPT2Config(vocab_size=size + 50, n_ctx=24, n_embd=20, n_layer=2, n_head=5)
        padded = enliven(GPT2(config))
        with torch.no_grad():
            padded.wte.weight[size:] *= 10  # loud
        engine = FakeEngine(padded)
        lm = LanguageModel(never, byte_tokenizer(), engine=engine)  # type: ignore[arg-type]
        assert max(max(c.ids) for c in lm.generate(n=5, max_new_tokens=20, top_k=0)) < size
        assert math.fsum(c.prob for c in lm.next_tokens(k=size).candidates) == pytest.approx(1)

    def test_a_stream_left_early_gives_its_text_back(
        self, lm: LanguageModel, engine: FakeEngine
    ) -> None:
        stream = by_engine(lm, engine).stream("the", seed=1, max_new_tokens=8)
        next(stream)
        assert engine.n_open == 1
        stream.close()
        assert engine.n_open == 0

    @pytest.mark.parametrize(("n_blocks", "n_rows"), [(1000, 32), (10, 5), (1, 1)])
    def test_more_texts_than_rows(self, lm: LanguageModel, n_blocks: int, n_rows: int) -> None:
        engine = FakeEngine(lm.model, n_blocks=n_blocks)
        many = by_engine(lm, engine).generate("the", n=70, seed=5, max_new_tokens=3, top_k=0)
        assert max(map(len, engine.reads)) == n_rows
        for actual, expected in zip(
            many, lm.generate("the", n=70, seed=5, max_new_tokens=3, top_k=0), strict=True
        ):
            same(actual, expected)
