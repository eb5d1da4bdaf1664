"""1.6 Filing cabinet: note, labels, contents and blend are the vectors of an independent pass."""

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import expect

from cutaway.generation import LanguageModel
from web.conftest import TEXT, Open, Vectors, close, numbers, settled, strips


def weights_of(at: dict[str, NDArray[np.float64]], q: int) -> NDArray[np.float64]:
    scores = at["k"][: q + 1] @ at["q"][q] / np.sqrt(at["q"].shape[1])
    shares = np.exp(scores - scores.max())
    return shares / shares.sum()


def test_all_that_is_drawn_is_real(explore: Open, lm: LanguageModel, vectors: Vectors) -> None:
    ids = lm.encode(TEXT)
    page = explore("cabinet", ids=ids, more="&l=2&h=1&q=3")
    at = vectors(ids, 2, 1)
    close(strips(page.locator("[data-note]"))[0], at["q"][3])
    folders = page.locator(".drawer li")
    expect(folders).to_have_count(4)
    for k in range(4):
        label, content = strips(folders.nth(k))
        close(label, at["k"][k])
        close(content, at["v"][k])
    close(numbers(page, "weight"), weights_of(at, 3))


def test_the_blend_is_the_output_of_the_head(
    explore: Open, lm: LanguageModel, vectors: Vectors
) -> None:
    ids = lm.encode(TEXT)
    page = explore("cabinet", ids=ids, more="&l=1&h=4")
    at, q = vectors(ids, 1, 4), len(ids) - 1
    (blend,) = strips(page.locator("[data-blend]"))
    close(blend, at["z"][q])
    close(blend, weights_of(at, q) @ at["v"][: q + 1])
    assert numbers(page, "farthest")[0] < 1e-5


def test_contents_fade_by_their_shares(explore: Open, lm: LanguageModel) -> None:
    page = explore("cabinet", ids=lm.encode(TEXT))
    opacities = page.locator(".drawer .inside").evaluate_all(
        "(all) => all.map((e) => Number(getComputedStyle(e).opacity))"
    )
    shares = numbers(page, "weight")
    assert opacities == pytest.approx([max(0.1, share**0.5) for share in shares], abs=1e-3)


def test_a_head_that_is_off_says_so(explore: Open, lm: LanguageModel) -> None:
    page = explore("cabinet", ids=lm.encode(TEXT), more="&l=1&h=2&e=h1.2")
    expect(page.locator("[data-blend]")).to_contain_text("switched off")
    assert numbers(page, "farthest") == []


def test_a_folder_asks_for_its_share(explore: Open, lm: LanguageModel) -> None:
    page = explore("cabinet", ids=lm.encode(TEXT))
    page.locator(".drawer .match").nth(1).click()
    settled(page)
    close(numbers(page.locator(".inspector"), "cell"), numbers(page, "weight")[1:2])
    assert "k=1" in page.evaluate("location.hash")


def test_of_a_long_text_the_best_are_drawn(explore: Open, lm: LanguageModel) -> None:
    ids = (lm.encode(TEXT) * 20)[: lm.model.config.n_ctx]
    page = explore("cabinet", ids=ids)
    shares = numbers(page, "weight")
    assert len(shares) == 8
    told = f"{len(ids) - 8} others, {100 * (1 - sum(shares)):.1f}%"
    expect(page.get_by_text(told)).to_be_visible()


def test_the_picture_fades_as_the_page_does(explore: Open, lm: LanguageModel) -> None:
    page = explore("cabinet", ids=lm.encode(TEXT))
    page.keyboard.press("e")
    with page.expect_download() as download:
        page.get_by_role("button", name="SVG drawing").click()
    svg = download.value.path().read_text(encoding="utf-8")
    opacities = [float(part.split('"')[0]) for part in svg.split('<g opacity="')[1:]]
    assert svg.count("<g ") == svg.count("</g>")
    for share in numbers(page, "weight"):
        assert any(abs(one - max(0.1, share**0.5)) < 1e-3 for one in opacities)
