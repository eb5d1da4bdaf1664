"""The stream from the embeddings up: lengths, angles, and pushes that sum to the logit."""

import numpy as np
import pytest
import torch
from whole_run import WholeRun

from cutaway.errors import ConfigError
from cutaway.interp.river import river
from cutaway.models import GPT2

IDS = [3, 1, 4, 1, 5, 9, 2, 6]


@pytest.fixture
def run(tiny_model: GPT2) -> WholeRun:
    return WholeRun(tiny_model, IDS)


def norm(x: np.ndarray) -> float:
    return float(np.sqrt((x**2).sum()))


@pytest.mark.parametrize("q", [0, 7])
def test_lengths_and_angles(run: WholeRun, q: int) -> None:
    seen = river(run, q=q)
    names = [inflow.name for inflow in seen.inflows]
    layers = [f"h.{i}.{part}" for i in range(3) for part in ("attn_out", "mlp_out")]
    assert names == ["wte", "wpe", *layers]
    sites = [f"h.{i}.{site}" for i in range(3) for site in ("resid_mid", "resid_post")]
    assert [inflow.site for inflow in seen.inflows] == ["wte", "h.0.resid_pre", *sites]
    before = None
    for inflow in seen.inflows:
        added = run.at(inflow.name)[q].double().numpy()
        stream = run.at(inflow.site)[q].double().numpy()
        assert inflow.norm == pytest.approx(norm(added), rel=1e-5)
        assert inflow.stream_norm == pytest.approx(norm(stream), rel=1e-5)
        if before is None:
            assert inflow.cosine is None
        else:
            cosine = added @ before / norm(added) / norm(before)
            assert inflow.cosine == pytest.approx(cosine, abs=1e-5)
        before = stream


@pytest.mark.parametrize("id", [None, 0, 60])
def test_pushes_sum_to_the_logit(run: WholeRun, id: int | None) -> None:
    for q in range(len(IDS)):
        seen = river(run, q=q, id=id)
        assert seen.id == (int(run.logits(q).argmax()) if id is None else id)
        assert seen.logit == float(run.logits(q)[seen.id])
        total = sum(inflow.push for inflow in seen.inflows) + seen.constant
        assert total == pytest.approx(seen.logit, abs=2e-5)


def test_a_part_without_length_has_no_direction(tiny_model: GPT2) -> None:
    with torch.no_grad():
        tiny_model.wpe.weight.zero_()
    seen = river(WholeRun(tiny_model, IDS), q=3)
    assert [inflow.cosine is None for inflow in seen.inflows] == [True, True] + [False] * 6


def test_what_is_not_there_is_refused(run: WholeRun) -> None:
    with pytest.raises(ConfigError, match=r"q is 8.\nIt must be a whole number from 0 to 7."):
        river(run, q=8)
    with pytest.raises(ConfigError, match="id is 61"):
        river(run, q=0, id=61)
