"""Repeated n-grams by hand, and the samples that they are counted in."""

import json
from collections.abc import Callable

import pytest

from cutaway.errors import ConfigError
from cutaway.evals import NgramShare, draw_samples, repeated_ngrams, repetition
from cutaway.models import GPT2
from lms import language_model


def test_by_hand() -> None:
    assert repeated_ngrams([[1, 2, 3, 4, 1, 2, 3, 4]]) == NgramShare(total=5, repeated=1)
    assert repeated_ngrams([[7] * 10]) == NgramShare(total=7, repeated=6)
    assert repeated_ngrams([[1, 2, 3, 4], [1, 2, 3, 4]]).repeated == 0  # two samples
    assert repeated_ngrams([[1, 2, 3]]).share == 0.0
    with pytest.raises(ConfigError):
        repeated_ngrams([[1]], n=0)


def test_words_have_no_case_and_no_punctuation() -> None:
    found = repetition(["The cat didn't see. The CAT, didn't see!"], [[1, 2, 3, 4, 5]])
    assert found.words == NgramShare(total=5, repeated=1)
    assert found.tokens == NgramShare(total=2, repeated=0)


def test_samples_state_how_they_were_drawn(enliven: Callable[..., GPT2]) -> None:
    lm = language_model(enliven)
    prompts = ["the ", "a"]
    samples = draw_samples(lm, prompts=prompts, per_prompt=3, max_new_tokens=8, seed=5)
    assert samples.prompts == ("the ", "the ", "the ", "a", "a", "a")
    one = lm.generate("a", n=3, seed=5, top_k=40, max_new_tokens=8)
    assert isinstance(one, list)
    assert samples.texts[3:] == tuple(completion.text for completion in one)
    found = repetition(samples.texts, samples.ids, sampling=samples.protocol)
    fields = json.loads(json.dumps(found.to_dict()))
    assert "6 samples (3 of each of 2 prompts)" in fields["protocol"]
    assert "top-k 40, temperature 1, seed 5" in fields["protocol"]
    assert len(json.loads(json.dumps(samples.to_dict()))["samples"]) == 6


def test_one_sample_of_each_prompt(enliven: Callable[..., GPT2]) -> None:
    samples = draw_samples(language_model(enliven), prompts=["a"], per_prompt=1, max_new_tokens=4)
    assert len(samples.texts) == 1
    with pytest.raises(ConfigError):
        draw_samples(language_model(enliven), per_prompt=0)


def test_the_end_of_text_is_no_part_of_a_sample(enliven: Callable[..., GPT2]) -> None:
    lm = language_model(enliven)
    drawn = draw_samples(lm, prompts=["a", "the"], per_prompt=10, max_new_tokens=20, top_k=0)
    assert all(lm.tokenizer.eot not in ids for ids in drawn.ids)
