"""2.3 One head: vectors, scores, shares and output are those of an independent pass."""

import numpy as np
import pytest
from playwright.sync_api import expect

from cutaway.generation import LanguageModel
from web.conftest import (
    TEXT,
    Open,
    Vectors,
    assert_accessible,
    close,
    numbers,
    settled,
    strips,
    tokens,
)


def test_every_step_is_real(explore: Open, lm: LanguageModel, vectors: Vectors) -> None:
    ids = lm.encode(TEXT)
    page = explore("head", ids=ids, more="&l=1&h=3")
    at, q = vectors(ids, 1, 3), len(ids) - 1
    query, keys = at["q"][q], at["k"]
    dots = keys @ query
    scores = dots / np.sqrt(lm.model.config.head_dim)
    weights = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
    close(numbers(page, "dot"), dots)
    close(numbers(page, "score"), scores)
    close(numbers(page, "weight"), weights)
    for k in range(len(ids)):
        key, product, value = strips(page.locator(f".row[data-k='{k}']"))
        close(key, keys[k])
        close(product, query * keys[k])
        close(value, at["v"][k])
    close(strips(page.locator(".row.top"))[0], query)
    close(strips(page.locator(".row.sum"))[0], weights @ at["v"])
    close(strips(page.locator(".row.sum"))[0], at["z"][q])


def test_earlier_keys_are_from_the_cache(explore: Open, lm: LanguageModel) -> None:
    page = explore("head", ids=lm.encode(TEXT), more="&q=3")
    tags = page.locator("[data-tag]").evaluate_all("(all) => all.map((e) => e.dataset.tag)")
    assert tags == ["cached", "cached", "cached", "made"]
    tokens(page).nth(0).click()
    settled(page)
    expect(page.locator("[data-tag]")).to_have_text(["made now"])
    assert numbers(page, "weight") == [1]


def test_a_model_that_sees_ahead_has_no_cache(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("head", ids=ids, more="&q=1&e=free")
    expect(page.locator("[data-tag=uncached]")).to_have_count(len(ids))
    assert sum(numbers(page, "weight")) == pytest.approx(1, abs=1e-5)


def test_time_brings_one_column_after_another(explore: Open, lm: LanguageModel) -> None:
    page = explore("head", ids=lm.encode(TEXT))
    scrub = page.locator("input[type=range]").first
    seen = []
    for _ in range(3):
        seen.append(int(page.locator("[data-phase]").get_attribute("data-phase")))
        scrub.press("Home" if len(seen) == 1 else "End")
    assert seen == [7, 0, 7]
    scrub.press("Home")
    opacity = page.locator("[data-k] .weight").first.evaluate("(e) => getComputedStyle(e).opacity")
    assert float(opacity) == 0


def test_of_a_long_text_the_heaviest_are_drawn(
    explore: Open, lm: LanguageModel, vectors: Vectors
) -> None:
    ids = (lm.encode(TEXT) * 20)[: lm.model.config.n_ctx]
    page = explore("head", ids=ids)
    shown = numbers(page, "weight")
    assert len(shown) == 12
    at = vectors(ids, 0, 0)
    scores = at["k"] @ at["q"][-1] / np.sqrt(lm.model.config.head_dim)
    weights = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
    rest = 1 - sum(shown)
    assert sum(shown) >= np.sort(weights)[::-1][:11].sum() - 1e-5
    expect(page.get_by_text(f"52 others, {100 * rest:.1f}%")).to_be_visible()


def test_an_entry_is_read_and_explained(explore: Open, lm: LanguageModel, vectors: Vectors) -> None:
    ids = lm.encode(TEXT)
    page = explore("head", ids=ids)
    at = vectors(ids, 0, 0)
    key = page.locator(".row[data-k='2'] .key canvas")
    key.click(position={"x": 2, "y": 5})
    settled(page)
    close(numbers(page, "product"), [at["q"][-1, 0] * at["k"][2, 0]])
    close(numbers(page.locator(".inspector"), "cell"), [at["k"][2, 0]])
    page.locator(".row[data-k='1'] .weight").click()
    settled(page)
    close(numbers(page.locator(".inspector"), "cell"), numbers(page, "weight")[1:2])


def test_keys_walk_the_numbers_of_a_vector(
    explore: Open, lm: LanguageModel, vectors: Vectors
) -> None:
    ids = lm.encode(TEXT)
    page = explore("head", ids=ids, more="&l=1&h=3")
    query = vectors(ids, 1, 3)["q"][-1]
    strip = page.locator(".row.top").get_by_role("slider")

    def read() -> float:
        at, value = strip.get_attribute("aria-valuetext").split(" = ")
        assert at == f"[{strip.get_attribute('aria-valuenow')}]"
        return float(value.replace("\u2212", "-"))

    strip.focus()
    for key, i in (("Home", 0), ("ArrowRight", 1), ("ArrowLeft", 0), ("End", len(query) - 1)):
        page.keyboard.press(key)
        assert read() == pytest.approx(query[i], rel=1e-4, abs=1e-5)
    assert "h=3" in page.url, "the arrows belong to the strip"
    page.keyboard.press("Enter")
    settled(page)
    panel = page.locator(".inspector")
    expect(panel).to_contain_text("h.1.attn.q")
    assert numbers(panel, "cell")[0] == pytest.approx(query[-1], rel=1e-4, abs=1e-5)
    assert_accessible(page)
