"""1.6 Self-attention recap: arcs, sentence and search for heads are the model's own weights."""

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from cutaway.generation import LanguageModel
from web.conftest import TEXT, Open, Patterns, assert_accessible, numbers, settled


def drawn(page: Any) -> list[dict[str, Any]]:
    return page.locator(".arcs canvas").evaluate("(canvas) => canvas.cutaway.arcs")


def test_every_arc_is_a_weight(explore: Open, lm: LanguageModel, patterns: Patterns) -> None:
    ids = lm.encode(TEXT)
    page = explore("arcs", ids=ids, more="&l=1&q=4")
    rows = patterns(ids)[1, :, 4, :5]
    arcs = drawn(page)
    assert len(arcs) == rows.size
    for arc in arcs:
        head, k = map(int, arc["key"].split("."))
        assert arc["weight"] == pytest.approx(rows[head, k], abs=1e-6)
    page.keyboard.press("]")
    page.keyboard.press("h")
    settled(page)
    assert {arc["key"] for arc in drawn(page)} == {f"1.{k}" for k in range(5)}


def test_at_most_300_arcs_and_the_rest_in_words(
    explore: Open, lm: LanguageModel, patterns: Patterns
) -> None:
    ids = (lm.encode(TEXT) * 40)[: lm.model.config.n_ctx]
    page = explore("arcs", ids=ids)
    weights = np.sort(patterns(ids)[0, :, -1].ravel())[::-1]
    shown = [arc["weight"] for arc in drawn(page)]
    np.testing.assert_allclose(shown, weights[:300], atol=1e-6)
    expect(page.get_by_text(f"{len(weights) - 300} weaker ones")).to_be_visible()


def test_the_sentence_tells_all_of_one_head(
    explore: Open, lm: LanguageModel, patterns: Patterns
) -> None:
    ids = lm.encode(TEXT)
    page = explore("arcs", ids=ids, more="&l=2&h=3&q=3")
    row = patterns(ids)[2, 3, 3, :4]
    sentence = page.locator("[data-sentence]")
    named = sentence.locator("button").evaluate_all("(all) => all.map((e) => Number(e.dataset.k))")
    weights = numbers(sentence, "weight")
    assert named == np.argsort(-row, kind="stable")[: len(named)].tolist()
    np.testing.assert_allclose(weights, row[named], atol=1e-6)
    assert sum(weights) + sum(numbers(sentence, "rest")) == pytest.approx(1, abs=1e-6)


def test_heads_are_found_by_what_they_do(
    explore: Open, lm: LanguageModel, patterns: Patterns
) -> None:
    ids = lm.encode(TEXT)
    page = explore("arcs", ids=ids, more="&q=3&k=2")
    all_heads = patterns(ids)
    n = len(ids)
    figure = page.get_by_role("figure", name="Find heads that do this")
    figure.get_by_role("button", name="All 15 heads").click()
    expected = {
        "This look": ("weight", all_heads[:, :, 3, 2]),
        "The word before": (
            "previous",
            all_heads[:, :, range(1, n), range(n - 1)].mean(axis=-1),
        ),
        "The first word": ("first", all_heads[:, :, 1:, 0].mean(axis=-1)),
    }
    for name, (of, values) in expected.items():
        figure.get_by_role("button", name=name).click()
        shown = numbers(figure, of)
        np.testing.assert_allclose(shown, np.sort(values.ravel())[::-1], atol=1e-5)
    best = np.unravel_index(expected["The first word"][1].argmax(), (3, 5))
    figure.get_by_role("button", name=f"block {best[0]}, head {best[1]}").click()
    settled(page)
    assert (f"&l={best[0]}" in page.evaluate("location.hash")) == (best[0] > 0)
    assert "g=one" in page.evaluate("location.hash")


def test_a_word_is_chosen_by_key_and_by_click(
    explore: Open, lm: LanguageModel, patterns: Patterns
) -> None:
    ids = lm.encode(TEXT)
    page = explore("arcs", ids=ids)
    chips = page.locator("[data-view=arcs] [role=option]")
    chips.nth(3).click()
    settled(page)
    assert chips.nth(3).get_attribute("aria-selected") == "true"
    chips.nth(3).press("ArrowLeft")
    page.keyboard.press("Enter")
    settled(page)
    assert len(drawn(page)) == 5 * 3
    chips.nth(1).click(modifiers=["Shift"])
    settled(page)
    figure = page.get_by_role("figure", name="Find heads that do this")
    assert numbers(figure, "weight")[0] == pytest.approx(patterns(ids)[:, :, 2, 1].max(), abs=1e-6)


def test_the_table_reads_a_head(explore: Open, lm: LanguageModel, patterns: Patterns) -> None:
    ids = lm.encode(TEXT)
    page = explore("arcs", ids=ids, more="&h=2")
    page.get_by_role("button", name="As a table").click()
    expect(page.get_by_text("Head 2 gives")).to_be_visible()
    page.locator("[role=grid] [tabindex='0']").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_text("Head 3 gives")).to_be_visible()
    assert_accessible(page)


def test_a_word_that_comes_twice_is_told_from_its_like(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode("robot robot")
    page = explore("arcs", ids=[*ids, ids[0]], more="&q=0")
    words = page.locator("[data-sentence] strong")
    expect(words).to_have_text([f"{lm.decode([ids[0]])} (token 1)"])
    page.get_by_label("Language").select_option("zh")
    expect(words).to_have_text([f"{lm.decode([ids[0]])}\uff08\u7b2c 1 \u4e2a\u8bcd\u5143\uff09"])


def test_another_head_touches_no_word(explore: Open, lm: LanguageModel) -> None:
    page = explore("arcs", ids=lm.encode(TEXT), more="&g=one&k=1")
    page.evaluate(
        """() => {
          window.touched = [];
          new MutationObserver((all) => window.touched.push(...all.map((one) => one.type))).observe(
            document.querySelector('[data-view=arcs] [role=listbox]'),
            { subtree: true, childList: true, attributes: true, characterData: true });
        }"""
    )
    shares = "() => [...document.querySelector('.shades').cutaway.shares]"
    before = page.evaluate(shares)
    page.keyboard.press("h")
    settled(page)
    assert page.evaluate(shares) != before
    assert page.evaluate("window.touched") == []


def test_the_address_follows_a_key_that_is_held(explore: Open, lm: LanguageModel) -> None:
    page = explore("arcs", ids=lm.encode(TEXT))
    for _ in range(23):
        page.keyboard.press("h")
    page.keyboard.press("]")
    page.wait_for_url("**&g=one")
    page.reload()
    expect(page.get_by_role("combobox", name="Head")).to_have_value("3")
