"""The quick way to a token gives what the plain way gives, whatever the scores and settings."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutaway.errors import ConfigError
from cutaway.generation import GenerationConfig, choosing
from cutaway.generation.choosing import Logits, choose, choose_plainly, log_probabilities, log_sums
from cutaway.generation.draw import DrawKey
from cutaway.generation.filters import log_softmax

configs = st.builds(
    GenerationConfig,
    temperature=st.sampled_from([0.0, 1e-320, 1e-3, 0.7, 1.0, 3.0]),
    top_k=st.sampled_from([0, 1, 2, 40, 100, 5000]),
    top_p=st.sampled_from([1e-9, 0.3, 0.9, 0.999999, 1.0]),
    min_p=st.sampled_from([0.0, 1e-300, 0.05, 1.0]),
    typical_p=st.sampled_from([1.0, 1.0, 0.5]),
    repetition_penalty=st.sampled_from([1.0, 1.3]),
    no_repeat_ngram=st.sampled_from([0, 2]),
    logit_bias=st.sampled_from([{}, {0: 4.0}, {0: -math.inf}]),
)
KINDS = ["normal", "peaked", "flat", "ties", "halves", "banned", "one left", "zipf", "far apart"]


def logits_of(kind: str, n: int, generator: np.random.Generator) -> Logits:
    x = generator.standard_normal(n, dtype=np.float32)
    match kind:
        case "peaked":
            x = x * 20
        case "flat":
            x = np.zeros(n, np.float32)
        case "ties":
            x = np.round(x * 2)
        case "halves":
            x = (x * 3).astype(np.float16).astype(np.float32) - 100
        case "banned":
            x[generator.random(n) < 0.9] = -math.inf
            x[0] = 1.0
        case "one left":
            x[:] = -math.inf
            x[n // 2] = 1.0
        case "zipf":
            x = -1.4 * np.log(generator.permutation(n) + 1).astype(np.float32)
        case "far apart":
            x = x * 1e30
        case _:
            pass
    return x


def outcome(call: Callable[..., Any], *args: Any, **kwargs: Any) -> object:
    try:
        return call(*args, **kwargs)
    except ConfigError as error:
        return str(error)


def plainly(logits: Logits, config: GenerationConfig, key: DrawKey) -> int:
    return choose_plainly(logits[None], [HISTORY], config=config, keys=[key])[0]


HISTORY = [0, 1, 0, 2, 0]


@settings(max_examples=200)
@given(
    kind=st.sampled_from(KINDS),
    n=st.sampled_from([3, 7, 64, 300, 2000]),
    dtype=st.sampled_from([np.float32, np.float64]),
    config=configs,
    seed=st.integers(0, 2**32),
)
def test_the_token_is_that_of_the_plain_way(
    kind: str, n: int, dtype: type[np.floating[Any]], config: GenerationConfig, seed: int
) -> None:
    logits = logits_of(kind, n, np.random.default_rng(seed)).astype(dtype)
    for sample in range(8):
        key = DrawKey(seed, sample, 5)
        expected = outcome(plainly, logits, config, key)
        assert outcome(choose, logits, HISTORY, config=config, key=key) == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"top_k": 40, "temperature": 0.7},
        {"top_k": 0},
        {"top_k": 0, "top_p": 0.9},
        {"top_k": 0, "min_p": 0.02},
        {"top_k": 100, "top_p": 0.8, "min_p": 0.1, "temperature": 1.3},
        {"temperature": 0.0},
    ],
)
def test_with_a_whole_vocabulary(kind: str, changes: dict[str, float]) -> None:
    logits = logits_of(kind, 50_257, np.random.default_rng(3))
    config = GenerationConfig(**changes)  # type: ignore[arg-type]
    for sample in range(3):
        key = DrawKey(1, sample, 5)
        assert choose(logits, HISTORY, config=config, key=key) == plainly(logits, config, key)


@pytest.mark.parametrize(
    "changes",
    [
        *[{}, {"temperature": 0.0}, {"top_k": 0}, {"top_k": 0, "top_p": 0.9}],
        *[{"top_p": 0.9, "min_p": 0.01}, {"top_k": 0, "min_p": 0.05}, {"temperature": 0.7}],
    ],
)
def test_the_plain_way_is_hardly_ever_taken(
    changes: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*args: object, **kwargs: object) -> None:
        raise AssertionError("the plain way was taken")

    monkeypatch.setattr(choosing, "choose_plainly", never)
    logits = logits_of("zipf", 50_257, np.random.default_rng(3))
    config = GenerationConfig(**changes)  # type: ignore[arg-type]
    tokens = {choose(logits, [1], config=config, key=DrawKey(1, i, 5)) for i in range(50)}
    assert len(tokens) > 3 or config.is_greedy


@pytest.mark.parametrize("changes", [{"top_k": 4}, {"top_k": 0}, {"top_k": 0, "top_p": 0.999}])
@pytest.mark.parametrize("u", [0.0, 0.25, 0.5, 0.75, 1 - 2.0**-52, 0.25 - 2.0**-52])
def test_a_draw_on_a_border_is_the_plain_way_s(
    changes: dict[str, float], u: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("choosing", "draw"):
        monkeypatch.setattr(f"cutaway.generation.{module}.uniform", lambda key: u)
    logits = np.full(600, -math.inf)
    logits[[3, 100, 101, 599]] = 2.0
    config, key = GenerationConfig(**changes), DrawKey(0, 0, 0)  # type: ignore[arg-type]
    assert choose(logits, [1], config=config, key=key) == plainly(logits, config, key)


@pytest.mark.parametrize("p", [0.5, 0.25, 0.75])
def test_a_mass_on_the_border_is_the_plain_way_s(p: float) -> None:
    logits = np.zeros(4, np.float32)
    for changes in ({"top_k": 0, "top_p": p}, {"top_k": 3, "top_p": p}, {"top_k": 0, "min_p": p}):
        for shift in (0.0, 1e-7, -1e-7):
            config = GenerationConfig(**changes)  # type: ignore[arg-type]
            scores = logits + np.array([0.0, shift, math.log(p), math.log(p) + shift], np.float32)
            for sample in range(20):
                key = DrawKey(7, sample, 1)
                expected = plainly(scores, config, key)
                assert choose(scores, [1], config=config, key=key) == expected


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("changes", [{}, {"temperature": 0.0}, {"top_k": 0}, {"temperature": 0.5}])
def test_scores_that_are_no_numbers_are_refused(changes: dict[str, float], bad: float) -> None:
    logits = np.zeros(300)
    logits[17] = bad
    config = GenerationConfig(**changes)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="not finite"):
        choose(logits, [1], config=config, key=DrawKey(0, 0, 0))


def test_nothing_is_left() -> None:
    logits = np.full(300, -math.inf)
    for changes in ({}, {"temperature": 0.0}, {"top_k": 0}):
        config = GenerationConfig(**changes)  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match="banned"):
            choose(logits, [1], config=config, key=DrawKey(0, 0, 0))


@pytest.mark.parametrize("kind", KINDS)
def test_log_probabilities_have_the_bits_of_all_rows_together(kind: str) -> None:
    generator = np.random.default_rng(0)
    logits = np.stack([logits_of(kind, 5000, generator) for _ in range(5)])
    sums = log_sums(logits)
    exact = log_softmax(logits.astype(np.float64))
    for row, log_sum, expected in zip(logits, sums, exact, strict=True):
        found, [alone] = log_probabilities(row, log_sum), log_sums(row[None])
        assert np.array_equal(found, log_probabilities(row, alone))
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
