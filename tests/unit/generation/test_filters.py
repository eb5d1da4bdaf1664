"""What each filter keeps, on distributions that can be checked by eye."""

import math

import numpy as np
import pytest

from cutaway.generation import GenerationConfig
from cutaway.generation.filters import (
    Scores,
    adjust,
    bias_logits,
    forbid_repeated_ngrams,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    keep_typical,
    narrow,
    penalise_repetition,
    softmax,
)

HALVES = np.log(np.array([[0.5, 0.25, 0.125, 0.0625, 0.0625]]))


def kept(scores: Scores) -> list[int]:
    return np.flatnonzero(scores[0] > -math.inf).tolist()


def test_top_k_keeps_all_that_tie_with_the_last() -> None:
    assert kept(keep_top_k(HALVES, 2)) == [0, 1]
    assert kept(keep_top_k(HALVES, 4)) == [0, 1, 2, 3, 4]
    assert kept(keep_top_k(HALVES, 99)) == [0, 1, 2, 3, 4]


def test_top_p_keeps_the_token_that_crosses() -> None:
    assert kept(keep_top_p(HALVES, 0.5)) == [0]
    assert kept(keep_top_p(HALVES, 0.51)) == [0, 1]
    assert kept(keep_top_p(HALVES, 1e-9)) == [0]
    assert kept(keep_top_p(HALVES[:, ::-1], 0.76)) == [2, 3, 4]


def test_min_p_is_a_share_of_the_best() -> None:
    assert kept(keep_min_p(HALVES, 0.25)) == [0, 1, 2]
    assert kept(keep_min_p(HALVES, 1.0)) == [0]


def test_typical_prefers_the_expected_surprise() -> None:
    """Entropy 1.875 bits; the second token's 2 bits are nearest, then the first's 1."""
    assert kept(keep_typical(HALVES, 0.2)) == [1]
    assert kept(keep_typical(HALVES, 0.3)) == [0, 1]


def test_typical_after_other_filters() -> None:
    """Minus infinity among the scores makes no entropy NaN."""
    assert kept(keep_typical(keep_top_k(HALVES, 2), 0.99)) == [0, 1]


def test_repetition_penalty_counts_a_token_once() -> None:
    scores = np.array([[2.0, -2.0, 1.0]])
    out = penalise_repetition(scores, [[0, 1, 1, 0, 0]], penalty=2.0)
    assert out.tolist() == [[1.0, -4.0, 1.0]]
    assert scores.tolist() == [[2.0, -2.0, 1.0]]


def test_no_ngram_twice() -> None:
    scores = np.zeros((1, 5))
    assert kept(forbid_repeated_ngrams(scores, [[1, 2, 3, 1, 2]], n=3)) == [0, 1, 2, 4]
    assert kept(forbid_repeated_ngrams(scores, [[1, 2, 1, 3, 1]], n=2)) == [0, 1, 4]
    assert kept(forbid_repeated_ngrams(scores, [[1, 2]], n=1)) == [0, 3, 4]
    assert kept(forbid_repeated_ngrams(scores, [[1, 2]], n=4)) == [0, 1, 2, 3, 4]
    assert kept(forbid_repeated_ngrams(scores, [[1, 1]], n=2)) == [0, 2, 3, 4]


def test_bias_adds_and_bans() -> None:
    out = bias_logits(np.zeros((2, 3)), {0: 1.5, 2: -math.inf})
    assert out.tolist() == [[1.5, 0.0, -math.inf]] * 2


def test_neutral_settings_return_the_scores_themselves() -> None:
    config = GenerationConfig(top_k=0)
    assert narrow(adjust(HALVES, [[0]], config=config), config=config) is HALVES


def test_the_order_is_bias_penalty_temperature_then_filters() -> None:
    config = GenerationConfig(
        logit_bias={2: 1.0}, repetition_penalty=2.0, temperature=0.5, top_k=2, top_p=0.9
    )
    scores = np.array([[3.0, 2.0, 1.0]])
    out = narrow(adjust(scores, [[0, 2]], config=config), config=config)
    # biased 3 2 2; penalised 1.5 2 1; by temperature 3 4 2; top-k keeps 0 and 1; their mass is
    # 0.27 and 0.73, so top-p keeps both. Counted from the best.
    assert out.tolist() == [[-1.0, 0.0, -math.inf]]


@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1e-9])
def test_near_zero_the_temperature_leaves_the_best(temperature: float) -> None:
    out = narrow(1e3 * HALVES, config=GenerationConfig(temperature=temperature, top_k=0))
    assert softmax(out).tolist() == [[1.0, 0.0, 0.0, 0.0, 0.0]]
    tied = narrow(np.array([[7.0, 7.0, 1.0]]), config=GenerationConfig(temperature=temperature))
    assert softmax(tied).tolist() == [[0.5, 0.5, 0.0]]


def test_a_huge_temperature_makes_all_equal() -> None:
    out = narrow(HALVES, config=GenerationConfig(temperature=1e300, top_k=0))
    assert softmax(out)[0].tolist() == pytest.approx([0.2] * 5)
