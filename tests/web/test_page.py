"""3.2 Long page: attention and gradient times input of each word, against passes of our own."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from playwright.sync_api import expect

from cutaway.generation import LanguageModel
from cutaway.models import GPT2
from web.conftest import (
    TEXT,
    Open,
    Patterns,
    Watch,
    close,
    numbers,
    packed,
    serving,
    settled,
    tiny_model,
)


def louder(lm: LanguageModel, ids: list[int], q: int, id: int) -> NDArray[np.float64]:
    """How the log-probability of a token changes with a factor on each word's embedding."""
    model, step = lm.model.double(), 1e-4
    try:
        with torch.no_grad():
            words, places = model.wte.weight[ids], model.wpe.weight[: len(ids)]

            def score(factors: torch.Tensor) -> torch.Tensor:
                from cutaway.nn import NO_TAP
                from cutaway.nn.masks import CAUSAL

                x = (words * factors[..., None] + places).to(torch.float64)
                for block in model.h:
                    x = block(x, mask=CAUSAL, cache=None, tap=NO_TAP)
                return model.unembed(model.ln_f(x[:, q])).log_softmax(-1)[:, id]

            eye = step * torch.eye(len(ids), dtype=torch.float64)
            return ((score(1 + eye) - score(1 - eye)) / (2 * step))[: q + 1].numpy()
    finally:
        model.float()


def maps(page: Any) -> dict[str, NDArray[np.float64]]:
    found = page.locator("canvas[data-map]").evaluate_all(
        "(all) => all.map((c) => [c.dataset.map, [...c.cutaway.values]])"
    )
    return {name: np.array(values) for name, values in found}


def test_both_heats_are_the_models(explore: Open, lm: LanguageModel, patterns: Patterns) -> None:
    ids = lm.encode(TEXT)
    page = explore("page", ids=ids, more="&q=3&l=1")
    found = maps(page)
    close(found["attention"], patterns(ids)[1, :, 3, :4].mean(axis=0))
    close(found["gradient"], louder(lm, ids, 3, ids[4]))
    page.get_by_role("button", name="one head").click()
    page.keyboard.press("h")
    settled(page)
    close(maps(page)["attention"], patterns(ids)[1, 1, 3, :4])
    assert "g=one" in page.url


def test_the_word_to_come_is_the_models_own(
    explore: Open, lm: LanguageModel, forward: Callable[[list[int]], NDArray[np.float32]]
) -> None:
    ids = lm.encode(TEXT)
    page = explore("page", ids=ids)
    own = int(forward(ids)[-1].argmax())
    close(maps(page)["gradient"], louder(lm, ids, len(ids) - 1, own))
    best = np.argsort(-np.abs(maps(page)["gradient"]), kind="stable")[:6]
    lists = page.get_by_role("list", name="The strongest")
    assert (
        lists.nth(1).locator("li").evaluate_all("(all) => all.map((one) => Number(one.dataset.k))")
        == best.tolist()
    )
    close(numbers(page, "gradient"), maps(page)["gradient"][best])


def test_a_summary_begins_behind_its_marker(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode("the inning\nTL;DR: the an")
    page = explore("page", ids=ids)
    words = page.get_by_role("listbox", name="Words of the summary").get_by_role("option")
    n_summary = len(lm.encode(" the an"))
    expect(words).to_have_count(n_summary + 1)
    words.first.click()
    settled(page)
    assert f"q={len(ids) - n_summary - 1}" in page.url
    assert len(maps(page)["gradient"]) == len(ids) - n_summary
    words.first.press("End")
    settled(page)
    assert "&q=" not in page.url
    expect(page.get_by_role("button", name="Put TL;DR: behind it")).to_have_count(0)


def test_the_marker_is_put_behind(explore: Open, lm: LanguageModel) -> None:
    page = explore("page", ids=lm.encode(TEXT))
    page.get_by_role("button", name="Put TL;DR: behind it").click()
    settled(page)
    expect(page.get_by_text("0 of summary")).to_be_visible()
    expect(
        page.get_by_role("listbox", name="Words of the summary").get_by_role("option")
    ).to_have_count(1)


def test_keys_walk_over_the_map(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("page", ids=ids, more="&k=3")
    chart = page.get_by_role("slider", name="Map of the page: Attention")
    chart.press("ArrowLeft")
    settled(page)
    assert "&k=2" in page.url
    assert chart.get_attribute("aria-valuenow") == "3"
    chart.press("Home")
    settled(page)
    assert "&k=0" in page.url


def test_a_products_vectors_are_told(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("page", ids=ids, more="&q=3")
    row = page.get_by_role("list", name="The strongest").nth(1).locator("li button").first
    row.click()
    settled(page)
    expected = louder(lm, ids, 3, ids[4])
    assert numbers(page, "cell")[0] == pytest.approx(expected[np.abs(expected).argmax()], rel=1e-3)
    page.get_by_role("button", name="logit", exact=True).click()
    settled(page)
    assert "of.logit" in page.url


def test_the_table_reads_a_word(explore: Open, lm: LanguageModel) -> None:
    page = explore("page", ids=lm.encode(TEXT), more="&k=1")
    page.get_by_role("button", name="As a table").click()
    page.get_by_role("grid").locator("[tabindex='0']").focus()
    page.keyboard.press("ArrowDown")
    settled(page)
    assert "&k=2" in page.url
    expect(page.get_by_text("of the attention, gradient times input").first).to_be_visible()


@pytest.fixture
def long(context: Any, watch: Watch, enliven: Callable[..., GPT2]) -> Iterator[Any]:
    """The view at 1,024 tokens."""
    from cutaway.server.app import create_app

    lm = tiny_model(enliven, name="tiny", seed=10, n_ctx=1024)
    ids = (lm.encode(TEXT + " the an\n") * 400)[:1024]
    with serving(create_app([lm])) as own:
        watch.own.append(own.url)
        page = context.new_page()
        page.goto(f"{own.url}/#v=page&m=tiny&t={packed(ids)}")
        page.wait_for_selector("[data-view=page] figure canvas")
        settled(page)
        yield page


def test_1024_tokens(long: Any) -> None:
    found = maps(long)
    assert len(found["attention"]) == len(found["gradient"]) == 1024
    assert long.get_by_role("listbox", name="The page around").get_by_role("option").count() == 64
    assert found["attention"].sum() == pytest.approx(1, abs=1e-4)
    box = long.locator("canvas[data-map=attention]").bounding_box()
    assert box["height"] < 260
