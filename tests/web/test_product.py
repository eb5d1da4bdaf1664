"""2.3 One big product: x times W plus b, cut in three and folded into heads."""

from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from cutaway.generation import LanguageModel
from cutaway.interp import Recorder
from web.conftest import TEXT, Open, assert_accessible, numbers, settled

LAYER = 1
NAMES = ("ln_1", "attn.qkv", "attn.q", "attn.k", "attn.v")


def recorded(lm: LanguageModel, ids: list[int]) -> dict[str, torch.Tensor]:
    """What goes in and comes out at the last position."""
    recorder = Recorder({f"h.{LAYER}.{name}" for name in NAMES})
    with torch.no_grad():
        lm.model(torch.tensor([ids]), tap=recorder)
    return {name: recorder.values[f"h.{LAYER}.{name}"][0][..., -1, :] for name in NAMES}


def point(page: Any, selector: str, across: float, down: float, *, click: bool = False) -> None:
    """Moves the pointer to a place of a canvas, given in parts and pixels."""
    canvas = page.locator(selector)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + across * box["width"], box["y"] + down)
    if click:
        page.mouse.down()
        page.mouse.up()


def test_the_result_is_the_models(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("product", ids=ids, more=f"&l={LAYER}")
    values = recorded(lm, ids)
    found = page.locator("canvas.tiles").evaluate(
        "(c) => [[...c.cutaway.x], [...c.cutaway.result]]"
    )
    np.testing.assert_allclose(found[0], values["ln_1"], atol=1e-5)
    np.testing.assert_allclose(found[1], values["attn.qkv"], atol=1e-5)


def test_a_number_lights_its_row_and_column(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("product", ids=ids, more=f"&l={LAYER}")
    values = recorded(lm, ids)
    project: Any = lm.model.h[LAYER]
    project = project.attn.c_attn
    canvas = page.locator("canvas.tiles").bounding_box()
    point(page, "canvas.tiles", 0.6, canvas["height"] - 50)
    expect(page.locator("[data-j]")).not_to_have_attribute("data-j", "0")
    settled(page)
    j = int(page.locator("[data-j]").get_attribute("data-j"))
    products = values["ln_1"] * project.weight.detach()[:, j]
    strips = page.locator("[data-j] canvas").evaluate_all(
        "(all) => all.map((c) => [...c.cutaway.values])"
    )
    np.testing.assert_allclose(strips[1], project.weight.detach()[:, j], atol=0)
    np.testing.assert_allclose(strips[2], products, atol=1e-5)
    [total], [bias], [result] = (numbers(page, name) for name in ("sum", "bias", "result"))
    np.testing.assert_allclose(total, float(products.sum()), atol=1e-5)
    assert bias == float(project.bias.detach()[j])
    np.testing.assert_allclose(total + bias, result, atol=1e-5)
    np.testing.assert_allclose(result, float(values["attn.qkv"][j]), atol=1e-5)


def test_the_folded_heads_are_q_k_and_v(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("product", ids=ids, more=f"&l={LAYER}")
    values = recorded(lm, ids)
    # The middle third holds the keys; its first head stands at the top.
    point(page, "canvas.fold", 0.36, 48, click=True)
    settled(page)
    place = page.locator("[aria-label='How was this number made?'] code").first.text_content()
    assert place == f"h.{LAYER}.attn.k"
    [shown] = numbers(page, "cell")
    near = (values["attn.k"][0] - shown).abs().min()
    assert float(near) < 1e-5


def test_the_table_holds_every_head(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("product", ids=ids, more=f"&l={LAYER}")
    page.get_by_role("button", name="As a table").click()
    grid = page.get_by_role("grid")
    assert grid.get_attribute("aria-rowcount") == str(3 * lm.model.config.n_head + 1)
    first = grid.locator("[aria-selected=true]").text_content().replace("\u2212", "-")
    assert float(first) == pytest.approx(float(recorded(lm, ids)["attn.q"][0, 0]), abs=1e-4)
    grid.locator("[tabindex='0']").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_text("The query of head 1 has 4 numbers")).to_be_visible()
    assert_accessible(page)
