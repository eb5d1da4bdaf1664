"""2.3 Cache ledger: what a step makes and reuses, counted and measured."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from playwright.sync_api import expect

from cutaway.generation import LanguageModel
from cutaway.interp.ledger import MultiplyAdds
from web.conftest import TEXT, Open, assert_accessible, numbers, settled, tokens

Forward = Callable[[list[int]], NDArray[np.float32]]


def counted(lm: LanguageModel, ids: list[int], *, held: int) -> int:
    """Multiply-adds of one real pass behind ``held`` cached tokens."""
    cache = lm.model.new_cache(1, len(ids))
    with torch.no_grad():
        if held:
            lm.model.hidden(torch.tensor([ids[:held]]), cache=cache)
        with MultiplyAdds() as counter:
            hidden = lm.model.hidden(torch.tensor([ids[held:]]), cache=cache)
            lm.model.unembed(hidden[:, -1])
    return counter.total


def test_the_books_are_those_of_real_passes(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("ledger", ids=ids)
    config = lm.model.config
    for step in (len(ids), 2):
        if step < len(ids):
            tokens(page).nth(step - 1).click()
            settled(page)
        assert numbers(page, "made") == [1]
        assert numbers(page, "reused") == [step - 1]
        assert numbers(page, "kv_bytes") == [step * 2 * 4 * config.n_layer * config.n_embd]
        assert numbers(page, "multiply_adds") == [counted(lm, ids[:step], held=step - 1)]
        assert numbers(page, "multiply_adds_uncached") == [counted(lm, ids[:step], held=0)]
    full = config.n_ctx * 2 * 4 * config.n_layer * config.n_embd
    assert numbers(page, "kv_bytes_full") == [full]


def test_without_the_cache_all_columns_are_made_again(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("ledger", ids=ids)
    page.keyboard.press("]")
    settled(page)
    assert numbers(page, "made") == [len(ids)]
    assert numbers(page, "reused") == [0]
    assert "g=without" in page.url
    page.keyboard.press("[")
    settled(page)
    assert numbers(page, "made") == [1]


def test_cached_scores_are_measured_equal(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("ledger", ids=ids)
    lengths = [n for n in (1, 4, 16) if n < len(ids)] + [len(ids)]
    assert numbers(page, "counted") == [counted(lm, ids[:n], held=n - 1) for n in lengths]
    assert all(ms > 0 for ms in numbers(page, "ms") + numbers(page, "ms_uncached"))
    assert max(numbers(page, "difference")) < 1e-4


def test_a_step_adds_a_column(explore: Open, lm: LanguageModel, forward: Forward) -> None:
    ids = lm.encode(TEXT)
    page = explore("ledger", ids=ids)
    page.keyboard.press("1")
    expect(tokens(page)).to_have_count(len(ids) + 1)
    settled(page)
    assert numbers(page, "reused") == [len(ids)]
    shape = page.locator("[data-shape=pattern]").nth(1).text_content()
    assert shape == f"{lm.model.config.n_head} \u00d7 1 \u00d7 {len(ids) + 2}"


def test_a_model_that_looks_ahead_keeps_nothing(explore: Open, lm: LanguageModel) -> None:
    page = explore("ledger", ids=lm.encode(TEXT), more="&e=free")
    expect(page.get_by_text("nothing can be kept")).to_be_visible()
    assert numbers(page, "reused") == [0]


def test_the_table_reads_a_step(explore: Open, lm: LanguageModel) -> None:
    page = explore("ledger", ids=lm.encode(TEXT))
    page.get_by_role("button", name="As a table").click()
    page.get_by_role("grid").locator("[tabindex='0']").focus()
    page.keyboard.press("ArrowUp")
    n = len(lm.encode(TEXT)) - 1
    expect(page.get_by_text(f"The step that reads token {n} makes one column")).to_be_visible()
    assert_accessible(page)
