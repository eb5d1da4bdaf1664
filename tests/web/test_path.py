"""1.5 Token path: what is lit, what is reused, and the loop that greedy text falls into."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from playwright.sync_api import expect

from cutaway.generation import LanguageModel
from cutaway.interp import Recorder
from web.conftest import (
    TEXT,
    Open,
    assert_accessible,
    assert_accessible_everywhere,
    numbers,
    settled,
    tokens,
)

Forward = Callable[[list[int]], NDArray[np.float32]]


def test_only_the_newest_track_is_computed(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("path", ids=ids)
    config = lm.model.config
    kv_bytes = 2 * 4 * config.n_layer * config.n_embd
    for step in (len(ids), len(ids) - 1, 1):
        if step < len(ids):
            tokens(page).nth(step - 1).click()
            settled(page)
        assert numbers(page, "made") == [1]
        assert numbers(page, "reused") == [step - 1]
        assert numbers(page, "kv_bytes") == [step * kv_bytes]


def test_the_lines_are_real_attention(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("path", ids=ids)
    names = {f"h.{i}.attn.pattern" for i in range(lm.model.config.n_layer)}
    recorder = Recorder(names)
    with torch.no_grad():
        lm.model(torch.tensor([ids]), tap=recorder)
    for layer in range(lm.model.config.n_layer):
        lines = page.locator(f"path.reads[data-layer='{layer}']")
        shown = lines.evaluate_all("(all) => all.map((e) => Number(e.dataset.value))")
        row = recorder.values[f"h.{layer}.attn.pattern"][0, :, -1, :-1].mean(dim=0)
        np.testing.assert_allclose(shown, row.numpy(), atol=1e-6)


def test_playing_writes_the_greedy_text(explore: Open, lm: LanguageModel, forward: Forward) -> None:
    ids = lm.encode(TEXT)
    page = explore("path", ids=ids)
    page.get_by_role("button", name="Play").click()
    expect(tokens(page)).not_to_have_count(len(ids))
    # It stops by itself: caught in a loop, or with all positions taken.
    expect(page.get_by_role("button", name="Play")).to_be_visible(timeout=30_000)
    settled(page)
    shown = tokens(page).evaluate_all(
        "(all) => all.map((e) => Number(e.title.match(/ \\u00b7 (\\d+)/)[1]))"
    )
    assert shown[: len(ids)] == ids
    for n in range(len(ids), len(shown)):
        assert shown[n] == int(forward(shown[:n])[-1].argmax())


def test_a_loop_is_named_and_can_be_left(explore: Open, lm: LanguageModel) -> None:
    ids = [*lm.encode("x"), *lm.encode("the in") * 3]
    page = explore("path", ids=ids)
    expect(page.locator(".loop")).to_contain_text("the in\u201d comes 3 times")
    page.keyboard.press("2")
    expect(tokens(page)).to_have_count(len(ids) + 1)
    settled(page)
    expect(page.locator(".loop")).to_have_count(0)


def test_the_table_reads_the_stack(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("path", ids=ids)
    page.get_by_role("button", name="As a table").click()
    grid = page.get_by_role("grid")
    assert grid.get_attribute("aria-rowcount") == "4"
    grid.locator("[tabindex='0']").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("[aria-selected=true][role=gridcell]")).to_be_focused()
    expect(page.get_by_text("Block 1 is computed for").last).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("[aria-selected=true][role=gridcell]")).to_have_text("from the cache")
    assert_accessible(page)


def test_it_is_accessible(explore: Open, lm: LanguageModel) -> None:
    page = explore("path", ids=lm.encode(TEXT))
    assert_accessible_everywhere(page)


def test_a_long_loop_fits_a_narrow_screen(explore: Open, lm: LanguageModel) -> None:
    phrase = lm.encode("abcdefghijklmnopqrstuvwxyz0123")
    page = explore("path", ids=[*phrase, *phrase])
    page.set_viewport_size({"width": 390, "height": 844})
    settled(page)
    expect(page.get_by_text("Caught in a loop")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
