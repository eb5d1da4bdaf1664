"""Playing the piano with random models: limits, primes, the window, and what makes no sense."""

from collections.abc import Callable
from itertools import islice

import numpy as np
import pytest

from cutaway.apps.keyboard import Keyboard
from cutaway.apps.piano import Pianist, Played, Playing, beginning_of
from cutaway.errors import ConfigError, DataError
from cutaway.generation import LanguageModel
from cutaway.generation.window import window_start
from cutaway.models import GPT2
from cutaway.music.events import encode
from cutaway.music.notes import MAX_SECONDS, Note, Performance
from lms import language_model
from toy_music import TUNE, piano_model


@pytest.fixture(scope="module")
def lm(enliven: Callable[..., GPT2]) -> LanguageModel:
    return piano_model(enliven)


def all_of(playing: Playing) -> Played:
    times = list(playing)
    assert times == sorted(times)
    return playing.played


def test_as_many_seconds_as_asked_for(lm: LanguageModel) -> None:
    played = all_of(Pianist(lm).play(seconds=6.0, seed=3))
    assert (played.seconds, played.finish, played.seed) == (6.0, "seconds", 3)
    assert played.performance == played.new
    assert 0 < played.new.seconds <= 6.0
    assert played.events > lm.config.n_ctx  # so the window slid
    assert played.logprob < 0
    assert all_of(Pianist(lm).play(seconds=6.0, seed=3)) == played
    assert all_of(Pianist(lm).play(seconds=6.0, seed=4)).new != played.new


def test_it_plays_the_events_that_the_model_writes(lm: LanguageModel) -> None:
    pianist = Pianist(lm, temperature=0.9, top_p=0.95)
    played = all_of(pianist.play(seconds=999.0, max_events=40, seed=5))
    made = lm.generate([lm.tokenizer.eot], seed=5, config=pianist.config.replace(max_new_tokens=40))
    keyboard = Keyboard()
    for event in made.ids:
        keyboard.press(event)
    notes, held = keyboard.notes(until=keyboard.seconds)
    assert (played.finish, played.events) == ("events", 40)
    assert played.new == Performance(notes)
    assert played.held == held
    assert (played.silent, played.struck) == (keyboard.silent, keyboard.struck)
    assert played.silent > 0  # a random model lifts keys that are up: it is told
    assert played.logprob == pytest.approx(sum(made.logprobs))


def test_going_on_keeps_the_beginning_and_follows_it(lm: LanguageModel) -> None:
    played = all_of(Pianist(lm).play(TUNE, seconds=4.0, seed=1))
    whole = played.performance
    assert set(TUNE.notes) <= set(whole.notes)
    assert len(whole) == len(TUNE) + len(played.new)
    assert min(note.start for note in whole.notes if note not in TUNE.notes) >= TUNE.seconds
    assert whole.seconds <= TUNE.seconds + 4.0
    assert played.new != all_of(Pianist(lm).play(seconds=4.0, seed=1)).new


def test_a_beginning_longer_than_the_context_is_read_from_where_the_window_starts(
    lm: LanguageModel,
) -> None:
    long = Performance([Note(i / 10, i / 10 + 0.05, 60 + i % 12, 64) for i in range(40)])
    pianist = Pianist(lm)
    ids = [lm.tokenizer.eot, *encode(long)]
    assert len(ids) > 3 * lm.config.n_ctx
    playing = pianist.play(long, seconds=99.0, max_events=30, seed=2)
    next(playing)
    whole = lm.stream(ids, seed=2, config=pianist.config.replace(max_new_tokens=30))
    start = window_start(len(ids), lm.config.n_ctx)
    logits = lm.reader.last_logits(ids[start:])
    logprobs = logits - np.log(np.exp(logits).sum())
    assert next(whole).logprob in [pytest.approx(p, abs=1e-9) for p in logprobs.tolist()]
    assert playing.played.logprob in [pytest.approx(p, abs=1e-9) for p in logprobs.tolist()]
    assert all_of(playing).events == 30


def test_what_was_played_is_there_at_any_moment(lm: LanguageModel) -> None:
    playing = Pianist(lm).play(seconds=5.0, seed=3)
    list(islice(playing, 25))
    early = playing.played
    playing.close()
    assert (early.events, early.finish) == (25, None)
    assert early.seconds == playing.seconds < 5.0
    whole = all_of(Pianist(lm).play(seconds=5.0, seed=3))
    ended = [note for note in early.new.notes if note.end < early.seconds]
    assert set(ended) <= set(whole.new.notes)
    assert list(playing) == []


def test_the_end_is_not_drawn_unless_it_may_be(lm: LanguageModel) -> None:
    eot = lm.tokenizer.eot
    assert Pianist(lm).config.logit_bias == {eot: -float("inf")}
    may = Pianist(lm, may_end=True)
    assert may.config.logit_bias == {}
    may.config = may.config.replace(logit_bias={eot: 9.0})  # a model that likes to end
    played = all_of(may.play(seconds=60.0, seed=1))
    assert played.finish == "end"
    assert played.seconds < 60.0
    assert may.samples(1, events=200, seed=1)[0].finish == "end"


def test_many_at_once_are_as_those_alone(lm: LanguageModel) -> None:
    pianist = Pianist(lm)
    many = pianist.samples(3, events=30, seed=9)
    assert len({played.new for played in many}) == 3
    assert pianist.samples(1, events=30, seed=9)[0].new == many[0].new
    assert all(played.events == 30 for played in many)


def test_impossible_wishes(lm: LanguageModel, enliven: Callable[..., GPT2]) -> None:
    pianist = Pianist(lm)
    for seconds in (0.0, -1.0, float("nan"), float("inf"), MAX_SECONDS + 1):
        with pytest.raises(ConfigError, match="seconds is"):
            pianist.play(seconds=seconds)
    with pytest.raises(ConfigError, match="max_new_tokens is 0"):
        pianist.play(max_events=0)
    with pytest.raises(ConfigError, match="seed"):
        pianist.play(seed=-1)
    with pytest.raises(DataError, match=r"a\.mid has no notes"):
        pianist.play(Performance(source="a.mid"))
    with pytest.raises(ConfigError, match="was not taught performances"):
        Pianist(language_model(enliven))
    with pytest.raises(ConfigError, match="top_p"):
        Pianist(lm, top_p=0.0)


def test_the_first_seconds_of_a_performance() -> None:
    begun = beginning_of(TUNE, 0.6)
    assert [(note.pitch, note.end) for note in begun.notes] == [(60, 0.2), (64, 0.45), (67, 0.6)]
    with pytest.raises(DataError, match=r"no note in its first 0\.1 s"):
        beginning_of(Performance([Note(0.5, 1.0, 60, 60)]), 0.1)
    with pytest.raises(ConfigError, match="seconds is 0"):
        beginning_of(TUNE, 0)


def test_the_protocol_says_how(lm: LanguageModel) -> None:
    assert Pianist(lm, temperature=0.9, top_p=0.95).protocol == (
        "float64, temperature 0.9, top-p 0.95; the end is not drawn"
    )
    assert Pianist(lm, temperature=0.0, may_end=True).protocol == "float64, the likeliest"
