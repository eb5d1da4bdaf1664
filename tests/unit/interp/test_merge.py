"""The heads' own additions: they sum to what attention added, and so do their pushes."""

import numpy as np
import pytest
import torch
from whole_run import WholeRun

from cutaway.errors import ConfigError
from cutaway.interp import Ablator, Chain, Recorder
from cutaway.interp.merge import merge
from cutaway.models import GPT2

IDS = [3, 1, 4, 1, 5, 9, 2, 6]


@pytest.fixture
def run(tiny_model: GPT2) -> WholeRun:
    return WholeRun(tiny_model, IDS)


@pytest.mark.parametrize("layer", [0, 1, 2])
@pytest.mark.parametrize("q", [0, 7])
def test_parts_and_pushes_sum_to_the_whole(run: WholeRun, layer: int, q: int) -> None:
    seen = merge(run, layer=layer, q=q)
    assert seen.parts.shape == (5, 20)
    assert torch.equal(seen.attn_out, run.at(f"h.{layer}.attn_out")[q])
    torch.testing.assert_close(seen.parts.sum(0) + seen.bias, seen.attn_out, rtol=0, atol=2e-6)
    assert float(seen.push.sum()) + seen.bias_push == pytest.approx(seen.attn_out_push, abs=1e-5)
    assert seen.id == int(run.logits(q).argmax())


def test_each_part_is_a_head_through_its_rows_of_the_matrix(run: WholeRun) -> None:
    seen = merge(run, layer=1, q=6, id=42)
    w = {name: value.double().numpy() for name, value in run.model.state_dict().items()}
    x = run.stream(3)[6].double().numpy()
    scale = np.sqrt(x.var() + 1e-5)
    for head in range(5):
        z = run.at("h.1.attn.z")[head, 6].double().numpy()
        part = z @ w["h.1.attn.c_proj.weight"][4 * head : 4 * head + 4]
        np.testing.assert_allclose(seen.parts[head], part, rtol=1e-4, atol=1e-6)
        assert float(seen.norms[head]) == pytest.approx(np.linalg.norm(part), rel=1e-5)
        push = w["wte.weight"][42] @ (w["ln_f.weight"] * (part - part.mean()) / scale)
        assert float(seen.push[head]) == pytest.approx(push, rel=1e-4, abs=1e-5)
    assert seen.scale == pytest.approx(scale)
    assert seen.bias_norm == pytest.approx(np.linalg.norm(w["h.1.attn.c_proj.bias"]))
    assert seen.attn_out_norm == pytest.approx(float(run.at("h.1.attn_out")[6].norm()))
    assert torch.equal(seen.z, run.at("h.1.attn.z")[:, 6])


def test_without_a_head_its_part_is_what_is_missing(run: WholeRun) -> None:
    recorder = Recorder({"h.1.attn_out"})
    with torch.no_grad():
        run.model(torch.tensor([IDS]), tap=Chain(Ablator({"h.1.attn.z": [3]}), recorder))
    without = recorder.values["h.1.attn_out"][0, 5]
    seen = merge(run, layer=1, q=5)
    torch.testing.assert_close(seen.attn_out - seen.parts[3], without, rtol=0, atol=3e-6)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"layer": 3, "q": 0}, r"layer is 3.\nIt must be a whole number from 0 to 2."),
        ({"layer": 0, "q": 8}, r"q is 8.\nIt must be a whole number from 0 to 7."),
        ({"layer": 0, "q": 0, "id": 61}, r"id is 61.\nIt must be a whole number from 0 to 60."),
        ({"layer": True, "q": 0}, "layer is True"),
    ],
)
def test_what_is_not_there_is_refused(run: WholeRun, asked: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        merge(run, **asked)
