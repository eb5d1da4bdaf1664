"""1.4 Blocks and masks: what is lit, and the live model without its mask, against plain passes."""

from collections.abc import Callable
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
    Watch,
    assert_accessible_everywhere,
    numbers,
    packed,
    serving,
    settled,
    softmax,
    tiny_model,
    tokens,
)

Forward = Callable[[list[int]], NDArray[np.float32]]
Array = NDArray[np.float64]


def unmasked(lm: LanguageModel, ids: list[int]) -> tuple[Array, list[Array]]:
    """Logits and patterns of the same weights without a mask, written out in float64."""
    w = {name: p.detach().double().numpy() for name, p in lm.model.named_parameters()}
    config = lm.model.config
    T, H, K = len(ids), config.n_head, config.head_dim

    def norm(x: Array, name: str) -> Array:
        x = x - x.mean(-1, keepdims=True)
        scale = np.sqrt((x**2).mean(-1, keepdims=True) + config.layer_norm_epsilon)
        return x / scale * w[f"{name}.weight"] + w[f"{name}.bias"]

    def linear(x: Array, name: str) -> Array:
        return x @ w[f"{name}.weight"] + w[f"{name}.bias"]

    x = w["wte.weight"][ids] + w["wpe.weight"][:T]
    patterns = []
    for i in range(config.n_layer):
        qkv = linear(norm(x, f"h.{i}.ln_1"), f"h.{i}.attn.c_attn")
        q, k, v = (part.reshape(T, H, K).swapaxes(0, 1) for part in np.split(qkv, 3, -1))
        scores = np.exp(q @ k.swapaxes(1, 2) / np.sqrt(K))
        patterns.append(scores / scores.sum(-1, keepdims=True))
        z = (patterns[-1] @ v).swapaxes(0, 1).reshape(T, -1)
        x = x + linear(z, f"h.{i}.attn.c_proj")
        pre = linear(norm(x, f"h.{i}.ln_2"), f"h.{i}.mlp.c_fc")
        post = 0.5 * pre * (1 + np.tanh(np.sqrt(2 / np.pi) * (pre + 0.044715 * pre**3)))
        x = x + linear(post, f"h.{i}.mlp.c_proj")
    return norm(x, "ln_f") @ w["wte.weight"].T, patterns


def ids_of(scope: object) -> list[int]:
    rows = scope.locator(".next-words tr[data-id]")
    return [int(i) for i in rows.evaluate_all("(all) => all.map((e) => e.dataset.id)")]


def pixels(page: object, which: str) -> NDArray[np.float32]:
    canvas = page.locator(f"[data-pattern={which}] canvas")
    return np.float32(canvas.evaluate("(e) => [...e.cutaway.frame.data]"))


def test_positions_are_lit_and_hatched(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("blocks", ids=ids)
    for q in (len(ids) - 1, 2, 0):
        page.get_by_role("slider", name="Computing token").fill(str(q))
        settled(page)
        for kind in ("encoder", "decoder", "only"):
            shown = page.locator(f"[data-kind={kind}] li").evaluate_all(
                "(all) => all.map((e) => [Number(e.dataset.place), e.dataset.read === 'true'])"
            )
            assert q in [k for k, _ in shown]
            for k, is_read in shown:
                assert is_read == (kind == "encoder" or k <= q)
    expect(page.locator("[data-kind=only]")).to_contain_text("up to 64 tokens")


def test_the_mask_off_gives_other_words_beside_the_true_ones(
    explore: Open, lm: LanguageModel, forward: Forward
) -> None:
    ids = lm.encode(TEXT)
    page = explore("blocks", ids=ids)
    bound, free = (page.locator(f"[data-words={which}]") for which in ("bound", "free"))
    true = forward(ids)[-1]
    assert ids_of(bound) == np.argsort(-true, kind="stable")[:10].tolist()
    assert ids_of(free) == []
    expect(page.get_by_text("never trained this way")).to_have_count(0)
    page.get_by_role("switch", name="Mask on").click()
    expect(free.locator(".badge")).to_have_text("never trained this way")
    settled(page)
    assert ids_of(bound) == np.argsort(-true, kind="stable")[:10].tolist()
    np.testing.assert_allclose(numbers(bound, "prob"), softmax(true)[ids_of(bound)], atol=1e-6)
    logits, _ = unmasked(lm, ids)
    probs = softmax(logits[-1])
    assert ids_of(free) == np.argsort(-logits[-1], kind="stable")[:10].tolist()
    np.testing.assert_allclose(numbers(free, "prob"), probs[ids_of(free)], atol=1e-5)
    rest = 1 - probs[ids_of(free)].sum()
    np.testing.assert_allclose(numbers(free, "rest_mass"), rest, atol=1e-5)
    expect(free.locator(".rest .word")).to_have_text(f"{len(probs) - 10} others")


def test_the_mask_changes_cells_above_the_diagonal_only(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    T = len(ids)
    page = explore("blocks", ids=ids, more="&e=free&h=2")
    _, patterns = unmasked(lm, ids)
    free = pixels(page, "free").reshape(T, T)
    bound = pixels(page, "bound").reshape(T, T)
    np.testing.assert_allclose(free, patterns[0][2], atol=1e-6)
    # In the first block nothing but the mask differs: what is left, scaled to 1, is the true row.
    left = np.tril(free)
    np.testing.assert_allclose(bound, left / left.sum(-1, keepdims=True), atol=1e-6)
    assert (bound[np.triu_indices(T, 1)] == 0).all()
    assert numbers(page, "opened") == [T * (T - 1) // 2]
    assert numbers(page, "below") == [0]
    future = float(np.triu(patterns[0][2], 1).sum() / T)
    assert numbers(page, "future") == [pytest.approx(future, abs=1e-6)]


def test_m_flips_the_mask_and_the_address_keeps_it(
    explore: Open, lm: LanguageModel, forward: Forward
) -> None:
    ids = lm.encode(TEXT)
    page = explore("blocks", ids=ids)
    page.keyboard.press("m")
    expect(page.locator("[data-words=free] .badge")).to_be_visible()
    page.reload()
    settled(page)
    expect(page.locator("[data-words=free] .badge")).to_be_visible()
    page.keyboard.press("m")
    expect(page.locator("[data-words=free] .badge")).to_have_count(0)
    settled(page)
    page.keyboard.press("ArrowLeft")
    settled(page)
    assert ids_of(page) == np.argsort(-forward(ids)[-2], kind="stable")[:10].tolist()


def test_a_cell_says_how_it_was_made(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("blocks", ids=ids, more="&e=free")
    page.get_by_role("button", name="As a table").click()
    grid = page.get_by_role("grid")
    grid.locator("[tabindex='0']").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    panel = page.get_by_role("region", name="How was this number made?")
    expect(panel.locator("[data-of=cell]")).to_be_visible()
    settled(page)
    _, patterns = unmasked(lm, ids)
    assert numbers(panel, "cell") == [pytest.approx(float(patterns[0][0, 0, 1]), abs=1e-6)]


def test_it_stands_a_full_context(explore: Open, lm: LanguageModel) -> None:
    ids = (lm.encode(TEXT) * 40)[: lm.model.config.n_ctx]
    page = explore("blocks", ids=ids, more="&e=free")
    expect(tokens(page).last).to_be_visible()
    assert torch.tensor(pixels(page, "free")).numel() == len(ids) ** 2


def test_it_is_accessible(explore: Open, lm: LanguageModel) -> None:
    page = explore("blocks", ids=lm.encode(TEXT), more="&e=free")
    assert_accessible_everywhere(page)


def test_a_text_longer_than_the_drawn_blocks_is_told(
    context: Any, watch: Watch, enliven: Callable[..., GPT2]
) -> None:
    from cutaway.server.app import create_app

    long = tiny_model(enliven, name="long", seed=12, n_ctx=520)
    with serving(create_app([long])) as own:
        watch.own.append(own.url)
        page = context.new_page()
        page.goto(f"{own.url}/#v=blocks&m=long&t={packed([257] * 515)}")
        page.wait_for_selector("[data-view=blocks] figure")
        settled(page)
        encoder = page.locator("[data-kind=encoder]")
        expect(encoder).to_contain_text("drawn with 512 positions; this text has 515 tokens")
        expect(page.locator("[data-kind=only]")).to_contain_text("reads 515 of 515 tokens")
