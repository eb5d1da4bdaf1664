"""1.7 Small print: merges, layer norm and loss, against the tokenizer and a plain pass."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from playwright.sync_api import expect

from cutaway.generation import LanguageModel
from cutaway.interp import Recorder
from web.conftest import TEXT, Open, assert_accessible, numbers, settled, softmax

Forward = Callable[[list[int]], NDArray[np.float32]]


@pytest.mark.parametrize("word", ["inning", "\u4f60\u597d\u4f60", "the"])
def test_a_word_is_joined_from_its_bytes(explore: Open, lm: LanguageModel, word: str) -> None:
    page = explore("print", ids=lm.encode(TEXT))
    page.get_by_label("Your own words").fill(word)
    settled(page)
    tree = page.locator(".tree .node")
    parts = tree.evaluate_all(
        "(all) => all.map((e) => [Number(e.dataset.step), e.dataset.bytes, e.dataset.token])"
    )
    assert "".join(data for step, data, _ in parts if step == 0) == word.encode().hex()
    assert lm.tokenizer is not None
    (merges,) = lm.tokenizer.merges(word)
    made = {step: data for step, data, _ in parts if step > 0}
    expected = {i + 1: (s.left + s.right).hex() for i, s in enumerate(merges.steps)}
    assert made == expected
    assert sorted(int(token) for _, _, token in parts if token) == sorted(lm.encode(word))


def test_the_replay_begins_with_bytes(explore: Open, lm: LanguageModel) -> None:
    page = explore("print", ids=lm.encode(TEXT))
    page.get_by_label("Your own words").fill("ing")
    settled(page)
    page.get_by_label("Moment of the animation").fill("0")
    expect(page.locator(".tree .node")).to_have_count(3)
    expect(page.locator(".tree .node.token")).to_have_count(3)


def test_half_a_character_is_left_out_of_the_replay(explore: Open, lm: LanguageModel) -> None:
    page = explore("print", ids=[*lm.encode("a"), 0xE4, 0xBD])
    words = page.get_by_role("listbox", name="Words of the text").get_by_role("option")
    assert words.all_inner_texts() == ["a"]


@pytest.mark.parametrize("stage", ["ln_1", "ln_2", "ln_f"])
def test_layer_norm_before_and_after(explore: Open, lm: LanguageModel, stage: str) -> None:
    ids = lm.encode(TEXT)
    page = explore("print", ids=ids, more=f"&l=1&q=2&g={stage}")
    taps = {
        "ln_1": ("h.1.resid_pre", "h.1.ln_1"),
        "ln_2": ("h.1.resid_mid", "h.1.ln_2"),
        "ln_f": ("h.2.resid_post", "ln_f"),
    }[stage]
    recorder = Recorder(set(taps))
    with torch.no_grad():
        lm.model(torch.tensor([ids]), tap=recorder)
    for side, tap in zip(("before", "after"), taps, strict=True):
        x = recorder.values[tap][0, 2].double()
        found = (x.mean(), x.var(correction=0), x.min(), x.max())
        for name, value in zip(("mean", "variance", "smallest", "largest"), found, strict=True):
            assert numbers(page, f"{side}_{name}") == [pytest.approx(float(value), abs=1e-4)]
        bars = page.locator(f"rect.{side}").evaluate_all(
            "(all) => all.map((e) => Number(e.dataset.count))"
        )
        assert sum(bars) == len(x)
    off = page.locator("[data-off]").get_attribute("data-off")
    assert off is not None
    assert float(off) < 1e-4
    norm = lm.model.ln_f if stage == "ln_f" else getattr(lm.model.h[1], stage)
    assert numbers(page, "gain") == [pytest.approx(float(norm.weight.detach().mean()), abs=1e-5)]


def test_the_loss_of_every_token(explore: Open, lm: LanguageModel, forward: Forward) -> None:
    ids = lm.encode(TEXT)
    page = explore("print", ids=ids)
    logits = forward(ids)
    expected = [-np.log(softmax(logits[t])[ids[t + 1]]) for t in range(len(ids) - 1)]
    shown = page.locator("[data-nll]").evaluate_all(
        "(all) => all.map((e) => Number(e.dataset.nll))"
    )
    np.testing.assert_allclose(shown, expected, atol=1e-5)
    assert numbers(page, "total") == [pytest.approx(sum(expected), abs=1e-4)]
    assert numbers(page, "perplexity") == [pytest.approx(np.exp(np.mean(expected)), rel=1e-5)]
    assert lm.tokenizer is not None
    n_bytes = sum(len(lm.tokenizer.token_bytes(i)) for i in ids[1:])
    bits = sum(expected) / (np.log(2) * n_bytes)
    assert numbers(page, "bits_per_byte") == [pytest.approx(bits, rel=1e-5)]


def test_keys_walk_through_words_and_tokens_and_the_link_keeps_them(
    explore: Open, lm: LanguageModel
) -> None:
    ids = lm.encode(TEXT)
    page = explore("print", ids=ids)
    tokens = page.get_by_role("listbox", name="How surprised the model was")
    tokens.locator("[tabindex='0']").focus()
    page.keyboard.press("ArrowLeft")
    settled(page)
    expect(tokens.get_by_role("option").nth(len(ids) - 2)).to_be_focused()
    assert f"q={len(ids) - 2}" in page.evaluate("location.hash")
    words = page.get_by_role("listbox", name="Words of the text")
    words.locator("[tabindex='0']").focus()
    page.keyboard.press("Home")
    settled(page)
    first = words.get_by_role("option").first
    expect(first).to_be_focused()
    page.reload()
    settled(page)
    expect(first).to_have_attribute("aria-selected", "true")
    page.get_by_label("Your own words").fill("\u673a\u5668\u4eba")
    page.keyboard.press("Tab")
    page.reload()
    settled(page)
    expect(page.get_by_label("Your own words")).to_have_value("\u673a\u5668\u4eba")
    expect(words.get_by_role("option")).to_have_count(1)


def test_the_tables(explore: Open, lm: LanguageModel) -> None:
    page = explore("print", ids=lm.encode(TEXT))
    for _ in range(3):
        page.get_by_role("button", name="As a table").first.click()
    assert page.get_by_role("grid").count() == 3
    assert_accessible(page)


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_is_accessible(
    explore: Open, lm: LanguageModel, width: int, theme: str, language: str
) -> None:
    page = explore("print", ids=lm.encode(TEXT))
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=theme)
    page.get_by_label("Language").select_option(language)
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert_accessible(page)
