"""3.1 One stack, two languages: rows of pairs, and lines that are the weights of a plain pass."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from cutaway.data.task import TaskFormat
from cutaway.generation import LanguageModel
from cutaway.interp import Recorder
from cutaway.models import GPT2, GPT2Config
from lms import byte_tokenizer
from web.conftest import (
    TEXT,
    Open,
    Watch,
    assert_accessible,
    close,
    numbers,
    packed,
    serving,
    settled,
)


def test_a_model_that_was_taught_none_shows_the_format(explore: Open, lm: LanguageModel) -> None:
    page = explore("pairs", ids=lm.encode(TEXT))
    expect(page.get_by_text("was not taught to translate")).to_be_visible()
    source = lm.encode("A dog runs along the beach.")
    target = lm.encode("Ein Hund l\u00e4uft am Strand entlang.")
    n, n_prompt = len(source) + len(target) + 2, len(source) + 1
    cells = page.locator("[data-row]").first.locator("[role=option]")
    expect(cells).to_have_count(n)
    counting = page.locator("[data-row]").first.locator("[role=option].counts")
    expect(counting).to_have_count(len(target) + 1)
    page.get_by_role("button", name="both sides").click()
    expect(counting).to_have_count(n - 1)
    square = page.locator("[data-mask]")
    assert square.get_attribute("data-mask") == ",".join(str(i + 1) for i in range(n))
    page.get_by_role("button", name="prefix").click()
    widths = [max(i + 1, n_prompt) if i < n_prompt else i + 1 for i in range(n)]
    assert square.get_attribute("data-mask") == ",".join(map(str, widths))
    expect(counting).to_have_count(len(target) + 1)
    assert "mask.prefix" in page.url


def test_a_pair_of_ones_own_is_in_the_link(explore: Open, lm: LanguageModel) -> None:
    page = explore("pairs", ids=lm.encode(TEXT))
    page.get_by_role("textbox", name="Source").fill("the inn")
    page.get_by_role("textbox", name="Source").press("Enter")
    settled(page)
    again = explore("pairs", more=page.url.partition("#v=pairs")[2])
    assert again.get_by_role("textbox", name="Source").input_value() == "the inn"
    row = again.locator("[data-row]").first
    expect(row.locator(".source")).to_have_count(len(lm.encode("the inn")))


@pytest.fixture
def taught(enliven: Callable[..., GPT2]) -> LanguageModel:
    tokenizer = byte_tokenizer().with_specials(["<to-de>"])
    size = GPT2Config(vocab_size=tokenizer.vocab_size, n_ctx=48, n_embd=20, n_layer=3, n_head=5)
    model = enliven(GPT2(size), seed=12).requires_grad_(False)
    task = TaskFormat(task="translation", marker="<to-de>", loss="both")
    return LanguageModel(model, tokenizer, name="tiny", fingerprint="c" * 16, task=task)


@pytest.fixture
def opened(context: Any, watch: Watch, taught: LanguageModel) -> Iterator[Callable[..., Any]]:
    """Opens the view on a server with a model that was taught to translate."""
    from cutaway.server.app import create_app

    with serving(create_app([taught])) as own:
        watch.own.append(own.url)

        def open_page(ids: list[int], more: str = "") -> Any:
            page = context.new_page()
            page.goto(f"{own.url}/#v=pairs&m=tiny&t={packed(ids)}{more}")
            page.wait_for_selector("[data-view=pairs] figure")
            settled(page)
            return page

        yield open_page


def test_lines_are_the_weights_of_the_word_that_was_written(
    opened: Callable[..., Any], taught: LanguageModel
) -> None:
    marker = taught.tokenizer.special("<to-de>")
    source, target = taught.encode("the inning"), taught.encode(" a the in")
    ids, start = [*source, marker, *target], len(source) + 1
    recorder = Recorder({"h.1.attn.pattern"})
    with torch.no_grad():
        taught.model(torch.tensor([ids]), tap=recorder)
    pattern = recorder.values["h.1.attn.pattern"][0].double().numpy()  # (H, T, S)
    page = opened(ids, f"&l=1&s={start + 2}")
    mean = pattern[:, start, : start + 1].mean(axis=0)  # the second word, behind the first
    lines = page.locator("[data-lines] path.now").evaluate_all(
        "(all) => all.map((e) => [e.dataset.key, Number(e.dataset.weight)])"
    )
    assert [key for key, _ in lines] == [f"1.{k}" for k in range(start)]
    close([weight for _, weight in lines], mean[:start])
    close(numbers(page, "source"), [mean[: start - 1].sum()])
    close(numbers(page, "marker"), [mean[start - 1]])
    close(numbers(page, "target"), [mean[start:].sum()])
    page.get_by_role("button", name="One head").click()
    page.keyboard.press("h")
    settled(page)
    close(numbers(page, "marker"), [pattern[1, start, start - 1]])
    page.keyboard.press("ArrowRight")
    settled(page)
    close(numbers(page, "marker"), [pattern[1, start + 1, start - 1]])
    earlier = page.locator("[data-lines] path:not(.now)").evaluate_all(
        "(all) => all.map((e) => e.dataset.key)"
    )
    best = [int(np.argmax(pattern[1, start - 1 + i, : start - 1])) for i in range(2)]
    assert earlier == [f"{i}.{k}" for i, k in enumerate(best)]
    assert_accessible(page)


def test_a_sentence_is_written_on_behind_the_marker(
    opened: Callable[..., Any], taught: LanguageModel
) -> None:
    page = opened(taught.encode("the"))
    expect(page.get_by_text("The text has no <to-de>")).to_be_visible()
    page.get_by_label("Sentence").fill("an inning")
    page.get_by_role("button", name="Write on behind <to-de>").click()
    prompt = [*taught.encode("an inning"), taught.tokenizer.special("<to-de>")]
    page.wait_for_selector(f"[data-below]:nth-of-type({48 - len(prompt)})", state="attached")
    settled(page)
    own = taught.generate(prompt, max_new_tokens=48 - len(prompt), temperature=0.0)
    written = page.locator("[data-below]").count()
    assert written == len(own.ids)


def test_the_table_reads_a_written_word(opened: Callable[..., Any], taught: LanguageModel) -> None:
    marker = taught.tokenizer.special("<to-de>")
    page = opened([*taught.encode("the inning"), marker, *taught.encode(" a the in")])
    page.get_by_role("button", name="As a table").first.click()
    expect(page.get_by_text("was written looking at").first).to_be_visible()
    assert_accessible(page)
