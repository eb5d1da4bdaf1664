"""Whole texts against transformers' ``generate``, and beams against all texts there are."""

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from benchmarks.peers import transformers_gpt2
from transformers import GPT2LMHeadModel

from cutaway.errors import ConfigError
from cutaway.generation import GenerationConfig, LanguageModel
from cutaway.generation.filters import adjust
from cutaway.models import GPT2
from lms import ids_only, language_model

PROMPT = [3, 1, 4, 1, 5]


def their_model(lm: LanguageModel, eos: int | None) -> GPT2LMHeadModel:
    return transformers_gpt2(lm.model, eos_token_id=eos, pad_token_id=0)


def their_text(model: GPT2LMHeadModel, **settings: object) -> list[int]:
    prompt = torch.tensor([PROMPT])
    out = model.generate(prompt, attention_mask=torch.ones_like(prompt), **settings)
    return out[0, len(PROMPT) :].tolist()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, {}),
        ({"repetition_penalty": 1.4}, {"repetition_penalty": 1.4}),
        ({"no_repeat_ngram": 2}, {"no_repeat_ngram_size": 2}),
        ({"logit_bias": {7: 3.0}}, {"sequence_bias": {(7,): 3.0}}),
    ],
)
def test_greedy(
    enliven: Callable[..., GPT2], ours: dict[str, object], theirs: dict[str, object], seed: int
) -> None:
    lm = language_model(enliven, n_ctx=40, seed=seed)
    expected = their_text(
        their_model(lm, lm.tokenizer.eot), do_sample=False, max_new_tokens=30, **theirs
    )
    config = GenerationConfig.from_dict({"temperature": 0.0, "max_new_tokens": 30, **ours})
    assert list(lm.generate(PROMPT, config=config).ids) == expected


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("beams", "penalty", "ours", "theirs"),
    [
        (2, 0.0, {}, {}),
        (4, 1.0, {}, {}),
        (3, 0.6, {"no_repeat_ngram": 2}, {"no_repeat_ngram_size": 2}),
        (3, 2.0, {"repetition_penalty": 1.3}, {"repetition_penalty": 1.3}),
        (5, -0.5, {}, {}),
    ],
)
def test_beams(
    enliven: Callable[..., GPT2],
    beams: int,
    penalty: float,
    ours: dict[str, object],
    theirs: dict[str, object],
    seed: int,
) -> None:
    """The same texts in the same order, and the same scores; some end early, some at the length."""
    lm = ids_only(enliven, vocab_size=11, n_ctx=24, seed=seed)
    prompt, n_new = torch.tensor([PROMPT]), 9
    out = their_model(lm, 7).generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        do_sample=False,
        num_beams=beams,
        num_return_sequences=beams,
        length_penalty=penalty,
        early_stopping="never",
        max_new_tokens=n_new,
        output_scores=True,
        return_dict_in_generate=True,
        **theirs,
    )
    config = GenerationConfig.from_dict(
        {
            "beams": beams,
            "length_penalty": penalty,
            "max_new_tokens": n_new,
            "stop_ids": (7,),
            **ours,
        }
    )
    found = lm.generate(PROMPT, n=beams, config=config)
    assert isinstance(found, list)
    assert len(found) == beams
    for completion, their_ids, their_score in zip(
        found, out.sequences.tolist(), out.sequences_scores.tolist(), strict=True
    ):
        n = len(completion.ids)
        assert list(completion.ids) == their_ids[len(PROMPT) :][:n]
        assert set(their_ids[len(PROMPT) + n :]) <= {0, 7}  # padding
        if "repetition_penalty" not in ours:
            assert math.isclose(
                math.fsum(completion.logprobs) / n**penalty, their_score, rel_tol=1e-6
            )


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("penalty", [0.0, 1.0, -0.5])
def test_beams_of_many_prompts(enliven: Callable[..., GPT2], penalty: float, seed: int) -> None:
    """Five beams of prompts of different lengths, which transformers pads on the left."""
    lm = ids_only(enliven, vocab_size=40, n_ctx=32, seed=seed)
    prompts = [[3, 1, 4, 1, 5], [9], [2, 6, 5], [3, 5, 8, 9, 7, 9, 3, 2, 3, 8], [4, 6], [2, 6, 4]]
    longest = max(map(len, prompts))
    padded = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts])
    theirs = their_model(lm, 7).generate(
        padded,
        attention_mask=(padded != 0).long(),
        do_sample=False,
        num_beams=5,
        num_return_sequences=5,
        length_penalty=penalty,
        early_stopping="never",
        max_new_tokens=14,
        eos_token_id=[7, 2, 5],
    )
    found = lm.generate(
        prompts, n=5, beams=5, length_penalty=penalty, max_new_tokens=14, stop_ids=(2, 5, 7)
    )
    ours = [completion.ids for texts in found for completion in texts]
    for ids, their_ids in zip(ours, theirs[:, longest:].tolist(), strict=True):
        assert list(ids) == their_ids[: len(ids)]
        assert set(their_ids[len(ids) :]) <= {0, 7}
    assert penalty > 0 or len({len(ids) for ids in ours}) > 1


@pytest.mark.parametrize(("end", "early"), [("likely", False), ("full", True)])
@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_beams_that_end_earlier(
    enliven: Callable[..., GPT2], penalty: float, end: str, early: bool
) -> None:
    lm = ids_only(enliven, vocab_size=40, n_ctx=32, seed=2)
    prompts = [[3, 1, 4], [9, 5, 2], [2, 6, 5], [8, 9, 7]]
    theirs = their_model(lm, 7).generate(
        torch.tensor(prompts),
        attention_mask=torch.ones(4, 3, dtype=torch.long),
        do_sample=False,
        num_beams=3,
        num_return_sequences=3,
        length_penalty=penalty,
        early_stopping=early,
        max_new_tokens=20,
        eos_token_id=[7, 2, 5, 9, 30],
    )
    config = GenerationConfig(
        beams=3, length_penalty=penalty, max_new_tokens=20, stop_ids=(7, 2, 5, 9, 30)
    )
    found = lm.search(prompts, end=end, config=config)
    ours = [completion.ids for texts in found for completion in texts]
    for ids, their_ids in zip(ours, theirs[:, 3:].tolist(), strict=True):
        assert list(ids) == their_ids[: len(ids)]
        assert set(their_ids[len(ids) :]) <= {0, 7}


def test_an_end_that_is_none(enliven: Callable[..., GPT2]) -> None:
    with pytest.raises(ConfigError, match="end is 'ful'"):
        ids_only(enliven, vocab_size=3).search([[0]], end="ful", beams=2)  # type: ignore[arg-type]


def all_texts(
    lm: LanguageModel, config: GenerationConfig, n_new: int, end: int
) -> list[tuple[float, tuple[int, ...]]]:
    """Every text of up to ``n_new`` tokens with its score, best first."""
    vocab = range(lm.model.config.vocab_size)
    found = []
    for n in range(1, n_new + 1):
        for text in itertools.product(vocab, repeat=n):
            if end in text[:-1] or (n < n_new and text[-1] != end):
                continue
            ids = [*PROMPT, *text]
            with torch.no_grad():
                logprobs = lm.model(torch.tensor([ids[:-1]]))[0].log_softmax(-1).numpy()
            total = 0.0
            for i, token in enumerate(text):
                at = len(PROMPT) - 1 + i
                total += float(
                    adjust(logprobs[at : at + 1], [ids[: at + 1]], config=config)[0, token]
                )
            if total > -math.inf:
                found.append((total / n**config.length_penalty, text))
    return sorted(found, reverse=True)


@pytest.mark.parametrize("penalty", [-1.0, 0.0, 0.7, 1.5])
@pytest.mark.parametrize("other", [{}, {"no_repeat_ngram": 2}, {"logit_bias": {2: -math.inf}}])
def test_beams_wide_enough_find_the_best_of_all_texts(
    enliven: Callable[..., GPT2], penalty: float, other: dict[str, object]
) -> None:
    lm = ids_only(enliven, vocab_size=6, n_ctx=12)
    config = GenerationConfig.from_dict(
        {
            "beams": 250,
            "length_penalty": penalty,
            "max_new_tokens": 3,
            "stop_ids": (0,),
            **other,
        }
    )
    best = all_texts(lm, config, n_new=3, end=0)[:5]
    found = lm.generate(PROMPT, n=5, config=config)
    assert isinstance(found, list)
    assert [completion.ids for completion in found] == [text for _, text in best]
    assert [completion.index for completion in found] == [0, 1, 2, 3, 4]


def test_one_beam_of_two_is_no_worse_than_greedy(enliven: Callable[..., GPT2]) -> None:
    lm = language_model(enliven)
    greedy = lm.generate("the", temperature=0, max_new_tokens=8)
    searched = lm.generate("the", beams=4, max_new_tokens=8, logprobs=1)
    # The same text has its scores from products of other shapes: equal but for float64's rounding.
    assert math.fsum(searched.logprobs) >= math.fsum(greedy.logprobs) - 1e-12
    assert searched.top_logprobs is not None
    assert len(searched.top_logprobs) == len(searched.ids)
    assert searched.seed is None


def test_beams_end_at_stop_strings(enliven: Callable[..., GPT2]) -> None:
    lm = language_model(enliven)
    free = lm.generate("the", beams=3, max_new_tokens=8)
    stop = free.text[2:4]
    stopped = lm.generate("the", n=3, beams=3, max_new_tokens=8, stop=stop)
    assert isinstance(stopped, list)
    for completion in stopped:
        assert stop not in completion.text
        assert (completion.finish_reason == "stop") == (stop in lm.decode(completion.ids))


def test_more_texts_than_beams(enliven: Callable[..., GPT2]) -> None:
    with pytest.raises(ConfigError, match="n=3 texts of beams=2"):
        language_model(enliven).generate("the", n=3, beams=2)


def test_everything_banned(enliven: Callable[..., GPT2]) -> None:
    lm = ids_only(enliven, vocab_size=3)
    with pytest.raises(ConfigError, match="banned"):
        lm.generate([0], beams=2, logit_bias=dict.fromkeys(range(3), -math.inf))
