"""A Music Transformer writes and scores as the other decoders do, and the engine writes for it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cutaway.checkpoints import save_checkpoint
from cutaway.errors import ConfigError
from cutaway.generation import LanguageModel, load
from cutaway.models import MusicTransformer, MusicTransformerConfig
from lms import byte_tokenizer
from writing_laws import beams_are_scored, follows_uncached


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


@pytest.mark.parametrize("lm", [0], indirect=True)
def test_the_engine_writes_the_same(lm: LanguageModel, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "m", lm.model.float(), lm.tokenizer)
    fast = load(tmp_path / "m", dtype="float32", threads=1)
    assert fast.dtype == "float32"
    for settings in ({"temperature": 0.0}, {"seed": 5}, {"beams": 3}):
        one, other = (m.generate("the", max_new_tokens=16, **settings) for m in (lm, fast))
        assert one.ids == other.ids  # type: ignore[union-attr]


@pytest.mark.parametrize("lm", [7], indirect=True)
def test_the_engine_knows_no_windows(lm: LanguageModel, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "m", lm.model.float(), lm.tokenizer)
    with pytest.raises(ConfigError, match="one of 7 positions"):
        load(tmp_path / "m", dtype="int8")
    with pytest.warns(UserWarning, match="the readable model"):
        load(tmp_path / "m", dtype="auto")
