"""3.3 Before and after: two runs beside each other, against plain passes of both models."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from playwright.sync_api import expect

from cutaway.evals.examples import Curve, Experiment, Point
from cutaway.generation import LanguageModel
from cutaway.interp import Ablator, Recorder
from cutaway.models import GPT2
from web.conftest import (
    TEXT,
    Open,
    Served,
    Watch,
    close,
    numbers,
    packed,
    serving,
    settled,
    softmax,
    tiny_model,
)

Logits = NDArray[np.float64]


def logits(lm: LanguageModel, ids: list[int], tap: Any = None) -> Logits:
    with torch.no_grad():
        more = {} if tap is None else {"tap": tap}
        return lm.model(torch.tensor([ids]), **more)[0].double().numpy()


def divergence(p: Logits, r: Logits) -> float:
    one, two = softmax(p), softmax(r)
    return float((one * np.log(one / two)).sum())


@pytest.fixture
def beside(served: Served) -> LanguageModel:
    """The second model of the server."""
    return served.app.state.store.models["other"].lm


def listed(page: Any, side: str) -> list[int]:
    return page.locator(f"[data-list={side}] li").evaluate_all(
        "(all) => all.map((one) => Number(one.dataset.id))"
    )


def test_next_words_of_two_models(explore: Open, lm: LanguageModel, beside: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("compare", ids=ids, more="&q=4")
    for side, model in (("here", lm), ("there", beside)):
        probs = softmax(logits(model, ids)[4])
        best = np.argsort(-probs, kind="stable")[:10]
        assert listed(page, side) == best.tolist()
        close(numbers(page, f"prob_{side}"), probs[best])
    close(numbers(page, "rest"), [1 - np.sort(softmax(logits(lm, ids)[4]))[-10:].sum()])


def test_the_text_is_coloured_by_divergence(
    explore: Open, lm: LanguageModel, beside: LanguageModel
) -> None:
    ids = lm.encode(TEXT)
    page = explore("compare", ids=ids)
    here, there = logits(lm, ids), logits(beside, ids)
    expected = [divergence(p, r) for p, r in zip(here, there, strict=True)]
    told = page.locator("[data-told]").evaluate_all("(all) => all.map((e) => e.dataset.told)")
    close([float(value) for value in told], expected)
    close(numbers(page, "mean_kl"), [np.mean(expected)])
    page.get_by_role("button", name="Surprise").click()
    settled(page)
    told = page.locator("[data-told]").evaluate_all("(all) => all.map((e) => e.dataset.told)")
    surprise = [
        -np.log(softmax(one)[id]) + np.log(softmax(two)[id])
        for one, two, id in zip(here[:-1], there[:-1], ids[1:], strict=True)
    ]
    close([float(value) for value in told], surprise)


def test_what_a_head_less_changes(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("compare", ids=ids, more="&l=1&h=3&o=with.head")
    names = {f"h.{i}.attn.pattern" for i in range(3)}
    whole, less = Recorder(set(names)), Recorder(set(names))
    with torch.no_grad():
        lm.model(torch.tensor([ids]), tap=whole)
        from cutaway.interp import Chain

        lm.model(torch.tensor([ids]), tap=Chain(Ablator({"h.1.attn.z": [3]}), less))
    rows = []
    for i in reversed(range(3)):  # layer 0 is drawn at the bottom
        apart = whole.values[f"h.{i}.attn.pattern"][0] - less.values[f"h.{i}.attn.pattern"][0]
        rows.extend((0.5 * apart.abs().sum(-1).mean(-1)).tolist())
    close(numbers(page, "change"), rows)
    page.get_by_role("button", name="Output").click()
    settled(page)
    assert numbers(page, "change")[5:] == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    page.get_by_role("gridcell").nth(8).click()
    settled(page)
    assert numbers(page, "cell") == [1.0]
    expect(page.get_by_text("|x - y| / (|x| + |y|)").first).to_be_visible()


def test_two_texts_and_a_run_that_is_kept(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("compare", ids=ids)
    page.get_by_label("or another text").fill("an inning")
    page.get_by_role("button", name="Read it beside").click()
    settled(page)
    other = lm.encode("an inning")
    best = np.argsort(-logits(lm, other)[-1], kind="stable")[:10]
    assert listed(page, "there") == best.tolist()
    assert "o=with.kept" in page.url
    again = explore("compare", more=page.url.partition("#v=compare")[2])
    assert listed(again, "there") == best.tolist()
    again.get_by_role("button", name="Keep this run").click()
    settled(again)
    again.keyboard.press("1")
    settled(again)
    assert listed(again, "there") == np.argsort(-logits(lm, ids)[-1], kind="stable")[:10].tolist()


def test_the_divergence_is_taken_apart(
    explore: Open, lm: LanguageModel, beside: LanguageModel
) -> None:
    ids = lm.encode(TEXT)
    page = explore("compare", ids=ids, more="&q=3")
    page.locator("button:has([data-of=kl])").click()
    settled(page)
    expected = divergence(logits(lm, ids)[3], logits(beside, ids)[3])
    assert numbers(page, "cell")[0] == pytest.approx(expected, rel=1e-4)


@pytest.fixture
def opened(
    context: Any, watch: Watch, lm: LanguageModel, enliven: Callable[..., GPT2], tmp_path: Path
) -> Iterator[Callable[..., Any]]:
    """A server with a folder that holds an experiment, and a model of another shape."""
    from cutaway.models import GPT2Config
    from cutaway.server.app import create_app
    from cutaway.tokenizers import Tokenizer

    tokens = Tokenizer.from_ranks({bytes([byte]): byte for byte in range(256)})
    size = GPT2Config(vocab_size=257, n_ctx=40, n_embd=8, n_layer=1, n_head=2)
    small = LanguageModel(enliven(GPT2(size), seed=6), tokens, name="small", fingerprint="5" * 16)
    curves = (
        Curve("pre-trained", (Point(10, (11.0, 13.0)), Point(100, (20.5,)))),
        Curve("from scratch", (Point(10, (1.0,)),)),
    )
    Experiment(task="summarization", score="ROUGE-L", protocol="beam 4", curves=curves).save(
        tmp_path / "transfer.json"
    )
    with serving(create_app([lm, small], trainings_in=tmp_path)) as own:
        watch.own.append(own.url)

        def open_page() -> Any:
            page = context.new_page()
            page.goto(f"{own.url}/#v=compare&m=tiny&t={packed(lm.encode(TEXT))}")
            page.wait_for_selector("[data-view=compare] figure")
            settled(page)
            return page

        yield open_page


def test_two_vocabularies_and_an_experiment(opened: Callable[..., Any]) -> None:
    page = opened()
    expect(page.get_by_text("A divergence needs one")).to_be_visible()
    expect(page.get_by_text("no head to compare with another")).to_be_visible()
    dots = page.locator("[data-curve=pre-trained] circle").evaluate_all(
        "(all) => all.map((e) => Number(e.dataset.value))"
    )
    assert dots == [12.0, 20.5]
    expect(page.get_by_text("Protocol: beam 4")).to_be_visible()


def test_without_an_experiment_it_says_how_one_is_made(explore: Open, lm: LanguageModel) -> None:
    page = explore("compare", ids=lm.encode(TEXT))
    expect(page.get_by_text("cutaway explore --runs runs")).to_be_visible()


def test_the_file_holds_both_runs(
    explore: Open, lm: LanguageModel, context: Any, tmp_path: Path
) -> None:
    page = explore("compare", ids=lm.encode(TEXT))
    there = numbers(page, "prob_there")
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="One HTML file").click()
    path = tmp_path / "compare.html"
    download.value.save_as(path)
    offline = context.new_page()
    offline.goto(path.as_uri())
    offline.wait_for_selector("[data-view=compare] figure")
    settled(offline)
    assert numbers(offline, "prob_there") == there


def test_a_long_text_is_compared(explore: Open, enliven: Callable[..., GPT2]) -> None:
    assert tiny_model(enliven, name="tiny", seed=10).config.n_ctx == 64
    ids = tiny_model(enliven, name="tiny", seed=10).encode(TEXT * 40)[:64]
    page = explore("compare", ids=ids)
    assert page.locator("[data-view=compare] [role=option]").count() == 64
