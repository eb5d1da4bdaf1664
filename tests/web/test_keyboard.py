"""1.1 Keyboard: ten words, the tree of choices, the sizes; every number against a plain pass."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import expect

from cutaway.generation import LanguageModel
from web.conftest import TEXT, Open, assert_accessible_everywhere, numbers, settled, softmax, tokens

Forward = Callable[[list[int]], NDArray[np.float32]]


def shown_ids(page: Any) -> list[int]:
    rows = page.locator(".next-words tr[data-id]")
    return [int(i) for i in rows.evaluate_all("(all) => all.map((e) => e.dataset.id)")]


def test_ten_words_are_those_of_a_plain_pass(
    explore: Open, lm: LanguageModel, forward: Forward
) -> None:
    ids = lm.encode(TEXT)
    page = explore(ids=ids)
    logits = forward(ids)[-1]
    probs = softmax(logits)
    best = np.argsort(-logits, kind="stable")[:10]
    assert shown_ids(page) == best.tolist()
    np.testing.assert_allclose(numbers(page, "prob"), probs[best], atol=1e-6)
    np.testing.assert_allclose(numbers(page, "logit"), logits[best], atol=1e-5)
    assert numbers(page, "rank") == list(range(1, 11))
    np.testing.assert_allclose(numbers(page, "rest_mass"), 1 - probs[best].sum(), atol=1e-6)
    expect(page.locator(".next-words .rest .word")).to_have_text(f"{len(probs) - 10} others")


def test_what_is_printed_is_the_number_behind_it(explore: Open, lm: LanguageModel) -> None:
    page = explore(ids=lm.encode(TEXT))
    for cell in page.locator("[data-of=prob]").all():
        value = 100 * float(cell.get_attribute("data-value"))
        printed = float(re.sub("[^0-9.]", "", cell.inner_text()))
        assert printed == pytest.approx(value, abs=0.05)


def test_every_position_has_its_own_words(
    explore: Open, lm: LanguageModel, forward: Forward
) -> None:
    ids = lm.encode(TEXT)
    page = explore(ids=ids)
    for step in (len(ids) - 1, len(ids) - 2):
        page.keyboard.press("ArrowLeft")
        settled(page)
        logits = forward(ids)[step - 1]
        assert shown_ids(page) == np.argsort(-logits, kind="stable")[:10].tolist()


@pytest.mark.parametrize(("key", "row"), [("1", 0), ("3", 2), ("0", 9)])
def test_a_digit_appends_its_row(
    explore: Open, lm: LanguageModel, forward: Forward, key: str, row: int
) -> None:
    ids = lm.encode(TEXT)
    page = explore(ids=ids)
    chosen = shown_ids(page)[row]
    page.keyboard.press(key)
    expect(tokens(page)).to_have_count(len(ids) + 1)
    settled(page)
    logits = forward([*ids, chosen])[-1]
    assert shown_ids(page) == np.argsort(-logits, kind="stable")[:10].tolist()


def test_no_choice_is_lost_by_going_back(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore(ids=ids)
    page.locator(".next-words button").first.click()
    expect(tokens(page)).to_have_count(len(ids) + 1)
    settled(page)
    page.keyboard.press("Backspace")
    expect(tokens(page)).to_have_count(len(ids))
    settled(page)
    page.keyboard.press("2")
    expect(tokens(page)).to_have_count(len(ids) + 1)
    settled(page)
    nodes = page.get_by_role("group", name="Your choices").get_by_role("button")
    assert nodes.count() == 3
    nodes.nth(1).press("Enter")
    settled(page)
    assert nodes.nth(1).get_attribute("aria-current") == "step"
    page.reload()
    settled(page)
    assert nodes.count() == 3


def test_the_sizes_are_counted(explore: Open, lm: LanguageModel) -> None:
    page = explore(ids=lm.encode(TEXT))
    tensors = {p.data_ptr(): p for p in lm.model.parameters()}.values()
    of = {key: page.locator(f"[data-size={key}]") for key in ("phone", "this", "small", "xl")}
    assert numbers(of["this"], "bytes") == [sum(p.numel() * p.element_size() for p in tensors)]
    assert numbers(of["small"], "bytes") == [4 * 124_439_808]
    assert numbers(of["xl"], "bytes") == [4 * 1_557_611_200]


def test_a_logit_says_how_it_was_made(explore: Open, lm: LanguageModel, forward: Forward) -> None:
    ids = lm.encode(TEXT)
    page = explore(ids=ids)
    page.locator(".next-words .logit button").nth(1).click()
    panel = page.get_by_role("region", name="How was this number made?")
    expect(panel.locator("[data-of=cell]")).to_be_visible()
    settled(page)
    best = np.argsort(-forward(ids)[-1], kind="stable")[1]
    assert numbers(panel, "cell") == [pytest.approx(float(forward(ids)[-1, best]), abs=1e-5)]
    expect(panel.locator("pre")).to_contain_text("logits")


def test_half_a_character_is_shown_as_its_bytes(explore: Open, lm: LanguageModel) -> None:
    ids = [0xE4, 0xBD, 0xA0]  # three bytes of one character, each a token of its own
    page = explore(ids=ids)
    chips = tokens(page)
    assert [chip.inner_text().strip() for chip in chips.all()] == ["E4", "BD", "A0"]
    assert "together: \u4f60" in (chips.first.get_attribute("aria-label") or "")


def test_a_full_context_says_so(explore: Open, lm: LanguageModel) -> None:
    ids = (lm.encode(TEXT) * 40)[: lm.model.config.n_ctx]
    page = explore(ids=ids)
    expect(page.get_by_text("All 64 positions are taken")).to_be_visible()
    assert page.locator(".next-words button[aria-label^=Append]").count() == 0


def test_it_is_accessible(explore: Open, lm: LanguageModel) -> None:
    page = explore(ids=lm.encode(TEXT))
    page.keyboard.press("1")
    settled(page)
    assert_accessible_everywhere(page)


def test_the_newest_choice_stays_in_sight(explore: Open, lm: LanguageModel) -> None:
    page = explore(ids=lm.encode(TEXT))
    page.set_viewport_size({"width": 390, "height": 844})
    n = tokens(page).count()
    for _ in range(8):
        page.keyboard.press("1")
        n += 1
        expect(tokens(page)).to_have_count(n)
        settled(page)
    here = page.locator(".node[aria-current=step] circle").bounding_box()
    tree = page.locator(".scroll").bounding_box()
    assert tree["x"] <= here["x"] <= tree["x"] + tree["width"] - here["width"]


def test_the_tree_is_walked_with_the_keys(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore(ids=ids)
    for n in (1, 2):
        page.keyboard.press("1")
        expect(tokens(page)).to_have_count(len(ids) + n)
        settled(page)
    nodes = page.get_by_role("group", name="Your choices").get_by_role("button")
    assert nodes.evaluate_all("(all) => all.map((e) => e.tabIndex)") == [-1, -1, 0]
    nodes.nth(2).focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(nodes.nth(0)).to_be_focused()
    expect(tokens(page)).to_have_count(len(ids) + 2)
    page.keyboard.press("Space")
    expect(tokens(page)).to_have_count(len(ids))
    settled(page)


def test_words_of_an_older_visit_are_looked_up(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore(ids=ids)
    page.keyboard.press("1")
    expect(tokens(page)).to_have_count(len(ids) + 1)
    settled(page)
    node = page.locator(".node").nth(1)
    word = node.get_attribute("aria-label")
    page.keyboard.press("Backspace")
    expect(tokens(page)).to_have_count(len(ids))
    settled(page)
    page.reload()
    settled(page)
    expect(node).to_have_attribute("aria-label", word)
    assert "#" not in word


def test_the_focus_stays_in_the_list_and_on_the_stepper(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore(ids=ids)
    words = page.locator(".next-words .word button")
    words.nth(2).focus()
    for n in (1, 2, 3):
        page.keyboard.press("Enter")
        expect(tokens(page)).to_have_count(len(ids) + n)
        settled(page)
        assert page.evaluate("document.activeElement.closest('.next-words') !== null")
    undo = page.get_by_role("button", name="Undo")
    undo.focus()
    for n in (2, 1, 0):
        page.keyboard.press("Enter")
        expect(tokens(page)).to_have_count(len(ids) + n)
        settled(page)
    expect(undo).to_be_disabled()
    expect(undo).to_be_focused()
    back = page.get_by_role("button", name="One token back")
    back.focus()
    for _ in range(len(ids)):
        page.keyboard.press("Enter")
    settled(page)
    expect(back).to_be_focused()
