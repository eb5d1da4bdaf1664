"""What the explorer must say of a run of "the anthem the an", by any decoder it can follow."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from starlette.testclient import TestClient

import cutaway
from cutaway.generation import LanguageModel

__all__ = ["PLACES", "TEXT", "VIEWS", "Computed", "cell_agrees", "grows", "is_absent", "says_next"]

TEXT = "the anthem the an"
VIEWS = [
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
    *(f"tensor/{site}" for site in ("wte", "ln_f", "logits?rows=0:2")),
    *(f"tensor/h.1.{site}" for site in ("attn.q", "attn.pattern?head=3", "mlp.post")),
]
PLACES = {
    "wte": {"i": 3},
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
Computed = Callable[[str, dict[str, np.ndarray], int], float]
"""What a formula in words gives for its operands, of number ``i`` of a vector."""


def says_next(client: TestClient, run: str, lm: LanguageModel) -> None:
    found = client.get(f"/api/runs/{run}/next?k=3").json()["candidates"]
    wanted = lm.next_tokens(TEXT, k=3).candidates
    assert [one["id"] for one in found] == [one.id for one in wanted]
    assert [one["prob"] for one in found] == pytest.approx([one.prob for one in wanted], rel=1e-5)


def is_absent(client: TestClient, run: str, what: str, site: str) -> None:
    path = f"tensor/{site}" if what == "tensor" else f"cell?site={site}&i=0"
    answer = client.get(f"/api/runs/{run}/{path}")
    assert answer.status_code == 422
    assert f"no {site.removeprefix('h.1.')}" in answer.text


def cell_agrees(
    client: TestClient,
    run: str,
    lm: LanguageModel,
    monkeypatch: pytest.MonkeyPatch,
    *,
    site: str,
    place: dict[str, int],
    computed: Computed | None,
) -> None:
    """A number's Python gives it, and so do its formula and operands, where it has some."""
    query = "&".join(f"{name}={value}" for name, value in place.items())
    answer = client.get(f"/api/runs/{run}/cell?site={site}&q=4&{query}")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    monkeypatch.setattr(cutaway, "load", lambda name: lm)
    *lines, last = found["python"].splitlines()
    names: dict[str, Any] = {}
    exec("\n".join(lines), names)
    assert eval(last, names) == pytest.approx(found["value"], abs=1e-7)
    if computed is not None:
        operands = {o["name"]: np.array(o["values"]) for o in found["operands"]}
        value = computed(found["formula"], operands, place.get("i", 0))
        assert value == pytest.approx(found["value"], rel=2e-5, abs=2e-6)


def grows(client: TestClient, lm: LanguageModel) -> None:
    """A run with edits is answered, and the model is as it was."""
    body = {"text": TEXT, "edits": {"heads_off": [[0, 1]], "causal": False}}
    run = client.post("/api/runs", json=body).json()["run"]
    assert client.get(f"/api/runs/{run}/lens").status_code == 200
    with torch.no_grad():
        assert lm.model(torch.tensor([lm.encode(TEXT)])).isfinite().all()
