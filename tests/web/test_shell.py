"""The shell: links, states that are nobody's fault, keys, languages, themes."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from cutaway.generation import LanguageModel
from web.conftest import TEXT, Open, Served, Watch, assert_accessible, packed, settled, tokens


def test_it_opens_with_a_text_of_its_own(explore: Open, lm: LanguageModel) -> None:
    page = explore()
    expect(tokens(page)).to_have_count(len(lm.encode("The robot must obey")))
    expect(page).to_have_url(re.compile(r"m=tiny\.a{10}"))


def test_a_state_is_a_link(explore: Open, lm: LanguageModel, context: Any) -> None:
    ids = lm.encode(TEXT)
    page = explore("path", ids=ids, more="&s=3")
    page.keyboard.press("1")
    expect(tokens(page)).to_have_count(4)
    settled(page)
    other = context.new_page()
    other.goto(page.url)
    settled(other)
    expect(tokens(other)).to_have_count(4)
    expect(other.locator("[data-view=path]")).to_be_visible()


def test_back_and_forward_walk_through_texts_and_views(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore(ids=ids)
    page.keyboard.press("1")
    expect(tokens(page)).to_have_count(len(ids) + 1)
    page.get_by_role("link", name="Token path").click()
    expect(page.locator("[data-view=path]")).to_be_visible()
    page.go_back()
    expect(page.locator("[data-view=keyboard]")).to_be_visible()
    page.go_back()
    expect(tokens(page)).to_have_count(len(ids))
    page.go_forward()
    expect(tokens(page)).to_have_count(len(ids) + 1)
    settled(page)


def test_a_text_is_written_and_read(explore: Open, lm: LanguageModel) -> None:
    page = explore()
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Write your own text").fill("the ing \u4f60\u597d")
    page.keyboard.press("Enter")
    expect(tokens(page)).to_have_count(len(lm.encode("the ing \u4f60\u597d")))
    settled(page)


def test_too_long_a_text_is_told_with_the_numbers(explore: Open, lm: LanguageModel) -> None:
    page = explore()
    before = tokens(page).count()
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Write your own text").fill("x" * 99 + "y")
    page.keyboard.press("Enter")
    told = page.get_by_role("alertdialog")
    expect(told).to_contain_text("It has 100 tokens; this model has 64 positions.")
    assert_accessible(page)
    expect(tokens(page)).to_have_count(before)
    told.get_by_role("button", name="The last 64").click()
    expect(tokens(page)).to_have_count(64)
    expect(tokens(page).last).to_contain_text("y")
    settled(page)


def test_a_link_for_another_model_asks_first(
    served: Served, context: Any, watch: Watch, lm: LanguageModel
) -> None:
    page = context.new_page()
    ids = lm.encode(TEXT)
    page.goto(f"{served.url}/#v=keyboard&m=gpt2.0123456789&t={packed(ids)}")
    told = page.get_by_role("alertdialog")
    expect(told).to_contain_text("It names gpt2 (0123456789); this server runs tiny.")
    assert page.locator("figure").count() == 0
    assert packed(ids) in page.url
    told.get_by_role("button", name="Read its ids with tiny").click()
    expect(tokens(page)).to_have_count(len(ids))
    settled(page)


def test_another_model_reads_the_same_text(explore: Open, lm: LanguageModel) -> None:
    page = explore(ids=lm.encode(TEXT))
    page.get_by_label("Model").select_option("other")
    expect(page).to_have_url(re.compile("m=other"))
    settled(page)
    assert "".join(tokens(page).all_inner_texts()).replace("\u2423", " ") == TEXT


def test_a_lost_server_loses_no_text(
    explore: Open, lm: LanguageModel, watch: Watch, context: Any
) -> None:
    ids = lm.encode(TEXT)
    page = explore(ids=ids)
    watch.expected.append("Failed to load resource")
    context.route("**/api/**", lambda route: route.abort())
    page.keyboard.press("1")
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer")
    expect(tokens(page)).to_have_count(len(ids))
    context.unroute("**/api/**")
    page.get_by_role("button", name="Try now").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    page.keyboard.press("1")
    expect(tokens(page)).to_have_count(len(ids) + 1)
    settled(page)


def test_a_forgotten_run_is_posted_again(
    explore: Open, lm: LanguageModel, served: Served, watch: Watch
) -> None:
    ids = lm.encode(TEXT)
    page = explore(ids=ids)
    watch.expected.append("404")  # the console tells of it, the reader sees nothing
    forget_runs(served)
    page.keyboard.press("1")
    expect(tokens(page)).to_have_count(len(ids) + 1)
    settled(page)
    forget_runs(served)
    page.keyboard.press("ArrowLeft")
    settled(page)
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.locator(".next-words tr[data-id]")).to_have_count(10)


def forget_runs(served: Served) -> None:
    """What a server does when it needs the room."""
    served.app.state.store._runs.clear()


def test_a_reload_while_the_model_writes_loses_no_word(
    explore: Open, lm: LanguageModel, context: Any
) -> None:
    ids = lm.encode(TEXT)
    page = explore(ids=ids)
    held: list[Any] = []
    context.route("**/generate", lambda route: held.append(route))
    page.get_by_role("button", name="Write on").click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    page.reload()
    expect(page.get_by_text("20 tokens were still to come")).to_be_visible()
    expect(tokens(page)).to_have_count(len(ids))
    context.unroute("**/generate")
    page.get_by_role("button", name="Go on").click()
    expect(tokens(page)).to_have_count(len(ids) + 20)
    settled(page)


def test_two_tabs_do_not_disturb_each_other(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    one, two = explore(ids=ids), explore(ids=ids)
    one.keyboard.press("1")
    expect(tokens(one)).to_have_count(len(ids) + 1)
    two.keyboard.press("2")
    expect(tokens(two)).to_have_count(len(ids) + 1)
    two.keyboard.press("Backspace")
    expect(tokens(two)).to_have_count(len(ids))
    expect(tokens(one)).to_have_count(len(ids) + 1)
    for page in (one, two):
        settled(page)


def test_the_keys_are_told_and_obeyed(explore: Open) -> None:
    page = explore()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    assert_accessible(page)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("f")
    expect(page.get_by_role("navigation")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.get_by_role("navigation")).to_be_visible()
    page.keyboard.press("e")
    expect(page.get_by_role("button", name="SVG drawing")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="SVG drawing")).to_be_hidden()


def test_digits_in_a_text_field_are_text(explore: Open) -> None:
    page = explore()
    before = tokens(page).count()
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Write your own text").press("1")
    page.keyboard.press("Escape")
    expect(tokens(page)).to_have_count(before)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_language_and_theme_last(explore: Open, language: str) -> None:
    page = explore()
    page.get_by_label("Language").select_option(language)
    page.locator(".theme select").select_option("dark")
    page.reload()
    settled(page)
    root = page.locator(".cutaway")
    assert root.get_attribute("data-theme") == "dark"
    assert root.get_attribute("lang") == {"en": "en", "zh": "zh-Hans"}[language]
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_contain_text({"en": "keyboard", "zh": "\u8f93\u5165\u6cd5"}[language])


def test_the_contents_open_on_a_narrow_screen(explore: Open) -> None:
    page = explore()
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.get_by_role("navigation")).to_be_hidden()
    page.get_by_role("button", name="Contents").click()
    page.get_by_role("link", name="Token path").click()
    expect(page.get_by_role("navigation")).to_be_hidden()
    expect(page.locator("[data-view=path]")).to_be_visible()
    settled(page)
