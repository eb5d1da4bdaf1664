"""Filters against the processors of Hugging Face transformers, on random scores with ties."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from transformers.generation import logits_process as theirs

from cutaway.generation import GenerationConfig
from cutaway.generation.filters import (
    Scores,
    adjust,
    forbid_repeated_ngrams,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    keep_typical,
    narrow,
    penalise_repetition,
    softmax,
)

V = 17


@st.composite
def scores(draw: st.DrawFn, *, ties: bool = True) -> Tensor:
    """Two rows: random floats, or halves so that many are equal; some banned."""
    seed = draw(st.integers(0, 2**31))
    rows = 3.0 * torch.randn(2, V, generator=torch.Generator().manual_seed(seed)).double()
    if ties and draw(st.booleans()):
        rows = (2 * rows).round() / 2
    for token in draw(st.sets(st.integers(0, V - 1), max_size=5)):
        rows[:, token] = -math.inf
    return rows


ids = st.lists(st.lists(st.integers(0, V - 1), min_size=9, max_size=9), min_size=2, max_size=2)
share = st.floats(0.01, 0.99)


def same(ours: Scores, expected: Tensor) -> None:
    np.testing.assert_allclose(ours, expected.numpy(), rtol=1e-12, atol=0)


@given(scores=scores(), k=st.integers(1, V + 3))
def test_top_k(scores: Tensor, k: int) -> None:
    same(keep_top_k(scores.numpy(), k), theirs.TopKLogitsWarper(k)(None, scores))


@given(scores=scores(ties=False), p=share)
def test_top_p(scores: Tensor, p: float) -> None:
    """Without ties: theirs sorts ascending, so that of equal tokens another one may be dropped."""
    same(keep_top_p(scores.numpy(), p), theirs.TopPLogitsWarper(p)(None, scores))


@given(scores=scores(), p=share)
def test_min_p(scores: Tensor, p: float) -> None:
    same(keep_min_p(scores.numpy(), p), theirs.MinPLogitsWarper(p)(None, scores))


@given(scores=scores(), mass=share)
def test_typical(scores: Tensor, mass: float) -> None:
    same(keep_typical(scores.numpy(), mass), theirs.TypicalLogitsWarper(mass)(None, scores))


@given(scores=scores(), ids=ids, penalty=st.floats(0.5, 2.0))
def test_repetition_penalty(scores: Tensor, ids: list[list[int]], penalty: float) -> None:
    expected = theirs.RepetitionPenaltyLogitsProcessor(penalty)(torch.tensor(ids), scores)
    same(penalise_repetition(scores.numpy(), ids, penalty=penalty), expected)


@given(scores=scores(), ids=ids, n=st.integers(1, 4), few=st.integers(1, V))
def test_no_repeat_ngram(scores: Tensor, ids: list[list[int]], n: int, few: int) -> None:
    ids = [[token % few for token in row] for row in ids]
    expected = theirs.NoRepeatNGramLogitsProcessor(n)(torch.tensor(ids), scores.clone())
    same(forbid_repeated_ngrams(scores.numpy(), ids, n=n), expected)


@given(scores=scores(ties=False), ids=ids, data=st.data())
@pytest.mark.parametrize("make", [float, lambda x: round(x, 1)], ids=["any", "rounded"])
def test_all_in_a_row(
    scores: Tensor, ids: list[list[int]], data: st.DataObject, make: Callable[[float], float]
) -> None:
    """The order of transformers' own ``generate``, as probabilities: ours count from the best."""
    penalty, temperature = (make(data.draw(st.floats(0.5, 2.0))) for _ in range(2))
    top_p, min_p, typical = (data.draw(share) for _ in range(3))
    top_k = data.draw(st.integers(1, V))
    bias = data.draw(
        st.dictionaries(
            st.integers(0, V - 1), st.integers(-12, 12).map(lambda q: q / 4), min_size=1
        )
    )
    config = GenerationConfig(
        logit_bias=bias,
        repetition_penalty=penalty,
        no_repeat_ngram=2,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        typical_p=typical,
    )
    chain = theirs.LogitsProcessorList(
        [
            theirs.SequenceBiasLogitsProcessor({(token,): value for token, value in bias.items()}),
            theirs.RepetitionPenaltyLogitsProcessor(penalty),
            theirs.NoRepeatNGramLogitsProcessor(2),
            theirs.TemperatureLogitsWarper(temperature),
            theirs.TopKLogitsWarper(top_k),
            theirs.TopPLogitsWarper(top_p),
            theirs.MinPLogitsWarper(min_p),
            theirs.TypicalLogitsWarper(typical),
        ]
    )
    expected = chain(torch.tensor(ids), scores.clone())
    ours = narrow(adjust(scores.numpy(), ids, config=config), config=config)
    assert np.array_equal(ours == -math.inf, expected.numpy() == -math.inf)
    shares = expected.softmax(-1).numpy()
    np.testing.assert_allclose(softmax(ours), shares, rtol=1e-9, atol=1e-15)
