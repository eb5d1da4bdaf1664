"""The explorer of a Music Transformer: every view, with the term of the distance in its scores."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from cut1 import decoded
from starlette.testclient import TestClient

import cutaway
from cutaway.generation import LanguageModel
from cutaway.interp import Recorder
from cutaway.models import MusicTransformer, MusicTransformerConfig
from cutaway.server import create_app
from lms import byte_tokenizer

TEXT = "the anthem the an"


@pytest.fixture(scope="module")
def lm(enliven: Callable[..., MusicTransformer]) -> LanguageModel:
    tokenizer = byte_tokenizer()
    size = MusicTransformerConfig(
        vocab_size=tokenizer.vocab_size, n_ctx=24, n_embd=20, n_layer=2, n_head=5, n_inner=70,
        n_att=30, max_relative=4,
    )  # fmt: skip
    return LanguageModel(enliven(MusicTransformer(size)), tokenizer)


@pytest.fixture
def client(lm: LanguageModel) -> Iterator[TestClient]:
    with TestClient(create_app([lm]), base_url="http://127.0.0.1") as client:
        yield client


@pytest.fixture
def run(client: TestClient) -> str:
    return client.post("/api/runs", json={"text": TEXT}).json()["run"]


@pytest.mark.parametrize(
    "path",
    [
        "next?k=5",
        "lens",
        "heads",
        "merge?layer=1",
        "neurons?layer=1",
        "river",
        "loss",
        "ledger?measure=3",
        "masklab?layer=0&head=2",
        "overview?layer=1",
        *(f"tensor/{site}" for site in ("wte", "wpe", "ln_f", "logits?rows=0:2")),
        *(f"tensor/h.1.{site}" for site in ("attn.q", "attn.pattern?head=3", "mlp.post")),
    ],
)
def test_views_are_answered(client: TestClient, run: str, path: str) -> None:
    answer = client.get(f"/api/runs/{run}/{path}")
    assert answer.status_code == 200, answer.text


def test_the_model_is_told(client: TestClient, lm: LanguageModel) -> None:
    [info] = client.get("/api/models").json()["models"]
    assert info["config"]["n_layer"] == 2
    assert info["n_parameters"] == sum(p.numel() for p in lm.model.parameters())
    table = client.get("/api/models/unnamed/parameters").json()
    assert table["total"] == info["n_parameters"]


def test_what_a_site_holds_is_what_a_tap_sees(
    client: TestClient, run: str, lm: LanguageModel
) -> None:
    recorder = Recorder()
    with torch.no_grad():
        lm.model(torch.tensor([lm.encode(TEXT)]), tap=recorder)
    for site in ("wte", "wpe", "h.1.attn.q", "h.0.attn.scores", "h.1.attn.pattern", "ln_f"):
        seen = recorder.values[site].flatten().numpy()
        _, values, _ = decoded(client.get(f"/api/runs/{run}/tensor/{site}").content)
        np.testing.assert_allclose(values.flatten(), seen, rtol=1e-3, atol=1e-4)


def test_what_is_said_next_is_what_the_model_says(
    client: TestClient, run: str, lm: LanguageModel
) -> None:
    found = client.get(f"/api/runs/{run}/next?k=3").json()["candidates"]
    wanted = lm.next_tokens(TEXT, k=3).candidates
    assert [one["id"] for one in found] == [one.id for one in wanted]
    assert [one["prob"] for one in found] == pytest.approx([one.prob for one in wanted], rel=1e-5)


@pytest.mark.parametrize("what", ["tensor", "cell"])
def test_what_there_is_none_of_is_said(client: TestClient, run: str, what: str) -> None:
    site = "h.1.attn.qkv"
    path = f"tensor/{site}" if what == "tensor" else f"cell?site={site}&i=0"
    answer = client.get(f"/api/runs/{run}/{path}")
    assert answer.status_code == 422
    assert f"no {site.removeprefix('h.1.')}" in answer.text


CELLS = {
    "wte": {"i": 3},
    "wpe": {"i": 7},
    "h.0.resid_pre": {"i": 2},
    "h.1.resid_pre": {"i": 2},
    "h.1.ln_1": {"i": 4},
    "h.1.attn.q": {"head": 2, "i": 1},
    "h.0.attn.k": {"head": 4, "i": 3},
    "h.1.attn.v": {"head": 3, "i": 2},
    "h.1.attn.scores": {"head": 1, "k": 2},
    "h.1.attn.pattern": {"head": 1, "k": 2},
    "h.1.attn.z": {"head": 3, "i": 0},
    "h.1.attn_out": {"i": 6},
    "h.1.mlp.pre": {"i": 66},
    "h.0.mlp.post": {"i": 66},
    "h.0.mlp_out": {"i": 9},
    "h.0.resid_post": {"i": 9},
    "ln_f": {"i": 9},
    "logits": {"i": 259},
}


def computed(formula: str, parts: dict[str, np.ndarray], i: int) -> float:
    """What a formula in words gives for its operands."""
    values = list(parts.values())
    if formula.startswith("(x["):
        x, mean, variance, gain, bias = values
        return float((x[i] - mean[0]) / np.sqrt(variance[0] + 1e-6) * gain[0] + bias[0])
    if formula == "max(pre, 0)":
        return float(max(values[0][0], 0.0))
    if formula.startswith("wte["):
        return float(values[0][0] * np.sqrt(20))
    if formula.startswith("exp"):
        return float(np.exp(values[0][2]) / np.exp(values[0]).sum())
    if "√" in formula:
        q, k, distance = values
        return float((q @ k + q @ distance) / np.sqrt(6))
    if formula.endswith("+ bias"):
        return float(values[0] @ values[1] + values[2][0])
    if " + " in formula or len(values) == 1:
        return float(sum(value[0] for value in values))
    return float(values[0] @ values[1])


@pytest.mark.parametrize("site", CELLS)
def test_a_cell_its_operands_and_its_python(
    client: TestClient, run: str, lm: LanguageModel, monkeypatch: pytest.MonkeyPatch, site: str
) -> None:
    place = CELLS[site]
    query = "&".join(f"{name}={value}" for name, value in place.items())
    answer = client.get(f"/api/runs/{run}/cell?site={site}&q=4&{query}")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    monkeypatch.setattr(cutaway, "load", lambda name: lm)
    *lines, last = found["python"].splitlines()
    names: dict[str, Any] = {}
    exec("\n".join(lines), names)
    assert eval(last, names) == pytest.approx(found["value"], abs=1e-7)
    if site != "wpe":  # that one has no operands
        operands = {o["name"]: np.array(o["values"]) for o in found["operands"]}
        value = computed(found["formula"], operands, place.get("i", 0))
        assert value == pytest.approx(found["value"], rel=2e-5, abs=2e-6)


def test_a_run_grows_and_is_edited(client: TestClient, lm: LanguageModel) -> None:
    body = {"text": TEXT, "edits": {"heads_off": [[0, 1]], "causal": False}}
    run = client.post("/api/runs", json=body).json()["run"]
    assert client.get(f"/api/runs/{run}/lens").status_code == 200
    with torch.no_grad():
        assert lm.model(torch.tensor([lm.encode(TEXT)])).isfinite().all()
