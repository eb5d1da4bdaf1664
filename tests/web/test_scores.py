"""1.6 Fifty thousand scores: cut and draw in the browser are those of the server."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import expect

from cutaway.generation import GenerationConfig, LanguageModel
from cutaway.generation.draw import DrawKey, draw, uniform
from cutaway.generation.filters import narrow
from web.conftest import TEXT, Open, assert_accessible, numbers, settled, softmax, tokens

Forward = Callable[[list[int]], NDArray[np.float32]]


def behind(page: Any) -> dict[str, Any]:
    """The arrays behind the strip."""
    return page.locator(".skyline canvas").evaluate(
        "(c) => ({ logits: [...c.cutaway.logits], share: [...c.cutaway.share], "
        "kept: c.cutaway.kept })"
    )


def choose(page: Any, *, temperature: float, top_k: int, top_p: float, seed: int) -> None:
    page.get_by_label("Temperature").fill(str(temperature))
    page.locator("input[type=number]").first.fill(str(top_k))
    page.get_by_label("Top-p").fill(str(top_p))
    page.get_by_label("Seed").fill(str(seed))
    settled(page)
    expect(page.get_by_text("draws the same token")).to_be_visible()


def test_the_strip_is_the_last_row_of_logits(
    explore: Open, lm: LanguageModel, forward: Forward
) -> None:
    ids = lm.encode(TEXT)
    page = explore("scores", ids=ids)
    expected = forward(ids)[-1]
    np.testing.assert_allclose(behind(page)["logits"], expected, atol=1e-4)
    np.testing.assert_allclose(
        numbers(page.get_by_label("What is drawn from"), "full")[:12],
        np.sort(softmax(expected))[::-1][:12],
        atol=1e-5,
    )


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p", "seed"),
    [(1.0, 0, 1.0, 3), (0.7, 40, 1.0, 4), (1.35, 0, 0.8, 5), (1.9, 25, 0.5, 6), (0.05, 3, 0.9, 7)],
)
def test_cut_and_draw_are_those_of_generation(
    explore: Open,
    lm: LanguageModel,
    temperature: float,
    top_k: int,
    top_p: float,
    seed: int,
) -> None:
    ids = lm.encode(TEXT)
    page = explore("scores", ids=ids)
    choose(page, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)
    found = behind(page)
    config = GenerationConfig(temperature=temperature, top_k=top_k, top_p=top_p)
    scores = narrow(np.array([found["logits"]]), config=config)
    shares = softmax(scores[0])
    np.testing.assert_allclose(found["share"], shares, atol=1e-12)
    assert found["kept"] == int((shares > 0).sum()) == numbers(page, "n_kept")[0]
    kept = softmax(np.array(found["logits"]))[shares > 0].sum()
    np.testing.assert_allclose(numbers(page, "kept_mass"), [kept], atol=1e-9)
    key = DrawKey(seed=seed, sample=0, position=len(ids))
    chosen = draw(scores, [key])[0]
    assert numbers(page, "u") == [uniform(key)]
    assert page.locator("[data-drawn]").get_attribute("data-drawn") == str(chosen)
    assert page.locator("[data-served]").get_attribute("data-served") == str(chosen)


def test_at_temperature_0_the_best_is_taken(
    explore: Open, lm: LanguageModel, forward: Forward
) -> None:
    ids = lm.encode(TEXT)
    page = explore("scores", ids=ids)
    page.get_by_label("Temperature").fill("0")
    settled(page)
    best = int(forward(ids)[-1].argmax())
    assert page.locator("[data-drawn]").get_attribute("data-drawn") == str(best)
    assert numbers(page, "n_kept") == [1]
    page.get_by_role("button", name="Append it").click()
    expect(tokens(page)).to_have_count(len(ids) + 1)


def test_the_link_keeps_all_that_is_set(explore: Open, lm: LanguageModel) -> None:
    page = explore("scores", ids=lm.encode(TEXT))
    choose(page, temperature=0.35, top_k=11, top_p=0.6, seed=123)
    page.get_by_label("Where is a token?").last.fill("#65")
    page.keyboard.press("Tab")
    found, kept = behind(page), numbers(page, "n_kept")
    page.reload()
    settled(page)
    assert behind(page) == found
    assert numbers(page, "n_kept") == kept
    expect(page.get_by_label("Seed")).to_have_value("123")
    expect(page.locator("tr[data-id='65']")).to_be_visible()


def test_a_token_is_found_wherever_it_is(
    explore: Open, lm: LanguageModel, forward: Forward
) -> None:
    ids = lm.encode(TEXT)
    page = explore("scores", ids=ids)
    wanted = ids[0]
    page.get_by_label("Where is a token?").last.fill(f"#{wanted}")
    settled(page)
    table = page.get_by_role("table", name="Where is a token?")
    logits = forward(ids)[-1]
    assert numbers(table, "rank") == [int((logits > logits[wanted]).sum()) + 1]
    np.testing.assert_allclose(numbers(table, "logit"), [logits[wanted]], atol=1e-4)
    np.testing.assert_allclose(numbers(table, "full"), [softmax(logits)[wanted]], atol=1e-6)
    table.get_by_role("button").click()
    settled(page)
    np.testing.assert_allclose(numbers(page, "cell"), [logits[wanted]], atol=1e-4)


def test_both_orders_and_the_table(explore: Open, lm: LanguageModel) -> None:
    page = explore("scores", ids=lm.encode(TEXT))
    page.keyboard.press("]")
    expect(page.get_by_role("button", name="By token id")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="As a table").click()
    assert len(numbers(page.locator("figure").nth(1), "logit")) == 40
    assert_accessible(page)
