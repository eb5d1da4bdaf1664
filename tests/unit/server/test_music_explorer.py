"""The explorer of a Music Transformer: every view, with the term of the distance in its scores."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from cut1 import decoded
from explored import PLACES, TEXT, VIEWS, cell_agrees, grows, is_absent, says_next
from starlette.testclient import TestClient

from cutaway.generation import LanguageModel
from cutaway.interp import Recorder
from cutaway.models import MusicTransformer, MusicTransformerConfig
from lms import byte_tokenizer


@pytest.fixture(scope="module")
def lm(enliven: Callable[..., MusicTransformer]) -> LanguageModel:
    tokenizer = byte_tokenizer()
    size = MusicTransformerConfig(
        vocab_size=tokenizer.vocab_size, n_ctx=24, n_embd=20, n_layer=2, n_head=5, n_inner=70,
        n_att=30, max_relative=4,
    )  # fmt: skip
    return LanguageModel(enliven(MusicTransformer(size)), tokenizer)


@pytest.mark.parametrize("path", [*VIEWS, "tensor/wpe"])
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
    says_next(client, run, lm)


@pytest.mark.parametrize("what", ["tensor", "cell"])
def test_what_there_is_none_of_is_said(client: TestClient, run: str, what: str) -> None:
    is_absent(client, run, what, "h.1.attn.qkv")


CELLS = PLACES | {"wpe": {"i": 7}}


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
    formula = None if site == "wpe" else computed  # that one has no operands
    cell_agrees(client, run, lm, monkeypatch, site=site, place=CELLS[site], computed=formula)


def test_a_run_grows_and_is_edited(client: TestClient, lm: LanguageModel) -> None:
    grows(client, lm)
