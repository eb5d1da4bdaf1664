"""1.6 Input: the rows that are added, the nearest tokens and the map, against the matrices."""

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from cutaway.generation import LanguageModel
from web.conftest import TEXT, Open, assert_accessible, numbers, settled, strips


def test_the_sum_is_that_of_the_rows_bit_for_bit(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("embedding", ids=ids, more="&q=3")
    token = lm.model.wte.weight[ids[3]].detach().numpy()
    position = lm.model.wpe.weight[3].detach().numpy()
    for shown, value in zip(
        strips(page.locator(".strip")), (token, position, token + position), strict=True
    ):
        np.testing.assert_array_equal(np.float32(shown), value)
    expect(page.locator("[data-equal]")).to_have_attribute("data-equal", str(len(token)))
    assert numbers(page, "x0") == [float((token + position)[0])]


def test_the_pictures_are_the_matrices(explore: Open, lm: LanguageModel) -> None:
    page = explore("embedding", ids=lm.encode(TEXT))
    for i, weight in enumerate((lm.model.wte.weight, lm.model.wpe.weight)):
        canvas = page.locator(".picture canvas").nth(i)
        mean = canvas.evaluate(
            "(c) => c.cutaway.frame.data.reduce((a, b) => a + b) / c.cutaway.frame.data.length"
        )
        cells = canvas.evaluate("(c) => c.cutaway.frame.header.shape")
        assert cells == [min(48, weight.shape[0]), weight.shape[1]]
        # Patches differ by one row at most, so the mean of means is near the mean.
        assert mean == pytest.approx(float(weight.detach().mean()), abs=0.02)


def test_the_nearest_tokens(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("embedding", ids=ids)
    weight = lm.model.wte.weight.detach()
    cosine = torch.cosine_similarity(weight, weight[ids[-1]][None], dim=-1)
    cosine[ids[-1]] = -2
    best = cosine.argsort(descending=True)
    np.testing.assert_allclose(numbers(page, "cosine"), cosine[best[:12]], atol=1e-6)
    page.locator(".bars button").first.click()
    settled(page)
    other = torch.cosine_similarity(weight, weight[best[0]][None], dim=-1)
    other[best[0]] = -2
    assert numbers(page, "cosine")[0] == pytest.approx(float(other.max()), abs=1e-6)
    page.get_by_role("button", name="Back to the text").click()
    settled(page)
    assert numbers(page, "cosine")[0] == pytest.approx(float(cosine.max()), abs=1e-6)


def test_the_map_has_every_token_where_its_components_are(explore: Open, lm: LanguageModel) -> None:
    page = explore("embedding", ids=lm.encode(TEXT))
    cloud = page.get_by_role("figure", name="Map of all tokens").locator("canvas")
    points = np.array(cloud.evaluate("(c) => Array.from(c.cutaway.cloud.points)")).reshape(-1, 2)
    weight = lm.model.wte.weight.detach().double().numpy()
    centred = weight - weight.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    expected = centred @ axes[:2].T
    np.testing.assert_allclose(np.abs(points), np.abs(expected), atol=1e-4)


def test_the_table_reads_the_rows(explore: Open, lm: LanguageModel) -> None:
    page = explore("embedding", ids=lm.encode(TEXT))
    page.get_by_role("button", name="As a table").first.click()
    page.locator("[role=grid] [tabindex='0']").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("Number 1 of sum is")).to_be_visible()
    assert_accessible(page)
