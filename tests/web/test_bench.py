"""2.1 Four-token bench: every cell recomputed from x and W, here and by the page's own Python."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from playwright.sync_api import expect

from cutaway.generation import LanguageModel
from cutaway.interp import Recorder
from web.conftest import TEXT, Open, assert_accessible_everywhere, numbers, settled

Array = NDArray[np.float64]
MADE = ("q", "k", "v", "scores", "scaled", "weights", "z")


def block(page: Any, name: str) -> Array:
    """The numbers behind a block of the sheet."""
    rows = page.locator(f"[data-block={name}] tbody tr").evaluate_all(
        "(all) => all.map((tr) => [...tr.querySelectorAll('[data-value]')]"
        ".map((e) => Number(e.dataset.value)))"
    )
    return np.array(rows)


def recomputed(page: Any) -> dict[str, Array]:
    """Every made cell, from the given ones."""
    x, wq, wk, wv = (block(page, name) for name in ("x", "wq", "wk", "wv"))
    q, k, v = x @ wq, x @ wk, x @ wv
    scores = q @ k.T
    scaled = scores / np.sqrt(3)
    powers = np.exp(scaled)
    weights = powers / powers.sum(-1, keepdims=True)
    return dict(zip(MADE, (q, k, v, scores, scaled, weights, weights @ v), strict=True))


def assert_follows(page: Any) -> None:
    for name, values in recomputed(page).items():
        np.testing.assert_allclose(block(page, name), values, rtol=1e-9, atol=1e-12)


def cell(page: Any, name: str, row: int, column: int) -> Any:
    return page.locator(f"[data-block={name}] [data-at='{row}-{column}']")


def evaluate(text: str) -> float:
    """What a formula with numbers says."""
    code = text.replace("\u2212", "-").replace("\u00b7", "*").replace("\u221a3", "ROOT")
    code = code.replace("e^", "E**")
    return float(eval(code, {"__builtins__": {}}, {"E": math.e, "ROOT": math.sqrt(3)}))


@pytest.mark.parametrize(("layer", "head"), [(0, 0), (2, 3)])
def test_the_sheet_begins_with_the_models_numbers(
    explore: Open, lm: LanguageModel, layer: int, head: int
) -> None:
    ids = lm.encode(TEXT)
    page = explore("bench", ids=ids, more=f"&l={layer}&h={head}&g=live")
    recorder = Recorder({f"h.{layer}.ln_1"})
    with torch.no_grad():
        lm.model(torch.tensor([ids]), tap=recorder)
    stream = recorder.values[f"h.{layer}.ln_1"][0, -4:, :3].numpy()
    np.testing.assert_allclose(block(page, "x"), stream, atol=1e-6)
    weight = lm.model.h[layer].attn.c_attn.weight.detach().numpy()
    D, K = lm.model.config.n_embd, lm.model.config.head_dim
    for part, name in enumerate(("wq", "wk", "wv")):
        start = part * D + head * K
        np.testing.assert_array_equal(np.float32(block(page, name)), weight[:3, start : start + 3])
    assert_follows(page)


@pytest.mark.parametrize("stage", ["live", "round"])
def test_every_cell_shows_its_formula(explore: Open, lm: LanguageModel, stage: str) -> None:
    page = explore("bench", ids=lm.encode(TEXT), more=f"&g={stage}")
    for name, values in recomputed(page).items():
        for row, column in np.ndindex(values.shape):
            cell(page, name, row, column).focus()
            bar = page.locator(f"[data-formula={name}-{row}-{column}]")
            assert numbers(bar, "active") == [pytest.approx(values[row, column], rel=1e-9)]
            said = evaluate(bar.locator(".numbers").inner_text())
            assert said == pytest.approx(values[row, column], rel=1e-3, abs=1e-4)


def test_an_edit_moves_all_that_follows_and_stays_in_the_address(
    explore: Open, lm: LanguageModel
) -> None:
    page = explore("bench", ids=lm.encode(TEXT), more="&g=live")
    before = recomputed(page)
    entry = cell(page, "x", 0, 1)
    entry.fill("2.5")
    entry.press("Enter")
    expect(page.get_by_text("Your own numbers")).to_be_visible()
    assert block(page, "x")[0, 1] == 2.5
    assert_follows(page)
    assert not np.allclose(before["z"], block(page, "z"))
    np.testing.assert_allclose(before["q"][1:], block(page, "q")[1:], rtol=1e-9)
    made = {name: block(page, name) for name in MADE}
    page.reload()
    settled(page)
    for name, values in made.items():
        np.testing.assert_array_equal(block(page, name), values)
    page.get_by_role("button", name="From the model").click()
    settled(page)
    np.testing.assert_allclose(block(page, "z"), before["z"], rtol=1e-9)


def test_it_opens_with_a_toy_that_says_so(explore: Open, lm: LanguageModel) -> None:
    page = explore("bench", ids=lm.encode(TEXT))
    expect(page.get_by_text("A toy: these numbers stand in no model.")).to_be_visible()
    assert block(page, "x").tolist() == [[1, 0, 1], [0, 2, 0], [1, 1, 0], [0, 0, 2]]
    assert np.ptp(block(page, "weights")) > 0.4
    page.keyboard.press("]")
    settled(page)
    expect(page.get_by_text("after layer norm")).to_be_visible()


@pytest.mark.parametrize("stage", ["live", "round"])
@pytest.mark.parametrize("width", [1440, 390])
def test_no_number_is_cut_off(explore: Open, lm: LanguageModel, stage: str, width: int) -> None:
    page = explore("bench", ids=lm.encode(TEXT), more=f"&g={stage}")
    page.set_viewport_size({"width": width, "height": 844})
    settled(page)
    cut = "all => all.filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.dataset.value)"
    assert page.locator("[data-block] [data-value]").evaluate_all(cut) == []


def test_what_is_no_number_is_refused(explore: Open, lm: LanguageModel) -> None:
    page = explore("bench", ids=lm.encode(TEXT))
    entry = cell(page, "wq", 1, 1)
    before = entry.input_value()
    for text in ("robot", "", "1e99"):
        entry.fill(text)
        entry.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text(f"\u201c{text}\u201d is no number")
        assert entry.input_value() == before
    expect(page.get_by_text("Your own numbers")).to_have_count(0)


def test_the_python_gives_the_same(explore: Open, lm: LanguageModel) -> None:
    page = explore("bench", ids=lm.encode(TEXT))
    found: dict[str, Any] = {}
    exec(page.locator("[data-python]").inner_text(), found)
    for name in MADE:
        np.testing.assert_allclose(found[name], block(page, name), rtol=1e-9, atol=1e-12)


def test_arrow_keys_go_from_cell_to_cell(explore: Open, lm: LanguageModel) -> None:
    page = explore("bench", ids=lm.encode(TEXT))
    cell(page, "weights", 1, 1).focus()
    page.keyboard.press("ArrowRight")
    expect(cell(page, "weights", 1, 2)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator("[data-formula=weights-0-2]")).to_be_visible()
    marked = page.locator("[data-block=scaled] .marked").count()
    assert marked == 4


def test_a_short_text_has_fewer_rows(explore: Open, lm: LanguageModel) -> None:
    page = explore("bench", ids=lm.encode(TEXT)[:2], more="&g=live")
    assert block(page, "weights").shape == (2, 2)
    assert_follows(page)


def test_it_is_accessible(explore: Open, lm: LanguageModel) -> None:
    page = explore("bench", ids=lm.encode(TEXT))
    assert_accessible_everywhere(page)
