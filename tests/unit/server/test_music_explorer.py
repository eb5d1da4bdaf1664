"""The explorer of a Music Transformer: every view that makes sense, and a word where none does."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

import cutaway
from cutaway.generation import LanguageModel
from cutaway.models import MusicTransformer
from cutaway.server import create_app
from musical import PIECE, music_transformer


@pytest.fixture(scope="module", params=[0, 4], ids=["global", "local"])
def piano(
    request: pytest.FixtureRequest, enliven: Callable[..., MusicTransformer]
) -> LanguageModel:
    return music_transformer(enliven, window=request.param)


@pytest.fixture
def asked(piano: LanguageModel) -> Iterator[TestClient]:
    with TestClient(create_app([piano]), base_url="http://127.0.0.1") as client:
        yield client


@pytest.fixture
def run(asked: TestClient) -> str:
    return asked.post("/api/runs", json={"text": PIECE}).json()["run"]


@pytest.mark.parametrize(
    "path",
    [
        *("next?k=5", "lens", "heads", "merge?layer=1", "neurons?layer=1", "river", "loss"),
        *("overview?layer=1", "gradient", "npz?sites=wte,wpe,h.0.attn.pattern"),
        *(f"tensor/{site}" for site in ("wte", "wpe?rows=2:5", "ln_f", "logits?rows=0:2")),
        *(f"tensor/h.1.{site}" for site in ("attn.q", "attn.pattern?head=3", "mlp.post")),
    ],
)
def test_views_are_answered(asked: TestClient, run: str, path: str) -> None:
    answer = asked.get(f"/api/runs/{run}/{path}")
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("path", ["masklab?layer=0&head=1", "ledger", "tensor/h.0.attn.qkv"])
def test_what_makes_no_sense_is_said(asked: TestClient, run: str, path: str) -> None:
    answer = asked.get(f"/api/runs/{run}/{path}")
    assert (answer.status_code, answer.json()["error"]) == (422, "ConfigError")


def test_a_step_and_its_bytes(asked: TestClient, run: str) -> None:
    step = asked.post(f"/api/runs/{run}/step", json={"id": 60}).json()
    assert step["kv_bytes_made"] == 2 * 2 * 30 * 4  # keys and values of two blocks, float32


CELLS = {
    "wte": {"i": 3},
    "wpe": {"i": 3},
    "h.0.resid_pre": {"i": 2},
    "h.1.ln_1": {"i": 4},
    "h.1.attn.q": {"head": 2, "i": 1},
    "h.0.attn.k": {"head": 4, "i": 3},
    "h.1.attn.v": {"head": 3, "i": 2},
    "h.1.attn.scores": {"head": 1, "k": 6},
    "h.1.attn.pattern": {"head": 1, "k": 6},
    "h.1.attn.z": {"head": 3, "i": 0},
    "h.1.attn_out": {"i": 6},
    "h.1.mlp.pre": {"i": 17},
    "h.0.mlp.post": {"i": 17},
    "h.0.mlp_out": {"i": 9},
    "h.0.resid_post": {"i": 9},
    "ln_f": {"i": 9},
    "logits": {"i": 259},
}
Q = 9


def computed(formula: str, parts: dict[str, np.ndarray], i: int) -> float:
    """What a formula in words gives for its operands."""
    values = list(parts.values())
    if formula.startswith("(x["):
        x, mean, variance, gain, bias = values
        return float((x[i] - mean[0]) / np.sqrt(variance[0] + 1e-6) * gain[0] + bias[0])
    if formula == "max(pre, 0)":
        return float(max(values[0][0], 0.0))
    if formula.startswith("exp"):
        first = Q + 1 - len(values[0])  # a window begins behind the first token
        return float(np.exp(values[0][6 - first]) / np.exp(values[0]).sum())
    if formula.startswith("(q"):
        q, k, e = values
        return float((q @ k + q @ e) / np.sqrt(6))
    if "√20" in formula:
        return float(values[0][0] * np.sqrt(20))
    if "·" in formula:
        product = float(values[0] @ values[1])
        return product + float(values[2][0]) if len(values) == 3 else product
    return float(sum(value[0] for value in values))


@pytest.mark.parametrize("site", CELLS)
def test_a_cell_its_operands_and_its_python(
    asked: TestClient, run: str, piano: LanguageModel, monkeypatch: pytest.MonkeyPatch, site: str
) -> None:
    place = CELLS[site]
    query = "&".join(f"{name}={value}" for name, value in place.items())
    answer = asked.get(f"/api/runs/{run}/cell?site={site}&q={Q}&{query}")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    monkeypatch.setattr(cutaway, "load", lambda name: piano)
    *lines, last = found["python"].splitlines()
    names: dict[str, Any] = {}
    exec("\n".join(lines), names)
    assert eval(last, names) == pytest.approx(found["value"], abs=1e-7)
    operands = {o["name"]: np.array(o["values"]) for o in found["operands"]}
    if operands:
        value = computed(found["formula"], operands, place.get("i", 0))
        assert value == pytest.approx(found["value"], rel=2e-5, abs=2e-6)
