"""2.4 Parameter table: counts and weights against the tensors themselves."""

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from cutaway.generation import LanguageModel
from web.conftest import TEXT, Open, numbers, settled


def tensors(lm: LanguageModel) -> dict[str, Any]:
    """Every parameter once, though the output head shares its own with the embedding."""
    found = {p.data_ptr(): (name, p) for name, p in lm.model.named_parameters()}
    return {name: p.detach().numpy() for name, p in found.values()}


def test_the_total_is_the_sum_over_the_tensors(explore: Open, lm: LanguageModel) -> None:
    page = explore("table", ids=lm.encode(TEXT))
    weights = tensors(lm)
    assert numbers(page, "total") == [sum(w.size for w in weights.values())]
    assert numbers(page, "total-bytes") == [sum(w.nbytes for w in weights.values())]
    assert sum(numbers(page, "all")) == sum(w.size for w in weights.values())
    assert sum(numbers(page, "share")) == pytest.approx(1)
    in_block = sum(w.size for name, w in weights.items() if name.startswith("h.0."))
    assert numbers(page, "block") == [in_block]
    assert numbers(page, "blocks") == [in_block * lm.model.config.n_layer]


def test_each_row_counts_its_matrix(explore: Open, lm: LanguageModel) -> None:
    page = explore("table", ids=lm.encode(TEXT))
    weights = tensors(lm)
    rows = page.locator("[data-matrix]")
    names = rows.evaluate_all("(all) => all.map((e) => e.dataset.matrix)")
    assert sorted(
        {n.replace("h.0.", "h.*.") for n in weights if "h.1" not in n and "h.2" not in n}
    ) == sorted(names)
    of = [weights[name.replace("*", "0")] for name in names]
    assert numbers(page, "parameters") == [w.size for w in of]
    shapes = [" \u00d7 ".join(map(str, w.shape)) for w in of]
    assert rows.locator("td.shape").all_inner_texts() == shapes


def test_the_picture_is_the_matrix_pooled(explore: Open, lm: LanguageModel) -> None:
    page = explore("table", ids=lm.encode(TEXT), more="&g=h-attn-c_attn-weight&l=1")
    weight = tensors(lm)["h.1.attn.c_attn.weight"]
    shown = page.locator(".heatmap canvas").evaluate("(e) => [...e.cutaway.frame.data]")
    # 20 x 60: no side is longer than the picture, so each cell is one weight.
    np.testing.assert_array_equal(np.float32(shown).reshape(weight.shape), weight)
    np.testing.assert_array_equal(np.float32(numbers(page, "weight")), weight[:1, :1].ravel())
    heights = page.locator("figure rect[data-value]").evaluate_all(
        "(all) => all.map((e) => Number(e.dataset.value))"
    )
    counts, _ = np.histogram(weight.astype(np.float64), bins=len(heights))
    assert sum(heights) == weight.size
    assert np.abs(counts - heights).sum() <= 2  # a value on an edge may fall to either side
    for key, value in {
        "min": weight.min(),
        "max": weight.max(),
        "mean": weight.astype(np.float64).mean(),
        "std": weight.astype(np.float64).std(),
        "norm": np.linalg.norm(weight.astype(np.float64)),
    }.items():
        assert numbers(page, f"weights-{key}") == [pytest.approx(float(value), rel=1e-5)]


def test_a_large_matrix_is_read_cell_by_cell(explore: Open, lm: LanguageModel) -> None:
    page = explore("table", ids=lm.encode(TEXT))
    weight = tensors(lm)["wte.weight"]
    page.get_by_role("button", name="As a table").first.click()
    page.get_by_role("grid").locator("[tabindex='0']").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    settled(page)
    edges = np.arange(65) * len(weight) // 64
    cell = weight[edges[1] : edges[2], 1:2]
    np.testing.assert_array_equal(np.float32(numbers(page, "weight")), cell[:8].ravel())
    shown = page.locator("[role=gridcell][aria-selected=true]").inner_text()
    assert float(shown.replace("\u2212", "-")) == pytest.approx(float(cell.mean()), rel=1e-5)


def test_keys_walk_through_matrices_and_blocks(explore: Open, lm: LanguageModel) -> None:
    page = explore("table", ids=lm.encode(TEXT))
    weights = tensors(lm)
    for _ in range(3):
        page.keyboard.press("]")
    page.keyboard.press("ArrowUp")
    settled(page)
    expect(page.get_by_role("heading", name="The weights of h.1.ln_1.bias")).to_be_visible()
    values = page.locator(".strip canvas").evaluate("(e) => [...e.cutaway.values]")
    np.testing.assert_array_equal(np.float32(values), weights["h.1.ln_1.bias"])
    page.get_by_role("button", name="Look into h.*.mlp.c_fc.weight").click()
    settled(page)
    expect(page.get_by_role("heading", name="The weights of h.1.mlp.c_fc.weight")).to_be_visible()
    page.reload()
    settled(page)
    expect(page.get_by_role("heading", name="The weights of h.1.mlp.c_fc.weight")).to_be_visible()


def test_the_card_has_the_released_counts(explore: Open, lm: LanguageModel) -> None:
    page = explore("table", ids=lm.encode(TEXT))
    assert numbers(page, "released") == [124_439_808, 354_823_168, 774_030_080, 1_557_611_200]
