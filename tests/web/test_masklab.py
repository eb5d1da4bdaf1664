"""2.2 Mask laboratory: its stages follow from the model, and each mask does what it promises."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from playwright.sync_api import expect

from cutaway.generation import LanguageModel
from cutaway.interp import Recorder
from web.conftest import TEXT, Open, numbers, settled

Products = Callable[[list[int], int, int], NDArray[np.float64]]


@pytest.fixture
def products(lm: LanguageModel) -> Products:
    """Queries times keys of one head, by one plain pass and NumPy."""

    def run(ids: list[int], layer: int, head: int) -> NDArray[np.float64]:
        names = {f"h.{layer}.attn.{name}" for name in "qk"}
        recorder = Recorder(names)
        with torch.no_grad():
            lm.model(torch.tensor([ids]), tap=recorder)
        q, k = (recorder.values[f"h.{layer}.attn.{name}"][0, head].double() for name in "qk")
        return q.numpy() @ k.numpy().T

    return run


def shares(scores: NDArray[np.float64], hidden: float | None) -> NDArray[np.float64]:
    future = np.triu(np.ones_like(scores, dtype=bool), 1)
    masked = scores if hidden is None else np.where(future, hidden, scores)
    exps = np.exp(masked - masked.max(axis=-1, keepdims=True))
    return exps / exps.sum(axis=-1, keepdims=True)


def stage(page: Any, name: str) -> NDArray[np.float64]:
    """What the codes behind a panel stand for; what the mask leaves out is minus infinity."""
    header, data = page.locator(f"[data-stage={name}] canvas").evaluate(
        "(c) => [c.cutaway.frame.header, [...c.cutaway.frame.data]]"
    )
    codes, n = np.array(data), header["shape"][0]
    if header["code"] == "sqrt_odd":
        values = ((codes - 1) / 254) ** 2
    else:
        values = (codes - 128) / 125 * header["scale"]
        values[codes == 1], values[codes == 255] = -np.inf, np.inf
    values[codes == 0] = np.nan
    if header["layout"] == "dense":
        return values.reshape(n, n)
    square = np.full((n, n), 0.0 if name == "pattern" else -np.inf)
    square[np.tril_indices(n)] = values
    return square


def press(page: Any, group: str, name: str) -> None:
    page.get_by_role("group", name=group).get_by_role("button", name=name, exact=True).click()
    settled(page)


def test_each_stage_follows_from_the_one_before(
    explore: Open, lm: LanguageModel, products: Products
) -> None:
    ids = lm.encode(TEXT)
    page = explore("masklab", ids=ids, more="&l=1&h=2")
    qk = products(ids, 1, 2)
    scaled = qk / np.sqrt(lm.model.config.head_dim)
    future = np.triu(np.ones_like(qk, dtype=bool), 1)
    for name, expected in (("qk", qk), ("scaled", scaled), ("masked", scaled)):
        extent = np.abs(expected[~future]).max()
        drawn = np.clip(expected, -extent, extent)  # what is larger has the last colour
        near = np.isclose(stage(page, name), drawn, rtol=0, atol=0.51 * extent / 125)
        assert near.all() if name != "masked" else near[~future].all()
    assert np.isneginf(stage(page, "masked")[future]).all()
    drawn = np.sqrt(stage(page, "pattern"))
    expected = np.sqrt(shares(scaled, -np.inf))
    np.testing.assert_allclose(drawn, expected, rtol=0, atol=0.51 / 254)
    expect(page.locator("[data-stage=masked]")).to_contain_text(
        f"{future.sum()} \u00d7 \u2212\u221e"
    )


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("mask", ["\u2212\u221e", "\u22121e9", "\u22121e10", "least number"])
def test_a_mask_hides_the_future_exactly(
    explore: Open, lm: LanguageModel, mask: str, dtype: str
) -> None:
    ids = lm.encode(TEXT)
    page = explore("masklab", ids=ids)
    press(page, "Mask", mask)
    press(page, "Computed in", dtype)
    assert numbers(page, "leaking") == [0]
    tolerance = 1e-6 if dtype == "float32" else 4e-3
    assert numbers(page, "farthest") == [pytest.approx(1, abs=tolerance)]


def test_without_a_mask_the_future_is_seen(
    explore: Open, lm: LanguageModel, products: Products
) -> None:
    ids = lm.encode(TEXT)
    page = explore("masklab", ids=ids, more="&q=0")
    page.keyboard.press("m")
    settled(page)
    n = len(ids)
    assert numbers(page, "leaking") == [n * (n - 1) // 2]
    row = shares(products(ids, 0, 0) / np.sqrt(lm.model.config.head_dim), None)[0]
    sentence = page.locator("[data-sentence]")
    best = np.sort(row)[::-1]
    shown = numbers(sentence, "share")
    np.testing.assert_allclose(shown, best[: len(shown)], atol=1e-5)
    page.keyboard.press("m")
    settled(page)
    assert numbers(page, "leaking") == [0]


def test_the_sentence_follows_the_pointer(
    explore: Open, lm: LanguageModel, products: Products
) -> None:
    ids = lm.encode(TEXT)
    page = explore("masklab", ids=ids, more="&l=2&h=4")
    panel = page.locator("[data-stage=pattern]")
    canvas = panel.locator("canvas")
    left, top = (float(canvas.get_attribute(f"data-{side}")) for side in ("left", "top"))
    cell = (canvas.bounding_box()["height"] - top - 2) / len(ids)
    canvas.hover(position={"x": left + 5, "y": top + 1.5 * cell})
    row = shares(products(ids, 2, 4) / np.sqrt(lm.model.config.head_dim), -np.inf)[1]
    sentence = page.locator("[data-sentence]")
    expect(sentence.locator("[data-k]")).to_have_count(2)
    assert numbers(sentence, "share") == pytest.approx(sorted(row[:2], reverse=True), abs=1e-5)


def test_a_row_in_which_all_is_hidden(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("masklab", ids=ids)
    even = f"{100 / len(ids):.1f}% for each of {len(ids)}"
    nan = "NaN: no number any more"
    for row, lost in {
        "-inf": nan,
        "-1e9": even,
        "-1e10": even,
        "min": even,
        "-inf_f2": nan,
        "-1e9_f2": nan,
        "-1e10_f2": nan,
        "min_f2": even,
    }.items():
        expect(page.locator(f"[data-mask='{row}'] td").last).to_have_text(lost)
    held = page.locator("[data-mask='min_f2'] [data-of=mask_value]")
    expect(held).to_have_attribute("data-value", "-65504")
    overflow = page.locator("[data-mask='-1e9_f2']")
    expect(overflow).to_contain_text("overflows")


def test_a_choice_is_a_link(explore: Open, lm: LanguageModel) -> None:
    page = explore("masklab", ids=lm.encode(TEXT), more="&g=-1e9")
    page.keyboard.press("]")
    settled(page)
    assert "g=-1e10" in page.evaluate("location.hash")
    page.goto(page.url.replace("g=-1e10", "g=-1e10_f2"))
    settled(page)
    kind = page.get_by_role("group", name="Computed in").locator("[aria-pressed=true]")
    expect(kind).to_have_text("float16")
    expect(page.locator("[data-stage=masked]")).to_contain_text("replaced by \u2212\u221e")
    chosen = page.get_by_role("group", name="Mask").locator("[aria-pressed=true]")
    expect(chosen).to_have_text("\u22121e10")


def test_the_table_reads_a_row(explore: Open, lm: LanguageModel, products: Products) -> None:
    ids = lm.encode(TEXT)
    page = explore("masklab", ids=ids)
    page.get_by_role("button", name="As a table").click()
    page.get_by_role("button", name="Queries \u00d7 keys").click()
    row = page.locator("tr.active [role=gridcell]").all_inner_texts()
    expected = products(ids, 0, 0)[-1]
    shown = [float(text.replace("\u2212", "-")) for text in row]
    np.testing.assert_allclose(shown, expected, atol=1e-3)


def test_numbers_of_a_long_text_are_exact_wherever_the_reader_looks(
    explore: Open, lm: LanguageModel, products: Products
) -> None:
    n = lm.model.config.n_ctx
    ids = (lm.encode(TEXT) * n)[:n]
    page = explore("masklab", ids=ids, more="&l=1&h=3")
    scaled = products(ids, 1, 3) / np.sqrt(lm.model.config.head_dim)
    expected = shares(scaled, -np.inf)
    page.get_by_role("button", name="As a table").click()
    page.get_by_role("button", name="÷").click()
    cell = page.locator("[role=gridcell][aria-selected=true]")
    cell.focus()
    for key, q, k in [("Home", n - 1, 0), ("PageUp", n - 15, 0), ("PageUp", n - 29, 0)]:
        page.keyboard.press(key)
        settled(page)
        expect(cell).not_to_have_text("…")
        shown = float(cell.inner_text().replace("\u2212", "-"))
        assert shown == pytest.approx(scaled[q, k], abs=1e-3)
    page.get_by_role("button", name="As a drawing").click()
    settled(page)
    sentence = page.locator("[data-sentence]")
    best = np.sort(expected[n - 29])[::-1]
    assert numbers(sentence, "share")[:1] == pytest.approx(best[:1], abs=1e-5)
    pixels = page.locator("[data-stage=pattern] canvas").evaluate(
        "(c) => [c.cutaway.frame.header.layout, c.cutaway.frame.data.length]"
    )
    assert pixels == ["tri", n * (n + 1) // 2]
