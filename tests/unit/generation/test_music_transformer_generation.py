"""A Music Transformer writes and scores as the other decoders do, by the readable model."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cutaway.generation import LanguageModel
from cutaway.models import MusicTransformer, MusicTransformerConfig
from lms import byte_tokenizer
from writing_laws import beams_are_scored, follows_uncached, only_gpt2_has_the_engine


@pytest.fixture(params=[0, 7], ids=["global", "local"])
def lm(request: pytest.FixtureRequest, enliven: Callable[..., MusicTransformer]) -> LanguageModel:
    tokenizer = byte_tokenizer()
    size = MusicTransformerConfig(
        vocab_size=tokenizer.vocab_size, n_ctx=24, n_embd=20, n_layer=2, n_head=5, n_inner=28,
        n_att=30, max_relative=9, window=request.param,
    )  # fmt: skip
    return LanguageModel(enliven(MusicTransformer(size)).double(), tokenizer)


def test_texts_of_a_batch_are_those_written_alone(lm: LanguageModel) -> None:
    """Of different length, and past the context, where the window slides."""
    prompts = ["the", "a thing in", "the anthem the an"]
    settings = {"max_new_tokens": 30, "seed": 3, "overflow": "slide"}
    together = lm.generate(prompts, **settings)  # type: ignore[call-overload]
    for one, prompt in zip(together, prompts, strict=True):
        alone = lm.generate(prompt, **settings)  # type: ignore[call-overload]
        assert one.ids == alone.ids
        assert one.logprobs == pytest.approx(alone.logprobs, abs=1e-9)
    assert {len(one.ids) for one in together} == {30}


def test_each_token_follows_from_an_uncached_pass(lm: LanguageModel) -> None:
    follows_uncached(lm, n=16)


def test_beams_find_what_they_score(lm: LanguageModel) -> None:
    beams_are_scored(lm)


def test_the_engine_says_that_it_knows_gpt2_only(lm: LanguageModel, tmp_path: Path) -> None:
    only_gpt2_has_the_engine(lm, tmp_path / "m", kind="music-transformer")
