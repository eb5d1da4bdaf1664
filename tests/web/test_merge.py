"""2.3 Twelve into one: each head's own addition, its push, and what goes when it is off."""

from typing import Any

import numpy as np
import torch
from playwright.sync_api import expect

from cutaway.generation import LanguageModel
from cutaway.interp import Ablator, Recorder
from web.conftest import TEXT, Open, assert_accessible, numbers, settled, softmax

LAYER, HEAD = 1, 3


def additions(lm: LanguageModel, ids: list[int]) -> tuple[torch.Tensor, torch.Tensor, Recorder]:
    """Each head's z times its own rows of the matrix, the bias, and what was recorded."""
    names = {
        f"h.{LAYER}.attn.z",
        f"h.{LAYER}.attn_out",
        f"h.{lm.model.config.n_layer - 1}.resid_post",
    }
    recorder = Recorder({*names, "logits"})
    with torch.no_grad():
        lm.model(torch.tensor([ids]), tap=recorder)
    project: Any = lm.model.h[LAYER]
    project = project.attn.c_proj
    z = recorder.values[f"h.{LAYER}.attn.z"][0, :, -1]
    heads, size = z.shape
    rows = project.weight.detach().reshape(heads, size, -1)
    parts = torch.stack([z[h] @ rows[h] for h in range(heads)])
    return parts, project.bias.detach(), recorder


def test_the_parts_are_the_heads_own(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("merge", ids=ids, more=f"&l={LAYER}")
    parts, bias, recorder = additions(lm, ids)
    out = recorder.values[f"h.{LAYER}.attn_out"][0, -1]
    torch.testing.assert_close(parts.sum(0) + bias, out, atol=1e-5, rtol=0)
    norms = [*parts.norm(dim=-1).tolist(), float(bias.norm())]
    np.testing.assert_allclose(numbers(page, "norm"), norms, atol=1e-4)
    # The push, written out: the norm is linear once its scale is a constant.
    model, token = lm.model, int(page.locator("[data-token]").get_attribute("data-token"))
    assert token == int(recorder.values["logits"][0, -1].argmax())
    stream = recorder.values[f"h.{model.config.n_layer - 1}.resid_post"][0, -1]
    scale = (stream.var(correction=0) + model.ln_f.eps).sqrt()
    row = (model.ln_f.weight * model.wte.weight[token]).detach()
    both = torch.cat([parts, bias[None]])
    pushes = ((both - both.mean(-1, keepdim=True)) @ row) / scale
    np.testing.assert_allclose(numbers(page, "push"), pushes.tolist(), atol=1e-4)
    np.testing.assert_allclose(numbers(page, "push_sum"), [float(pushes.sum())], atol=1e-4)
    np.testing.assert_allclose(numbers(page, "push_out"), numbers(page, "push_sum"), atol=1e-4)


def test_a_click_switches_a_head_off(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("merge", ids=ids, more=f"&l={LAYER}")
    before = numbers(page.locator("[data-words=now]"), "prob")
    page.get_by_role("button", name=f"Switch head {HEAD} off").click()
    settled(page)
    with torch.no_grad():
        logits = lm.model(torch.tensor([ids]), tap=Ablator({f"h.{LAYER}.attn.z": [HEAD]}))[0, -1]
    probs = np.sort(softmax(logits.numpy()))[::-1]
    after = numbers(page.locator("[data-words=now]"), "prob")
    np.testing.assert_allclose(after, probs[: len(after)], atol=1e-5)
    assert after != before
    assert numbers(page, "push")[HEAD] == 0
    assert f"h{LAYER}.{HEAD}" in page.url
    page.get_by_text("With all heads on").click()
    np.testing.assert_allclose(numbers(page.locator("[data-words=was]"), "prob"), before, atol=1e-6)
    page.get_by_role("button", name=f"Switch head {HEAD} on").click()
    settled(page)
    np.testing.assert_allclose(numbers(page.locator("[data-words=now]"), "prob"), before, atol=1e-6)


def test_a_head_comes_from_the_second_run(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("merge", ids=ids, more=f"&l={LAYER}")
    page.get_by_role("button", name="Keep as second run").click()
    page.keyboard.press("Backspace")
    page.keyboard.press("2")
    settled(page)
    name = page.get_by_role("button", name=f"Switch head {HEAD} off")
    expect(page.get_by_role("button", name=f"Take head {HEAD} from the second run")).to_be_visible()
    name.click(modifiers=["Alt"])
    settled(page)
    assert page.get_by_role("button", name=f"Take head {HEAD} from").text_content() == "patched"


def test_the_table_reads_a_part(explore: Open, lm: LanguageModel) -> None:
    page = explore("merge", ids=lm.encode(TEXT), more=f"&l={LAYER}")
    page.get_by_role("button", name="As a table").click()
    page.get_by_role("grid").locator("[tabindex='0']").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_text("head 1 adds a vector of length")).to_be_visible()
    assert_accessible(page)


def test_the_word_that_is_pushed_is_in_the_link(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("merge", ids=ids, more=f"&l={LAYER}")
    choice = page.get_by_label("Push on")
    other = choice.locator("option").nth(3).get_attribute("value")
    choice.select_option(other)
    settled(page)
    pushes = numbers(page, "push")
    again = explore("merge", more=page.url.partition("#v=merge")[2])
    assert again.locator("[data-token]").get_attribute("data-token") == other
    assert again.get_by_label("Push on").input_value() == other
    assert numbers(again, "push") == pushes


def test_the_projection_drawn_is_the_models(explore: Open, lm: LanguageModel) -> None:
    page = explore("merge", ids=lm.encode(TEXT), more=f"&l={LAYER}")
    drawn = page.get_by_role("img", name="projection matrix").locator("canvas")
    shape, data = drawn.evaluate("(c) => [c.cutaway.tiles.header.shape, [...c.cutaway.tiles.data]]")
    weight = lm.model.get_parameter(f"h.{LAYER}.attn.c_proj.weight").detach().abs()
    assert shape == list(weight.shape)  # small enough to be drawn weight by weight
    np.testing.assert_allclose(data, weight.flatten(), rtol=1e-6)
