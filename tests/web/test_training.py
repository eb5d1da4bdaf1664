"""3.3 Training runs: the journals' own numbers, live, and what is said where there are none."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from cutaway.generation import LanguageModel
from cutaway.training.journal import Journal
from training_runs import write_run
from web.conftest import (
    TEXT,
    Open,
    Watch,
    assert_accessible_everywhere,
    numbers,
    packed,
    serving,
    settled,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_run(tmp_path / "few")
    write_run(tmp_path / "sweep" / "many", steps=9, lr=5e-4)
    return tmp_path


@pytest.fixture
def opened(
    context: Any, watch: Watch, lm: LanguageModel, folder: Path
) -> Iterator[Callable[..., Any]]:
    """Opens the view on a server that shows the folder."""
    from cutaway.server.app import create_app

    with serving(create_app([lm], trainings_in=folder)) as own:
        watch.own.append(own.url)

        def open_page(more: str = "") -> Any:
            page = context.new_page()
            page.goto(f"{own.url}/#v=training&m=tiny&t={packed(lm.encode(TEXT))}{more}")
            page.wait_for_selector("[data-view=training] figure")
            settled(page)
            return page

        yield open_page


def test_the_list_and_the_curves_are_the_journals(opened: Callable[..., Any]) -> None:
    page = opened()
    few, many = (page.locator(f"[data-run='{name}']") for name in ("few", "sweep/many"))
    assert numbers(few, "loss") == [4.0]
    assert numbers(few, "valid") == [5.0]
    assert numbers(many, "step") == [9]
    expect(few.get_by_text("finished")).to_be_visible()
    dots = page.locator("[data-curve=few] circle").evaluate_all(
        "(all) => all.map((e) => Number(e.dataset.value))"
    )
    assert dots == [7.0, 5.0]


def test_runs_are_chosen_and_the_link_keeps_it(opened: Callable[..., Any]) -> None:
    page = opened()
    page.get_by_label("Draw few").uncheck()
    page.get_by_label("Figure", exact=True).select_option("rate")
    page.get_by_label("Over", exact=True).select_option("tokens")
    page.get_by_role("button", name="log x").click()
    settled(page)
    page.reload()
    settled(page)
    expect(page.locator("[data-curve='sweep/many'] .training")).to_have_count(1)
    expect(page.locator("[data-curve=few]")).to_have_count(0)
    expect(page.get_by_label("Over", exact=True)).to_have_value("tokens")
    expect(page.get_by_role("button", name="log x")).to_have_attribute("aria-pressed", "true")


def test_the_table_has_every_point(opened: Callable[..., Any]) -> None:
    page = opened()
    page.get_by_role("button", name="As a table").click()
    grid = page.get_by_role("grid")
    expect(grid).to_have_attribute("aria-rowcount", "10")
    row = grid.get_by_role("row").nth(2).get_by_role("gridcell")
    assert row.all_inner_texts() == ["6", "7", "7", "7"]  # each: training, validation


def test_a_run_that_goes_on_is_drawn_while_it_goes(
    opened: Callable[..., Any], folder: Path
) -> None:
    journal = Journal(folder / "live" / "log.jsonl", steps=9)
    (folder / "live").mkdir()
    with journal.recording(after=0):
        journal.step(1, {"loss": 3.0}, tokens=10, seconds=1.0, show=False)
        page = opened()
        live = page.locator("[data-run=live]")
        expect(live.get_by_text("running")).to_be_visible()
        journal.step(2, {"loss": 2.5}, tokens=10, seconds=1.0, show=False)
        expect(live.locator("[data-of=loss]")).to_have_text("2.500", timeout=10_000)
    expect(live.get_by_text("finished")).to_be_visible(timeout=10_000)


def test_a_damaged_line_and_a_run_without_a_step_are_said(
    opened: Callable[..., Any], folder: Path
) -> None:
    with (folder / "few" / "log.jsonl").open("ab") as file:
        file.write(b"\xff\n")
    write_run(folder / "empty", steps=0)
    page = opened()
    expect(page.get_by_text("Of the journal of few, line 9 cannot be read")).to_be_visible()
    page.get_by_label("Draw empty").check()
    settled(page)
    expect(page.get_by_text("Not noted by empty.")).to_be_visible()
    expect(page.locator("[data-curve=few]")).to_be_visible()


def test_it_is_accessible_with_runs(opened: Callable[..., Any]) -> None:
    assert_accessible_everywhere(opened())


def test_without_a_folder_it_says_how(explore: Open, lm: LanguageModel) -> None:
    page = explore("training", ids=lm.encode(TEXT))
    expect(page.get_by_text("cutaway explore --runs runs")).to_be_visible()
