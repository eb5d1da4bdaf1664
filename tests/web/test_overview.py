"""2.3 All heads: thumbnails, one head's matrix and one cell are the model's own weights."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import expect

from cutaway.generation import LanguageModel
from web.conftest import TEXT, Open, Patterns, numbers, settled, tokens


def codes(values: NDArray[np.float32]) -> NDArray[np.int64]:
    return np.round(255 * np.sqrt(values)).astype(int)


def thumbnails(page: Any) -> NDArray[np.int64]:
    """The arrays behind the thumbnails, (L, H, size, size)."""
    frames = (
        page.get_by_role("figure", name="All heads")
        .locator("canvas")
        .evaluate("(c) => c.cutaway.frames.map(({ header, data }) => [header.shape, [...data]])")
    )
    return np.stack([np.array(data).reshape(shape) for shape, data in frames])


def whole(page: Any, layer: int, head: int) -> Any:
    return page.get_by_role("figure", name=f"Block {layer}, head {head}")


def percents(grid: Any, cells: str) -> list[float]:
    texts = grid.locator(cells).all_inner_texts()
    return [float(text.strip("<>%")) / 100 if text.endswith("%") else np.nan for text in texts]


def about(values: NDArray[np.float32]) -> Any:
    """As close as printed percentages are: two digits at least."""
    return pytest.approx(values.ravel().tolist(), rel=0.05, abs=1e-5)


def near(found: NDArray[np.int64], expected: NDArray[np.int64]) -> bool:
    """Codes may differ by one where rounding falls the other way."""
    return bool((np.abs(found - expected) <= 1).all())


def test_every_head_is_there(explore: Open, lm: LanguageModel, patterns: Patterns) -> None:
    ids = lm.encode(TEXT)
    assert near(thumbnails(explore("overview", ids=ids)), codes(patterns(ids)))


def test_two_tokens_are_enough(explore: Open, lm: LanguageModel, patterns: Patterns) -> None:
    ids = lm.encode(TEXT)[:2]
    page = explore("overview", ids=ids)
    assert near(thumbnails(page), codes(patterns(ids)))
    expect(page.locator("[data-reading]")).to_contain_text("Reading")


def test_the_text_is_repeated_to_the_end_of_the_context(
    explore: Open, lm: LanguageModel, patterns: Patterns
) -> None:
    ids = lm.encode(TEXT)
    page = explore("overview", ids=ids)
    page.get_by_role("button", name="Repeat the text to 64 tokens").click()
    expect(tokens(page)).to_have_count(64)
    settled(page)
    assert near(thumbnails(page), codes(patterns((ids * 64)[:64])))


def test_one_head_is_a_triangle_of_codes(
    explore: Open, lm: LanguageModel, patterns: Patterns
) -> None:
    ids = lm.encode(TEXT)
    page = explore("overview", ids=ids, more="&l=1&h=2")
    header, data = (
        whole(page, 1, 2)
        .locator("canvas")
        .evaluate("(c) => [c.cutaway.frame.header, [...c.cutaway.frame.data]]")
    )
    assert (header["layout"], header["dtype"]) == ("tri", "u1")
    expected = patterns(ids)[1, 2][np.tril_indices(len(ids))]
    assert near(np.array(data), codes(expected))


def test_a_thumbnail_opens_its_head(explore: Open, lm: LanguageModel) -> None:
    page = explore("overview", ids=lm.encode(TEXT))
    canvas = page.get_by_role("figure", name="All heads").locator("canvas")
    box = canvas.bounding_box()
    side = (box["width"] - 22) / 5
    canvas.click(position={"x": 22 + 3.5 * min(96, side), "y": 18 + 0.5 * min(96, side)})
    settled(page)
    expect(whole(page, 2, 3)).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("h")
    expect(whole(page, 1, 4)).to_be_visible()
    settled(page)


def test_a_cell_tells_its_exact_number(
    explore: Open, lm: LanguageModel, patterns: Patterns
) -> None:
    ids = lm.encode(TEXT)
    page = explore("overview", ids=ids, more="&l=2&h=1")
    figure = whole(page, 2, 1)
    canvas = figure.locator("canvas")
    box = canvas.bounding_box()
    left, top = (float(canvas.get_attribute(f"data-{side}")) for side in ("left", "top"))
    cell = (box["width"] - left - 30) / len(ids)
    canvas.click(position={"x": left + 2.5 * cell, "y": top + 4.5 * cell})
    settled(page)
    weight = patterns(ids)[2, 1, 4, 2]
    assert numbers(page.locator(".inspector"), "cell") == [pytest.approx(weight, abs=1e-6)]
    expect(page.locator("[data-reading]")).to_contain_text("looks at")
    assert numbers(figure, "weight") == [pytest.approx(weight, abs=1e-6)]
    shares = numbers(figure, "share") + numbers(figure, "rest")
    assert sum(shares) == pytest.approx(1, abs=1e-5)
    assert "q=4&k=2" in page.evaluate("location.hash")


def test_the_tables_hold_exact_numbers(
    explore: Open, lm: LanguageModel, patterns: Patterns
) -> None:
    ids = lm.encode(TEXT)
    page = explore("overview", ids=ids, more="&l=1&h=2&q=4&k=3")
    for _ in range(2):
        page.get_by_role("button", name="As a table").first.click()
        settled(page)
    all_heads, one_head = page.get_by_role("grid").all()
    weights = patterns(ids)
    assert percents(all_heads, "[role=gridcell]") == about(weights[:, :, 4, 3])
    assert percents(one_head, "tr.active [role=gridcell]")[:4] == about(weights[1, 2, 4, :4])
    one_head.locator("[tabindex='0']").press("ArrowUp")
    settled(page)
    assert "q=3&k=3" in page.evaluate("location.hash")


@pytest.mark.parametrize("width", [1440, 390])
def test_the_zoom_stands_on_no_label(explore: Open, lm: LanguageModel, width: int) -> None:
    page = explore("overview", ids=lm.encode(TEXT))
    page.set_viewport_size({"width": width, "height": 844})
    settled(page)
    matrix = page.locator(".matrix")
    zoom, canvas = matrix.locator(".zoom").bounding_box(), matrix.locator("canvas").bounding_box()
    assert zoom is not None
    assert canvas is not None
    is_above = zoom["y"] + zoom["height"] <= canvas["y"] + 1
    assert is_above or canvas["x"] + canvas["width"] <= zoom["x"] + 1
