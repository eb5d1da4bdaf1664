"""A Transformer-Decoder writes and scores as the other decoders do, by the readable model."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cutaway.generation import LanguageModel
from cutaway.models import TransformerDecoder, TransformerDecoderConfig
from lms import byte_tokenizer
from writing_laws import beams_are_scored, follows_uncached, there_is_no_engine


def made(enliven: Callable[..., TransformerDecoder], n_ctx: int = 24) -> LanguageModel:
    tokenizer = byte_tokenizer()
    size = TransformerDecoderConfig(
        vocab_size=tokenizer.vocab_size, n_ctx=n_ctx, n_embd=20, n_layer=3, n_head=5, block=7
    )
    return LanguageModel(enliven(TransformerDecoder(size)).double(), tokenizer)


@pytest.fixture
def lm(enliven: Callable[..., TransformerDecoder]) -> LanguageModel:
    return made(enliven)


def test_texts_of_a_batch_are_those_written_alone(lm: LanguageModel) -> None:
    """Past the context too, where the window slides and positions are counted anew."""
    prompts = ["the", "a thing in", "the anthem the an"]
    settings = {"max_new_tokens": 30, "seed": 3, "overflow": "slide"}
    together = lm.generate(prompts, **settings)  # type: ignore[call-overload]
    assert [one.ids for one in together] == [lm.generate(p, **settings).ids for p in prompts]  # type: ignore[call-overload]
    assert {len(one.ids) for one in together} == {30}


def test_a_row_has_the_same_log_probabilities_in_any_batch(
    enliven: Callable[..., TransformerDecoder],
) -> None:
    """To rounding: in float64, over several blocks, with neighbours of many lengths."""
    lm = made(enliven, n_ctx=128)
    prompts = ["the" * n for n in (1, 9, 20, 30)]
    settings = {"max_new_tokens": 20, "seed": 3}
    together = lm.generate(prompts, **settings)  # type: ignore[call-overload]
    for one, prompt in zip(together, prompts, strict=True):
        alone = lm.generate(prompt, **settings)  # type: ignore[call-overload]
        assert one.ids == alone.ids
        assert one.logprobs == pytest.approx(alone.logprobs, abs=1e-9)


def test_each_token_follows_from_an_uncached_pass(lm: LanguageModel) -> None:
    follows_uncached(lm, n=12)


def test_beams_find_what_they_score(lm: LanguageModel) -> None:
    beams_are_scored(lm)


def test_the_engine_says_that_it_is_for_others(lm: LanguageModel, tmp_path: Path) -> None:
    there_is_no_engine(lm, tmp_path / "m", kind="transformer-decoder")
