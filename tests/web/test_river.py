"""1.6 Up the stack: the stream and its parts, and the logit lens, against an independent pass."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from playwright.sync_api import expect

from cutaway.generation import LanguageModel
from cutaway.interp import Recorder
from web.conftest import TEXT, Open, assert_accessible, numbers, settled, softmax

Forward = Callable[[list[int]], NDArray[np.float32]]
Values = dict[str, torch.Tensor]


@pytest.fixture
def values(lm: LanguageModel) -> Callable[[list[int]], Values]:
    """All of the stream and what is added to it, by one plain pass."""

    def run(ids: list[int]) -> Values:
        sites = ("resid_pre", "attn_out", "resid_mid", "mlp_out", "resid_post")
        names = {f"h.{i}.{site}" for i in range(lm.model.config.n_layer) for site in sites}
        recorder = Recorder(names)
        with torch.no_grad():
            lm.model(torch.tensor([ids]), tap=recorder)
        return {name: value[0] for name, value in recorder.values.items()}

    return run


def shown(page: Any, part: str, of: str) -> float:
    (number,) = numbers(page.locator(f"tr[data-part='{part}']"), of)
    return number


def assert_named(page: Any, words: list[str]) -> None:
    """The first cells of the lens name these words; parts of characters stand there as bytes."""
    cells = page.locator("[role=gridcell] .word").all_inner_texts()
    for cell, word in zip(cells, words, strict=False):
        assert cell.replace("\u2423", " ") == word or not word.isprintable() or "\ufffd" in word


def test_lengths_and_angles_are_those_of_the_parts(
    explore: Open, lm: LanguageModel, values: Callable[[list[int]], Values]
) -> None:
    ids = lm.encode(TEXT)
    page = explore("river", ids=ids, more="&q=3")
    at = {name: value[3] for name, value in values(ids).items()}
    for i in range(lm.model.config.n_layer):
        for part, before, after in (
            ("attn_out", "resid_pre", "resid_mid"),
            ("mlp_out", "resid_mid", "resid_post"),
        ):
            name = f"h.{i}.{part}"
            added, stream = at[name], at[f"h.{i}.{before}"]
            cosine = float(torch.cosine_similarity(added, stream, dim=0))
            assert shown(page, name, "part_norm") == pytest.approx(float(added.norm()), abs=1e-4)
            assert shown(page, name, "part_cosine") == pytest.approx(cosine, abs=1e-5)
            length = float(at[f"h.{i}.{after}"].norm())
            assert shown(page, name, "norm") == pytest.approx(length, abs=1e-4)
    token = lm.model.wte.weight[ids[3]].detach()
    assert shown(page, "wte", "norm") == pytest.approx(float(token.norm()), abs=1e-5)


def test_all_pushes_make_the_logit(explore: Open, lm: LanguageModel, forward: Forward) -> None:
    ids = lm.encode(TEXT)
    page = explore("river", ids=ids)
    whole = sum(numbers(page, "push")) + sum(numbers(page, "constant"))
    best = float(forward(ids)[-1].max())
    assert whole == pytest.approx(best, abs=1e-3)
    assert numbers(page, "logit") == [pytest.approx(best, abs=1e-4)]


def test_every_height_of_the_lens_is_the_model_stopped_there(
    explore: Open, lm: LanguageModel, values: Callable[[list[int]], Values], forward: Forward
) -> None:
    ids = lm.encode(TEXT)
    page = explore("river", ids=ids)
    stream, own = values(ids), forward(ids)
    page.set_viewport_size({"width": 1440, "height": 900})
    names = [f"h.{i}.{s}" for i in range(3) for s in ("resid_mid", "resid_post")]
    columns = page.locator("table[role=grid] thead th").count() - 1
    start = len(ids) - columns
    expected: list[float] = []
    best, highest = [], []
    for name in reversed(["h.0.resid_pre", *names]):
        with torch.no_grad():
            logits = lm.model.unembed(lm.model.ln_f(stream[name])).numpy()
        expected += [softmax(logits[q])[own[q].argmax()] for q in range(start, len(ids))]
        best += [int(logits[q].argmax()) for q in range(start, len(ids))]
        highest += [softmax(logits[q]).max() for q in range(start, len(ids))]
    np.testing.assert_allclose(numbers(page, "lens_best"), highest, atol=1e-5)
    assert_named(page, [lm.decode([id]) for id in best])
    page.get_by_role("button", name="the word followed").click()
    np.testing.assert_allclose(numbers(page, "lens_prob"), expected, atol=1e-5)
    assert_named(page, [lm.decode([int(own[q].argmax())]) for q in range(start, len(ids))])


def test_the_top_row_is_what_the_model_says(
    explore: Open, lm: LanguageModel, forward: Forward
) -> None:
    ids = lm.encode(TEXT)
    page = explore("river", ids=ids)
    best = softmax(forward(ids)[-1]).max()
    assert numbers(page, "says_prob")[0] == pytest.approx(best, abs=1e-6)
    columns = page.locator("table[role=grid] thead th").count() - 1
    assert numbers(page, "lens_best")[columns - 1] == pytest.approx(best, abs=1e-6)
    page.get_by_role("button", name="its rank").click()
    assert numbers(page, "lens_rank")[:columns] == [1] * columns


def test_any_word_can_be_followed(explore: Open, lm: LanguageModel, forward: Forward) -> None:
    ids = lm.encode(TEXT)
    page = explore("river", ids=ids)
    grid = page.get_by_role("grid")
    grid.locator("[tabindex='0']").focus()
    page.keyboard.press("ArrowLeft")
    settled(page)
    expect(grid.locator("[aria-selected=true]")).to_be_focused()
    page.keyboard.press("Enter")
    settled(page)
    expect(page.get_by_text("Following \u201c")).to_be_visible()
    logits = forward(ids)
    word = int(logits[-2].argmax())
    columns = grid.locator("thead th").count() - 1
    top = [softmax(row)[word] for row in logits[len(ids) - columns :]]
    np.testing.assert_allclose(numbers(page, "lens_prob")[:columns], top, atol=1e-6)
    page.reload()
    settled(page)
    np.testing.assert_allclose(numbers(page, "lens_prob")[:columns], top, atol=1e-6)
    page.get_by_role("button", name="Follow the end again").click()
    settled(page)
    page.get_by_role("button", name="its rank").click()
    assert numbers(page, "lens_rank")[:columns] == [1] * columns


def test_nothing_in_its_table_is_cut_off(explore: Open, lm: LanguageModel) -> None:
    page = explore("river", ids=lm.encode(TEXT))
    for width in (1440, 1000, 390):
        page.set_viewport_size({"width": width, "height": 900})
        settled(page)
        cut = "all => all.filter((td) => td.scrollWidth > td.clientWidth).map((td) => td.innerText)"
        assert page.locator("tr[data-part] > *").evaluate_all(cut) == []


def test_the_river_rises_with_the_clock(explore: Open, lm: LanguageModel) -> None:
    page = explore("river", ids=lm.encode(TEXT))
    parts = page.locator("path[data-part]")
    assert parts.count() == 7
    page.get_by_label("Moment of the animation").fill("0")
    expect(parts).to_have_count(0)
    expect(page.locator("tr.ahead")).to_have_count(8)


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_is_accessible(
    explore: Open, lm: LanguageModel, width: int, theme: str, language: str
) -> None:
    page = explore("river", ids=lm.encode(TEXT))
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=theme)
    page.get_by_label("Language").select_option(language)
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert_accessible(page)
