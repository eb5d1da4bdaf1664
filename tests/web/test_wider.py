"""2.4 Four times wider: neurons on the curve, the words they move, and one switched off."""

from copy import deepcopy

import numpy as np
import torch
from playwright.sync_api import expect

from cutaway.generation import LanguageModel
from cutaway.interp import Recorder
from web.conftest import TEXT, Open, assert_accessible, numbers, settled, softmax, tokens

LAYER = 1


def recorded(lm: LanguageModel, ids: list[int]) -> dict[str, torch.Tensor]:
    """The MLP's values at the last position."""
    names = {f"h.{LAYER}.mlp.pre", f"h.{LAYER}.mlp.post", f"h.{LAYER}.mlp_out"}
    recorder = Recorder(names)
    with torch.no_grad():
        lm.model(torch.tensor([ids]), tap=recorder)
    return {name.split(".", 2)[2]: value[0, -1] for name, value in recorder.values.items()}


def test_every_neuron_is_on_the_curve(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("wider", ids=ids, more=f"&l={LAYER}")
    found = page.locator(".curve canvas").evaluate(
        "(c) => [[...c.cutaway.pre], [...c.cutaway.post]]"
    )
    values = recorded(lm, ids)
    np.testing.assert_allclose(found[0], values["mlp.pre"], atol=1e-4)
    np.testing.assert_allclose(found[1], values["mlp.post"], atol=1e-4)
    assert numbers(page, "active") == [int((values["mlp.pre"] > 0).sum())]


def test_the_strongest_add_most(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("wider", ids=ids, more=f"&l={LAYER}")
    values = recorded(lm, ids)
    rows = lm.model.get_parameter(f"h.{LAYER}.mlp.c_proj.weight").detach()
    norms = (values["mlp.post"][:, None] * rows).norm(dim=-1)
    best = norms.argsort(descending=True)[:12].tolist()
    shown = page.locator("[data-neuron]").evaluate_all("(all) => all.map((e) => +e.dataset.neuron)")
    assert shown == best
    np.testing.assert_allclose(numbers(page, "pre"), values["mlp.pre"][best], atol=1e-4)
    np.testing.assert_allclose(numbers(page, "post"), values["mlp.post"][best], atol=1e-4)
    total = (
        sum(numbers(page, "push")) + numbers(page, "rest_push")[0] + numbers(page, "bias_push")[0]
    )
    np.testing.assert_allclose(total, numbers(page, "mlp_out_push")[0], atol=1e-4)


def test_a_neuron_can_be_switched_off(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("wider", ids=ids, more=f"&l={LAYER}")
    shown = page.locator("[data-neuron]").first
    neuron = int(shown.get_attribute("data-neuron"))
    before = numbers(page.locator("[data-words=now]"), "prob")
    shown.get_by_role("button", name="Switch neuron").click()
    settled(page)
    with torch.no_grad():
        without = deepcopy(lm.model)
        without.get_parameter(f"h.{LAYER}.mlp.c_proj.weight")[neuron] = 0
        logits = without(torch.tensor([ids]))[0, -1]
    after = numbers(page.locator("[data-words=now]"), "prob")
    np.testing.assert_allclose(after, np.sort(softmax(logits.numpy()))[::-1][:10], atol=1e-5)
    assert after != before
    expect(page.get_by_role("button", name=f"Switch neuron {neuron} on")).to_be_visible()
    page.get_by_role("button", name="All on").click()
    settled(page)
    np.testing.assert_allclose(numbers(page.locator("[data-words=now]"), "prob"), before, atol=1e-6)


def test_you_made_it_leads_on(explore: Open, lm: LanguageModel) -> None:
    page = explore("wider", ids=lm.encode(TEXT), more=f"&l={LAYER}")
    page.get_by_role("button", name="Next block").click()
    settled(page)
    assert f"l={LAYER + 1}" in page.url
    expect(page.get_by_role("button", name="Next block")).to_have_count(0)
    page.get_by_role("button", name="To the top: the scores").click()
    expect(page.locator("[data-view=scores]")).to_be_visible()
    settled(page)


def test_the_table_reads_a_neuron(explore: Open, lm: LanguageModel) -> None:
    page = explore("wider", ids=lm.encode(TEXT), more=f"&l={LAYER}")
    page.get_by_role("button", name="As a table").click()
    page.get_by_role("grid").locator("[tabindex='0']").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_text("before GELU and")).to_be_visible()
    tokens(page).first.click()
    settled(page)
    assert_accessible(page)


def test_what_is_chosen_is_in_the_link(explore: Open, lm: LanguageModel) -> None:
    page = explore("wider", ids=lm.encode(TEXT), more=f"&l={LAYER}")
    page.get_by_label("Strongest by").select_option("push")
    settled(page)
    row = page.locator("[data-neuron]").nth(2)
    row.locator(".name").click()
    settled(page)
    link = page.url.partition("#v=wider")[2]
    again = explore("wider", more=link)
    assert again.get_by_label("Strongest by").input_value() == "push"
    neurons = [
        p.locator("[data-neuron]").evaluate_all("(all) => all.map((e) => e.dataset.neuron)")
        for p in (page, again)
    ]
    assert neurons[0] == neurons[1]
    assert numbers(again, "chosen_pre") == numbers(page, "chosen_pre")


def test_the_middle_is_four_times_as_wide(explore: Open, lm: LanguageModel) -> None:
    page = explore("wider", ids=lm.encode(TEXT), more=f"&l={LAYER}")
    strips = page.locator(".wide .strip")
    widths = [strips.nth(i).bounding_box()["width"] for i in range(strips.count())]
    np.testing.assert_allclose(np.array(widths) / widths[0], [1, 4, 1, 1], atol=0.02)
