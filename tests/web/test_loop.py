"""1.3 Loop: the text that comes of it is the one that the library generates."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import expect

from cutaway.generation import GenerationConfig, LanguageModel
from web.conftest import TEXT, Open, assert_accessible_everywhere, numbers, settled, softmax, tokens

Forward = Callable[[list[int]], NDArray[np.float32]]
N = 4


def shown_ids(page: object) -> list[int]:
    return tokens(page).evaluate_all(
        "(all) => all.map((e) => Number(e.title.match(/ \\u00b7 (\\d+)/)[1]))"
    )


@pytest.mark.parametrize("seed", [None, 3, 11])
def test_turning_is_generating(explore: Open, lm: LanguageModel, seed: int | None) -> None:
    ids = lm.encode(TEXT)
    page = explore("loop", ids=ids, more="" if seed is None else f"&g=seed-{seed}")
    for n in range(1, N + 1):
        page.get_by_role("button", name="Next turn").click()
        expect(tokens(page)).to_have_count(len(ids) + n)
        settled(page)
    config = GenerationConfig(max_new_tokens=N, temperature=0.0 if seed is None else 1.0)
    written = lm.generate(TEXT, config=config, seed=seed or 0)
    assert shown_ids(page) == [*ids, *written.ids]


def test_what_comes_out_is_what_joins(explore: Open, lm: LanguageModel, forward: Forward) -> None:
    ids = lm.encode(TEXT)
    page = explore("loop", ids=ids)
    best = int(forward(ids)[-1].argmax())
    assert page.locator("[data-output]").get_attribute("data-output") == str(best)
    page.get_by_role("button", name="Next turn").click()
    expect(tokens(page)).to_have_count(len(ids) + 1)
    settled(page)
    assert shown_ids(page) == [*ids, best]


def test_the_likeliest_comes_with_what_the_model_gives_it(
    explore: Open, lm: LanguageModel, forward: Forward
) -> None:
    ids = lm.encode(TEXT)
    page = explore("loop", ids=ids)
    (told,) = numbers(page, "prob")
    assert told == pytest.approx(softmax(forward(ids)[-1]).max(), abs=1e-6)


def test_at_the_end_nothing_joins(explore: Open, lm: LanguageModel) -> None:
    n_ctx = lm.model.config.n_ctx
    page = explore("loop", ids=[257] * n_ctx)
    expect(page.get_by_text(f"All {n_ctx} positions are taken")).to_be_visible()
    out = page.locator("[data-output]").bounding_box()
    assert out["y"] < page.locator("svg .box").bounding_box()["y"]


def test_each_turn_has_the_models_own_choice(
    explore: Open, lm: LanguageModel, forward: Forward
) -> None:
    ids = lm.encode(TEXT)
    page = explore("loop", ids=ids)
    rows = page.locator("[data-turn]")
    logits = forward(ids)
    own = rows.locator(".own").evaluate_all("(all) => all.map((e) => Number(e.dataset.id))")
    first = max(0, len(ids) - 10)
    assert own == logits[first:].argmax(-1).tolist()
    probs = [softmax(row).max() for row in logits[first:]]
    np.testing.assert_allclose(numbers(page, "own"), probs, atol=1e-6)
    out = rows.locator(".out").evaluate_all("(all) => all.map((e) => Number(e.dataset.id))")
    assert out == [*ids[first + 1 :], int(logits[-1].argmax())]


def test_both_sides_opens_the_cells_above_the_diagonal(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("loop", ids=ids)
    n = min(12, len(ids))

    def seen() -> NDArray[np.bool_]:
        cells = page.locator("rect[data-seen]").evaluate_all(
            "(all) => all.map((e) => e.dataset.seen === 'true')"
        )
        return np.array(cells).reshape(n, n)

    left = seen()
    page.get_by_role("button", name="Sees both sides").click()
    np.testing.assert_array_equal(left, np.tri(n, dtype=bool))
    assert seen().all()
    expect(page.get_by_text("no BERT is loaded").first).to_be_visible()


def test_the_seed_is_in_the_address(explore: Open, lm: LanguageModel) -> None:
    page = explore("loop", ids=lm.encode(TEXT))
    page.get_by_role("button", name="Drawn").click()
    page.get_by_label("Seed").fill("7")
    page.get_by_label("Seed").press("Enter")
    settled(page)
    page.reload()
    settled(page)
    assert page.get_by_label("Seed").input_value() == "7"
    written = lm.generate(TEXT, seed=7, max_new_tokens=1)
    assert page.locator("[data-output]").get_attribute("data-output") == str(written.ids[0])


def test_it_is_accessible(explore: Open, lm: LanguageModel) -> None:
    page = explore("loop", ids=lm.encode(TEXT), more="&g=seed-3")
    assert_accessible_everywhere(page)
