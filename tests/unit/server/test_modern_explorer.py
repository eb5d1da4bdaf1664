"""The explorer of a modern decoder: every view that makes sense, and a word where none does."""

from collections.abc import Callable

import numpy as np
import pytest
from cut1 import decoded
from explored import PLACES, VIEWS, cell_agrees, grows, is_absent, says_next
from starlette.testclient import TestClient

from cutaway.generation import LanguageModel
from cutaway.models import Modern, ModernConfig
from lms import byte_tokenizer


@pytest.fixture(scope="module")
def lm(enliven: Callable[..., Modern]) -> LanguageModel:
    tokenizer = byte_tokenizer()
    size = ModernConfig(vocab_size=tokenizer.vocab_size, n_ctx=24, n_embd=20, n_layer=2, n_head=5)
    return LanguageModel(enliven(Modern(size)), tokenizer)


@pytest.mark.parametrize("path", VIEWS)
def test_views_are_answered(client: TestClient, run: str, path: str) -> None:
    answer = client.get(f"/api/runs/{run}/{path}")
    assert answer.status_code == 200, answer.text


def test_the_model_is_told(client: TestClient, lm: LanguageModel) -> None:
    [info] = client.get("/api/models").json()["models"]
    assert info["config"]["n_layer"] == 2
    assert info["n_parameters"] == sum(p.numel() for p in lm.model.parameters())
    table = client.get("/api/models/unnamed/parameters").json()
    assert table["total"] == info["n_parameters"]
    head = client.get("/api/models/unnamed/weights/lm_head.weight?rows=0:2&cols=1:4")
    _, values, _ = decoded(head.content)
    assert np.array_equal(values.reshape(2, 3), lm.model.head[:2, 1:4].detach().numpy())


def test_what_is_said_next_is_what_the_model_says(
    client: TestClient, run: str, lm: LanguageModel
) -> None:
    says_next(client, run, lm)


@pytest.mark.parametrize("what", ["tensor", "cell"])
@pytest.mark.parametrize("site", ["wpe", "h.1.attn.qkv"])
def test_what_there_is_none_of_is_said(client: TestClient, run: str, what: str, site: str) -> None:
    is_absent(client, run, what, site)


def computed(formula: str, parts: dict[str, np.ndarray], i: int) -> float:
    """What a formula in words gives for its operands."""
    values = list(parts.values())
    if formula.startswith("x["):
        return float(values[0][i] / np.sqrt(values[1][0] + 1e-6))
    if " cos" in formula:
        (a, b), (cos,), (sin,) = values
        return float(a * cos - b * sin if formula.startswith("a · cos") else a * sin + b * cos)
    if formula == "max(pre, 0)²":
        return float(max(values[0][0], 0.0) ** 2)
    if formula.startswith("exp"):
        return float(np.exp(values[0][2]) / np.exp(values[0]).sum())
    if "√" in formula:
        return float(values[0] @ values[1] / np.sqrt(4))
    if " + " in formula or len(values) == 1:
        return float(sum(value[0] for value in values))
    return float(values[0] @ values[1])


@pytest.mark.parametrize("site", PLACES)
def test_a_cell_its_operands_and_its_python(
    client: TestClient, run: str, lm: LanguageModel, monkeypatch: pytest.MonkeyPatch, site: str
) -> None:
    formula = None if site == "wte" else computed  # that one is its own operand
    cell_agrees(client, run, lm, monkeypatch, site=site, place=PLACES[site], computed=formula)


def test_a_run_grows_and_is_edited(client: TestClient, lm: LanguageModel) -> None:
    grows(client, lm)
