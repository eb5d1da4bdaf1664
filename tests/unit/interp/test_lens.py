"""The logit lens against a float64 computation of its own and against the model's last words."""

import re

import numpy as np
import pytest
import torch
from whole_run import WholeRun

from cutaway.errors import ConfigError
from cutaway.interp.lens import lens, lens_logits, lens_sites
from cutaway.models import GPT2
from oracle.gpt2_numpy import layer_norm, softmax

IDS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5]


@pytest.fixture
def run(tiny_model: GPT2) -> WholeRun:
    return WholeRun(tiny_model, IDS)


def expected(run: WholeRun, site: str) -> np.ndarray:
    """Probabilities (T, V) of one height, in float64."""
    w = {name: value.double().numpy() for name, value in run.model.state_dict().items()}
    x = run.at(site).double().numpy()
    eps = run.model.config.layer_norm_epsilon
    return softmax(layer_norm(x, w["ln_f.weight"], w["ln_f.bias"], eps) @ w["wte.weight"].T)


@pytest.mark.parametrize("id", [None, 7])
def test_every_height_is_the_norm_and_the_head_on_its_stream(run: WholeRun, id: int | None) -> None:
    seen = lens(run, id=id)
    assert seen.sites == lens_sites(3)
    assert seen.positions == tuple(range(len(IDS)))
    own = run.at("logits").argmax(-1)
    assert seen.ids.tolist() == (own.tolist() if id is None else [id] * len(IDS))
    for row, site in enumerate(seen.sites):
        prob = expected(run, site)
        wanted = prob[np.arange(len(IDS)), seen.ids.numpy()]
        assert seen.best[row].tolist() == prob.argmax(-1).tolist()
        np.testing.assert_allclose(seen.best_prob[row].numpy(), prob.max(-1), rtol=2e-5)
        np.testing.assert_allclose(seen.prob[row].numpy(), wanted, rtol=2e-5)
        assert seen.rank[row].tolist() == (1 + (prob > wanted[:, None]).sum(-1)).tolist()


def test_the_last_row_is_what_the_model_says(run: WholeRun) -> None:
    seen = lens(run)
    logits = run.at("logits")
    assert torch.equal(seen.best[-1], logits.argmax(-1))
    assert (seen.rank[-1] == 1).all()
    relative = (logits - logits.max(-1, keepdim=True).values).exp()
    assert torch.equal(seen.best_prob[-1], 1 / relative.sum(-1))  # to the bit
    assert torch.equal(seen.prob[-1], seen.best_prob[-1])


def test_all_scores_of_a_height(run: WholeRun) -> None:
    for site in lens_sites(3):
        logits = lens_logits(run, site=site, q=4)
        np.testing.assert_allclose(logits.softmax(-1), expected(run, site)[4], rtol=2e-5)
    assert torch.equal(logits, run.logits(4))


def test_rows_are_a_part_of_the_whole(run: WholeRun) -> None:
    whole, part = lens(run, id=5), lens(run, id=5, rows=slice(1, 9, 3))
    assert part.positions == (1, 4, 7)
    for name in ("best", "rank"):
        assert torch.equal(getattr(part, name), getattr(whole, name)[:, 1:9:3])
    torch.testing.assert_close(part.prob, whole.prob[:, 1:9:3])


def test_blocks_of_positions_change_nothing(run: WholeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = lens(run, id=5)
    monkeypatch.setattr("cutaway.interp.lens._BLOCK", 4)
    part = lens(run, id=5)
    assert torch.equal(part.rank, whole.rank)
    torch.testing.assert_close(part.prob, whole.prob)


def test_padding_behind_the_vocabulary_is_no_word(run: WholeRun) -> None:
    seen = lens(run, id=0, n_vocab=2)
    assert seen.best.max() <= 1
    assert seen.rank.max() <= 2
    other = lens(run, id=1, n_vocab=2)
    torch.testing.assert_close(seen.prob + other.prob, torch.ones_like(seen.prob))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"id": 61}, "id is 61.\nIt must be a whole number from 0 to 60."),
        ({"id": -1}, "id is -1."),
        ({"id": 5, "n_vocab": 5}, "It must be a whole number from 0 to 4."),
        ({"n_vocab": 62}, "n_vocab is 62.\nIt must be a whole number from 1 to 61."),
        ({"rows": slice(0, 12)}, "rows is '0:12'.\nIt must be a part, not empty, of 0:11."),
        ({"rows": slice(-1, None)}, "rows is '-1:'."),
        ({"rows": slice(3, 3)}, "rows is '3:3'."),
        ({"rows": slice(0, 3, 0)}, "rows is '0:3:0'."),
    ],
)
def test_what_is_not_there_is_refused(run: WholeRun, asked: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        lens(run, **asked)


def test_heights_and_positions_that_are_not_there_are_refused(run: WholeRun) -> None:
    with pytest.raises(ConfigError, match=r"Did you mean 'h.1.resid_mid'"):
        lens_logits(run, site="h.1.resid_mud", q=0)
    with pytest.raises(ConfigError, match=r"q is 11.\nIt must be a whole number from 0 to 10."):
        lens_logits(run, site="h.1.resid_mid", q=11)
