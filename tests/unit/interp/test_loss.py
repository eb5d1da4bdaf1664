"""The loss of every token against float64, and against the scoring that the command line does."""

import math

import numpy as np
import pytest
import torch
from whole_run import WholeRun

from cutaway.errors import ConfigError
from cutaway.generation.model_reader import ModelReader
from cutaway.generation.scoring import score_ids
from cutaway.interp.loss import loss
from cutaway.models import GPT2
from oracle.gpt2_numpy import gpt2, softmax

IDS = [60, 3, 1, 4, 1, 5, 9, 2, 6]


@pytest.fixture
def run(tiny_model: GPT2) -> WholeRun:
    return WholeRun(tiny_model, IDS)


def test_each_token_from_those_before_it(run: WholeRun) -> None:
    w = {name: value.numpy() for name, value in run.model.state_dict().items()}
    prob = softmax(gpt2(IDS, w, n_head=5)["logits"])
    seen = loss(run)
    assert seen.nll.dtype == torch.float64
    expected = -np.log([prob[t, id] for t, id in enumerate(IDS[1:])])
    np.testing.assert_allclose(seen.nll, expected, rtol=1e-5, atol=1e-5)
    ranks = [1 + int((prob[t] > prob[t, id]).sum()) for t, id in enumerate(IDS[1:])]
    assert seen.rank.tolist() == ranks
    assert seen.total == pytest.approx(expected.sum(), rel=1e-5)
    assert seen.mean == pytest.approx(expected.mean(), rel=1e-5)
    assert seen.bits_per_byte is None


@pytest.mark.parametrize("n_vocab", [61, 10])
def test_is_the_score_of_a_text_behind_end_of_text(tiny_model: GPT2, n_vocab: int) -> None:
    ids = [9, *IDS[1:]]
    seen = loss(WholeRun(tiny_model, ids), n_vocab=n_vocab)
    reader = ModelReader(tiny_model, n_vocab=n_vocab)
    scored = score_ids(reader, ids[1:], before=9, stride=12)
    np.testing.assert_allclose(-seen.nll, scored, rtol=1e-6)


def test_blocks_of_positions_change_nothing(run: WholeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = loss(run)
    monkeypatch.setattr("cutaway.interp.loss._BLOCK", 3)
    part = loss(run)
    assert torch.equal(part.rank, whole.rank)
    torch.testing.assert_close(part.nll, whole.nll, rtol=1e-5, atol=1e-6)


def test_bytes_are_those_of_the_predicted_tokens(run: WholeRun) -> None:
    seen = loss(run, token_bytes=[13, 1, 2, 3, 4, 5, 6, 7, 8])
    assert seen.n_bytes == 36
    assert seen.bits_per_byte == pytest.approx(seen.total / math.log(2) / 36)


def test_one_token_predicts_nothing(tiny_model: GPT2) -> None:
    seen = loss(WholeRun(tiny_model, [3]), token_bytes=[1])
    assert (len(seen.nll), seen.total, seen.mean, seen.bits_per_byte) == (0, 0.0, None, None)


def test_what_does_not_fit_is_refused(run: WholeRun) -> None:
    with pytest.raises(ConfigError, match=r"token_bytes has 2 entries for 9 tokens."):
        loss(run, token_bytes=[1, 2])
    with pytest.raises(ConfigError, match=r"n_vocab is 0.\nIt must be .* from 1 to 61."):
        loss(run, n_vocab=0)
    with pytest.raises(ConfigError, match=r"id is 60.\nIt must be .* from 0 to 59."):
        loss(run, n_vocab=60)
