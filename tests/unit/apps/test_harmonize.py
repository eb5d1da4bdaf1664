"""Harmonising with random models: the soprano stays, the rest is the model's, the best is taken."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from cutaway.apps.harmonize import Harmonizer
from cutaway.errors import ConfigError, DataError
from cutaway.generation import LanguageModel
from cutaway.models import GPT2
from cutaway.music.grid import SILENCE, encode_chorale
from toy_music import SOPRANO, chorale_model, piano_model

LONG = [60 + step % 7 for step in range(24)]  # 96 tokens, of which 40 fit


@pytest.fixture(scope="module")
def lm(enliven: Callable[..., GPT2]) -> LanguageModel:
    return chorale_model(enliven)


@pytest.mark.parametrize("soprano", [SOPRANO, LONG, [60]], ids=["short", "long", "one step"])
def test_the_soprano_is_the_one_given(lm: LanguageModel, soprano: list[int | None]) -> None:
    found = Harmonizer(lm, n=3)(soprano, seed=1)
    expected = [SILENCE if pitch is None else pitch for pitch in soprano]
    assert found.chorale.voices[0].tolist() == expected
    assert found.chorale.voices.shape == (4, len(soprano))
    assert found.seed == 1


def test_the_probability_is_that_of_the_whole_text(lm: LanguageModel) -> None:
    found = Harmonizer(lm, n=2)(SOPRANO, seed=2)
    ids = encode_chorale(found.chorale)
    assert found.logprob == pytest.approx(-lm.score(ids).nll, abs=1e-9)
    assert found.nll == pytest.approx(lm.score(ids).nll / len(ids))


def test_past_the_context_whole_steps_are_kept_behind_the_end_of_text(lm: LanguageModel) -> None:
    """A context of 40 holds 9 steps; each time it is full, 5 steps go."""
    found = Harmonizer(lm, n=1)(LONG, seed=3)
    ids, eot = encode_chorale(found.chorale), lm.tokenizer.eot
    total, start = 0.0, 0
    for at, token in enumerate(ids):
        if 1 + at - start > lm.config.n_ctx:
            start += 20
        logits = lm.reader.last_logits([eot, *ids[start:at]])
        total += float(logits[token]) - math.log(np.exp(logits).sum())
    assert found.logprob == pytest.approx(total, abs=1e-8)


def test_the_likeliest_of_many_is_taken(lm: LanguageModel) -> None:
    few, many = (Harmonizer(lm, n=n)(SOPRANO, seed=4) for n in (1, 6))
    assert len(many.others) == 6
    assert many.logprob == many.others[0] == max(many.others)
    assert few.logprob in [pytest.approx(other) for other in many.others]  # drawn as if alone
    assert many.logprob >= few.logprob


def test_more_than_fit_at_once_are_written_one_after_another(
    lm: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Harmonizer(lm, n=5)(SOPRANO, seed=4)
    monkeypatch.setattr(type(lm.reader), "max_rows", lambda *_, **__: 2)
    harmonizing = Harmonizer(lm, n=5).begin(SOPRANO, seed=4)
    steps = list(harmonizing)
    assert steps == sorted(steps)
    assert steps[-1] == harmonizing.total == 5 * len(SOPRANO)
    assert harmonizing.best.chorale == whole.chorale


def test_what_is_whole_is_there_when_it_is_left(
    lm: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(lm.reader), "max_rows", lambda *_, **__: 2)
    harmonizing = Harmonizer(lm, n=5).begin(SOPRANO, seed=4)
    with pytest.raises(DataError, match="No harmonisation is whole"):
        _ = harmonizing.best
    for done in harmonizing:
        if done > 2 * len(SOPRANO):
            break
    assert len(harmonizing.best.others) == 2


def test_the_same_seed_gives_the_same_voices(lm: LanguageModel) -> None:
    write = Harmonizer(lm, n=2)
    assert write(SOPRANO, seed=7) == write(SOPRANO, seed=7)
    assert write(SOPRANO, seed=8).chorale != write(SOPRANO, seed=7).chorale


def test_crossings_are_counted(lm: LanguageModel) -> None:
    found = Harmonizer(lm, n=1)(LONG, seed=3)
    crossed = 0
    for column in found.chorale.voices.T:
        sounding = [pitch for pitch in column.tolist() if pitch != SILENCE]
        crossed += sounding != sorted(sounding, reverse=True)
    assert found.crossings == crossed > 0  # a random model knows no ranges


def test_impossible_wishes(lm: LanguageModel, enliven: Callable[..., GPT2]) -> None:
    write = Harmonizer(lm)
    with pytest.raises(DataError, match="empty"):
        write([])
    with pytest.raises(DataError, match="silent throughout"):
        write([None, None])
    with pytest.raises(DataError, match="Step 1 of the soprano is 128"):
        write([60, 128])
    with pytest.raises(ConfigError, match="seed"):
        write([60], seed=-1)
    with pytest.raises(ConfigError, match="n is 0"):
        Harmonizer(lm, n=0)
    with pytest.raises(ConfigError, match="was not taught chorales"):
        Harmonizer(piano_model(enliven))
    with pytest.raises(ConfigError, match="has 12 positions"):
        Harmonizer(chorale_model(enliven, n_ctx=12))
