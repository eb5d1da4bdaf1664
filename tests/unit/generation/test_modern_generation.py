"""A modern decoder writes and scores as GPT-2 does, by the readable model alone."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cutaway.checkpoints import save_checkpoint
from cutaway.errors import ConfigError
from cutaway.generation import LanguageModel, load, loading
from cutaway.generation.model_reader import ModelReader
from cutaway.models import Modern, ModernConfig
from lms import byte_tokenizer
from writing_laws import beams_are_scored, follows_uncached


@pytest.fixture
def lm(enliven: Callable[..., Modern]) -> LanguageModel:
    tokenizer = byte_tokenizer()
    size = ModernConfig(vocab_size=tokenizer.vocab_size, n_ctx=24, n_embd=20, n_layer=2, n_head=5)
    return LanguageModel(enliven(Modern(size)).double(), tokenizer)


@pytest.fixture
def folder(lm: LanguageModel, tmp_path: Path) -> Path:
    save_checkpoint(tmp_path / "m", lm.model.float(), lm.tokenizer)
    return tmp_path / "m"


def test_texts_of_a_batch_are_those_written_alone(lm: LanguageModel) -> None:
    """Past the context too, where the window slides and positions are counted anew."""
    prompts = ["the", "a thing in", "the anthem the an"]
    settings = {"max_new_tokens": 30, "seed": 3, "overflow": "slide"}
    together = lm.generate(prompts, **settings)  # type: ignore[call-overload]
    assert [one.ids for one in together] == [lm.generate(p, **settings).ids for p in prompts]  # type: ignore[call-overload]
    assert {len(one.ids) for one in together} == {30}


def test_each_token_follows_from_an_uncached_pass(lm: LanguageModel) -> None:
    follows_uncached(lm, n=12)


def test_scores_and_next_tokens(lm: LanguageModel) -> None:
    text = "the anthem the an"
    ids = [lm.tokenizer.eot, *lm.encode(text)]
    with torch.no_grad():
        logprobs = lm.model(torch.tensor([ids]))[0].log_softmax(-1)
    score = lm.score(text)
    wanted = [float(logprobs[at, id]) for at, id in enumerate(ids[1:])]
    assert score.token_logprobs == pytest.approx(wanted, abs=1e-9)
    best = lm.next_tokens(ids, k=1).candidates[0]
    assert math.log(best.prob) == pytest.approx(float(logprobs[-1].max()), abs=1e-9)


def test_beams_find_what_they_score(lm: LanguageModel) -> None:
    beams_are_scored(lm)


@pytest.mark.parametrize("dtype", ["float32", "bf16", "int8", "int4"])
def test_the_engine_says_that_it_is_for_others(folder: Path, dtype: str) -> None:
    with pytest.raises(ConfigError, match=r"The engine knows GPT-2 and.*'modern'") as caught:
        load(folder, dtype=dtype)
    assert "dtype='readable'" in caught.value.hint


def test_where_nobody_insists_the_readable_model_does_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "start", lambda: pytest.fail("compiles an engine"))
    with pytest.warns(UserWarning, match=r"'modern': the readable model"):
        lm = load(folder, dtype="auto")
    assert isinstance(lm.reader, ModelReader)
    for quiet in (None, "readable", torch.bfloat16):
        assert isinstance(load(folder, dtype=quiet).reader, ModelReader)


def test_a_modern_model_cannot_guess_for_an_engine(
    folder: Path, tmp_path: Path, lm: LanguageModel
) -> None:
    with pytest.raises(ConfigError, match="but only the engine reads guesses"):
        load(folder, lookup=3)
