"""The strongest neurons against a float64 computation, and their sum against the whole MLP."""

import numpy as np
import pytest
import torch
from whole_run import WholeRun

from cutaway.errors import ConfigError
from cutaway.interp.neurons import STRENGTHS, neurons
from cutaway.models import GPT2

IDS = [3, 1, 4, 1, 5, 9, 2, 6]
Q, LAYER, ID = 6, 1, 42


@pytest.fixture
def run(tiny_model: GPT2) -> WholeRun:
    return WholeRun(tiny_model, IDS)


def contributions(run: WholeRun) -> np.ndarray:
    """What each neuron adds (F, D), in float64."""
    post = run.at(f"h.{LAYER}.mlp.post")[Q].double().numpy()
    rows = run.model.state_dict()[f"h.{LAYER}.mlp.c_proj.weight"].double().numpy()
    return post[:, None] * rows


def pushes(run: WholeRun, parts: np.ndarray) -> np.ndarray:
    """What each part gives to every logit (N, V), in float64."""
    w = {name: value.double().numpy() for name, value in run.model.state_dict().items()}
    scale = np.sqrt(run.stream(3)[Q].double().numpy().var() + 1e-5)
    centred = parts - parts.mean(-1, keepdims=True)
    return (centred / scale * w["ln_f.weight"]) @ w["wte.weight"].T


def test_values_of_each_neuron(run: WholeRun) -> None:
    seen = neurons(run, layer=LAYER, q=Q, id=ID, top=7, words=4)
    post = run.at(f"h.{LAYER}.mlp.post")[Q]
    order = np.argsort(-post.abs().numpy(), kind="stable")[:7]
    parts = contributions(run)[order]
    every = pushes(run, parts)
    assert seen.index.tolist() == order.tolist()
    assert torch.equal(seen.post, post[seen.index])
    assert torch.equal(seen.pre, run.at(f"h.{LAYER}.mlp.pre")[Q][seen.index])
    np.testing.assert_allclose(seen.norms, np.linalg.norm(parts, axis=-1), rtol=1e-5)
    np.testing.assert_allclose(seen.push, every[:, ID], rtol=1e-4, atol=1e-5)
    for row in range(7):
        best = np.argsort(-every[row])[:4]
        worst = np.argsort(every[row])[:4]
        assert seen.promoted[row].tolist() == best.tolist()
        assert seen.demoted[row].tolist() == worst.tolist()
        np.testing.assert_allclose(seen.promoted_push[row], every[row, best], rtol=1e-4)
        np.testing.assert_allclose(seen.demoted_push[row], every[row, worst], rtol=1e-4)


@pytest.mark.parametrize("by", STRENGTHS)
@pytest.mark.parametrize("top", [1, 20, 80])
def test_pushes_sum_to_that_of_the_mlp(run: WholeRun, by: str, top: int) -> None:
    seen = neurons(run, layer=LAYER, q=Q, top=top, by=by)
    total = float(seen.push.double().sum()) + seen.rest_push + seen.bias_push
    assert total == pytest.approx(seen.mlp_out_push, abs=1e-5)
    out = run.at(f"h.{LAYER}.mlp_out")[Q].double().numpy()
    assert seen.mlp_out_push == pytest.approx(pushes(run, out[None])[0, seen.id], abs=1e-5)
    assert len(set(seen.index.tolist())) == top


def test_the_order_is_the_one_asked_for(run: WholeRun) -> None:
    def all_of(by: str) -> list[float]:
        seen = neurons(run, layer=LAYER, q=Q, top=80, by=by)
        sizes = {"activation": seen.post, "contribution": seen.norms, "push": seen.push}
        return sizes[by].abs().tolist()

    for by in STRENGTHS:
        assert all_of(by) == sorted(all_of(by), reverse=True)


def test_words_come_from_the_vocabulary(run: WholeRun) -> None:
    seen = neurons(run, layer=LAYER, q=Q, n_vocab=9, words=9)
    assert sorted(seen.promoted[0].tolist()) == list(range(9))
    assert seen.id < 9


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"layer": 3}, r"layer is 3.\nIt must be a whole number from 0 to 2."),
        ({"q": 8}, r"q is 8.\nIt must be a whole number from 0 to 7."),
        ({"id": 61}, r"id is 61.\nIt must be a whole number from 0 to 60."),
        ({"top": 81}, r"top is 81.\nIt must be a whole number from 1 to 80."),
        ({"top": 0}, "top is 0"),
        ({"words": 62}, r"words is 62.\nIt must be a whole number from 1 to 61."),
        ({"words": 10, "n_vocab": 9}, "from 1 to 9"),
        ({"by": "size"}, "by is 'size'.\nIt must be one of activation, contribution, push."),
    ],
)
def test_what_is_not_there_is_refused(run: WholeRun, asked: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        neurons(run, **{"layer": LAYER, "q": Q, **asked})
