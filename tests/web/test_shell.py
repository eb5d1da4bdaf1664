"""The shell: links, states that are nobody's fault, keys, languages, themes."""

import re
import threading
from typing import Any

import pytest
from playwright.sync_api import expect

from cutaway.generation import LanguageModel
from web.conftest import (
    TEXT,
    Open,
    Served,
    Watch,
    assert_accessible,
    packed,
    serving,
    settled,
    tokens,
)


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


def write(page: Any, text: str) -> None:
    """Puts a text of the reader's own into the field, and has it read."""
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Write your own text").fill(text)
    page.keyboard.press("Enter")


def test_a_text_is_written_and_read(explore: Open, lm: LanguageModel) -> None:
    page = explore()
    write(page, "the ing \u4f60\u597d")
    expect(tokens(page)).to_have_count(len(lm.encode("the ing \u4f60\u597d")))
    settled(page)


def test_too_long_a_text_is_told_with_the_numbers(explore: Open, lm: LanguageModel) -> None:
    page = explore()
    before = tokens(page).count()
    write(page, "x" * 99 + "y")
    told = page.get_by_role("alertdialog")
    expect(told).to_contain_text("It has 100 tokens; this model has 64 positions.")
    assert_accessible(page)
    expect(tokens(page)).to_have_count(before)
    told.get_by_role("button", name="The last 64").click()
    expect(tokens(page)).to_have_count(64)
    expect(tokens(page).last).to_contain_text("y")
    settled(page)


def test_too_long_a_text_can_be_edited_and_is_not_lost(explore: Open, lm: LanguageModel) -> None:
    page = explore()
    written = "x" * 99 + "y"
    page.get_by_role("button", name="Edit").click()
    field = page.get_by_label("Write your own text")
    field.fill(written)
    page.keyboard.press("Enter")
    told = page.get_by_role("alertdialog")
    expect(told.get_by_role("button", name="The first 64")).to_be_focused()
    told.get_by_role("button", name="Edit what I wrote").click()
    expect(field).to_have_value(written)
    field.fill(written[90:])
    page.keyboard.press("Enter")
    expect(tokens(page)).to_have_count(len(lm.encode(written[90:])))
    settled(page)
    assert focused_token(page) == len(lm.encode(written[90:]))


def focused_token(page: Any) -> int:
    """The place, from 1, of the token that has the focus; 0 where none has."""
    return page.evaluate(
        "[...document.querySelectorAll('.tokens [role=option]')]"
        ".indexOf(document.activeElement) + 1"
    )


def test_a_draft_outlives_a_reload(explore: Open, lm: LanguageModel) -> None:
    page = explore(ids=lm.encode(TEXT))
    link = page.url
    page.get_by_role("button", name="Edit").click()
    page.get_by_role("textbox").fill("an anthem")
    page.reload()
    field = page.get_by_role("textbox")
    expect(field).to_have_value("an anthem")
    expect(field).to_be_focused()
    assert page.url == link
    page.keyboard.type(" the")  # at its end, and not over it
    expect(field).to_have_value("an anthem the")
    page.keyboard.press("Enter")
    expect(tokens(page)).to_have_count(len(lm.encode("an anthem the")))
    page.reload()
    settled(page)
    expect(field).to_have_count(0)


@pytest.mark.parametrize("end", ["emptied", "cancelled"])
def test_a_draft_that_was_given_up_does_not_come_back(explore: Open, end: str) -> None:
    page = explore()
    page.get_by_role("button", name="Edit").click()
    page.get_by_role("textbox").fill("an anthem")
    if end == "emptied":
        page.get_by_role("textbox").fill("")
    else:
        page.keyboard.press("Escape")
    page.reload()
    settled(page)
    expect(page.get_by_role("textbox")).to_have_count(0)


def test_without_storage_a_draft_is_written_all_the_same(
    explore: Open, lm: LanguageModel, context: Any
) -> None:
    forbid = "Object.defineProperty(window, 'sessionStorage', {get() { throw new Error('no') }})"
    context.add_init_script(forbid)
    page = explore()
    write(page, "an anthem")
    expect(tokens(page)).to_have_count(len(lm.encode("an anthem")))
    settled(page)


def test_a_text_that_was_not_changed_keeps_its_tokens(explore: Open, lm: LanguageModel) -> None:
    # Half a character: its text is a replacement character, which would be other tokens.
    ids = lm.encode("the \u4f60")[:-1]
    page = explore(ids=ids)
    page.get_by_role("button", name="Edit").click()
    page.keyboard.press("Enter")
    settled(page)
    assert packed(ids) in page.url


@pytest.mark.parametrize("text", ["", "\U0001f600\u200d\U0001f467 \ufffd", "a\x00\u202eb"])
def test_any_text_is_read(explore: Open, lm: LanguageModel, text: str) -> None:
    page = explore()
    write(page, text)
    expect(tokens(page)).to_have_count(max(1, len(lm.encode(text))))
    settled(page)
    expect(page.get_by_role("alert")).to_have_count(0)
    assert all(chip.strip() for chip in tokens(page).all_inner_texts())


def test_a_text_written_while_the_server_is_gone_is_kept(
    explore: Open, lm: LanguageModel, watch: Watch, context: Any
) -> None:
    page = explore()
    watch.expected.append("Failed to load resource")
    context.route("**/tokenize", lambda route: route.abort())
    page.get_by_role("button", name="Edit").click()
    field = page.get_by_label("Write your own text")
    field.fill("the long work of an afternoon")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(field).to_have_value("the long work of an afternoon")
    context.unroute("**/tokenize")
    page.get_by_role("button", name="Try now").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    page.get_by_role("button", name="Read it").click()
    expect(tokens(page)).to_have_count(len(lm.encode("the long work of an afternoon")))
    settled(page)


@pytest.mark.parametrize(
    ("broken", "told"),
    [("t=s____AAAA", "id is 65535"), ("t=sAQACAA&e=h99.1", "layer is 99")],
)
def test_a_broken_link_says_so_and_leads_on(
    served: Served, context: Any, watch: Watch, lm: LanguageModel, broken: str, told: str
) -> None:
    watch.expected.append("422")
    page = context.new_page()
    page.goto(f"{served.url}/#v=keyboard&m=tiny&{broken}")
    expect(page.get_by_role("alert")).to_contain_text(told)
    page.get_by_role("button", name="Start with a new text").click()
    expect(tokens(page)).to_have_count(len(lm.encode("The robot must obey")))
    expect(page.get_by_role("alert")).to_have_count(0)
    settled(page)


def test_a_broken_link_in_an_open_page_leaves_the_text(
    explore: Open, watch: Watch, lm: LanguageModel
) -> None:
    watch.expected.append("422")
    ids = lm.encode(TEXT)
    page = explore(ids=ids)
    page.evaluate("location.hash = '#v=keyboard&m=tiny&t=s____AAAA'")
    expect(page.get_by_role("alert")).to_contain_text("id is 65535")
    page.get_by_role("alert").get_by_role("button", name="Close").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    settled(page)
    assert packed(ids) in page.url


def test_a_problem_is_told_in_the_language_of_the_page(
    explore: Open, watch: Watch, lm: LanguageModel
) -> None:
    watch.expected.append("422")
    page = explore(ids=lm.encode(TEXT))
    page.get_by_label("Language").select_option("zh")
    page.evaluate("location.hash = '#v=keyboard&m=tiny&t=s____AAAA'")
    told = page.get_by_role("alert")
    expect(told).to_contain_text("词元编号为 65535")
    expect(told).to_contain_text(f"0 到 {lm.model.config.vocab_size - 1} 之间的整数")
    expect(told.locator("[lang=en]")).to_have_count(0)
    page.get_by_label("语言").select_option("en")
    expect(told).to_contain_text("id is 65535. It must be a whole number")


def test_a_link_beyond_the_model_leads_to_its_end(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode(TEXT)
    page = explore("blocks", ids=ids, more="&l=99&h=77&q=50&k=40")
    last = len(ids) - 1
    expect(page).to_have_url(re.compile(f"l=2&h=4&q={last}&k={last}"))
    expect(page.get_by_role("combobox", name="Layer")).to_have_value("2")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_view_that_is_not_there_says_so(explore: Open, served: Served) -> None:
    page = explore()
    page.evaluate("location.hash = '#v=nowhere'")
    expect(page.get_by_text("There is no such view.")).to_be_visible()
    page.get_by_role("link", name="Keyboard").click()
    expect(page.locator("[data-view=keyboard] figure").first).to_be_visible()
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


def test_too_long_a_text_for_another_model_asks_first(explore: Open, lm: LanguageModel) -> None:
    ids = lm.encode("x" * 29 + "y")
    page = explore(ids=ids)
    page.get_by_label("Model").select_option("other")
    told = page.get_by_role("alertdialog")
    expect(told).to_contain_text("It has 30 tokens; this model has 24 positions.")
    expect(page.get_by_role("alert")).to_have_count(0)
    told.get_by_role("button", name="Keep the text as it was").click()
    expect(page.get_by_label("Model")).to_have_value("tiny")
    assert packed(ids) in page.url
    page.get_by_label("Model").select_option("other")
    told.get_by_role("button", name="The last 24").click()
    expect(tokens(page)).to_have_count(24)
    expect(tokens(page).last).to_contain_text("y")
    expect(page.get_by_label("Model")).to_have_value("other")
    settled(page)
    page.go_back()
    expect(tokens(page)).to_have_count(30)
    expect(page.get_by_label("Model")).to_have_value("tiny")
    settled(page)


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


def test_a_reload_in_the_middle_keeps_what_was_written(
    explore: Open, lm: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cutaway.server.routes import runs

    goes_on, told, text_of = threading.Event(), [], runs.text_of

    def slow(*args: Any) -> dict[str, str]:
        if len(told) == 3:
            goes_on.wait(60)
        told.append(args)
        return text_of(*args)

    monkeypatch.setattr(runs, "text_of", slow)
    ids = lm.encode(TEXT)
    page = explore(ids=ids)
    page.get_by_role("button", name="Write on").click()
    expect(tokens(page)).to_have_count(len(ids) + 3)
    page.reload()
    goes_on.set()
    expect(page.get_by_text("17 tokens were still to come")).to_be_visible()
    expect(tokens(page)).to_have_count(len(ids) + 3)
    expect(page.get_by_role("button", name="Write on")).to_be_visible()
    page.get_by_role("button", name="Leave it").click()
    page.reload()
    settled(page)
    expect(tokens(page)).to_have_count(len(ids) + 3)
    expect(page.get_by_text("still to come")).to_have_count(0)


def test_words_for_a_text_that_was_changed_are_not_taken(
    explore: Open, lm: LanguageModel, context: Any
) -> None:
    ids = lm.encode(TEXT)
    page = explore(ids=ids)
    held: list[Any] = []
    context.route("**/generate", lambda route: held.append(route))
    page.get_by_role("button", name="Write on").click()
    page.keyboard.press("1")
    expect(tokens(page)).to_have_count(len(ids) + 1)
    page.wait_for_timeout(0)
    (route,) = held
    route.continue_()
    expect(page.get_by_role("button", name="Write on")).to_be_visible()
    settled(page)
    expect(tokens(page)).to_have_count(len(ids) + 1)


def test_a_model_without_a_tokenizer_is_read_by_its_ids(
    context: Any, watch: Watch, lm: LanguageModel
) -> None:
    from cutaway.server.app import create_app

    bare = LanguageModel(lm.model, None, name="bare", fingerprint=lm.fingerprint)
    with serving(create_app([bare, lm])) as served:
        watch.own.append(served.url)
        page = context.new_page()
        page.goto(served.url)
        expect(page.get_by_text("came without a tokenizer")).to_be_visible()
        expect(tokens(page)).to_have_text(["#0"])
        page.get_by_role("button", name="Edit").click()
        field = page.get_by_label("Write token ids")
        expect(field).to_have_value("0")
        field.fill(f"3 {lm.model.config.vocab_size}")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("each below")
        assert_accessible(page)
        field.fill("3 1, 4")
        page.keyboard.press("Enter")
        expect(tokens(page)).to_have_text(["#3", "#1", "#4"])
        settled(page)
        page.keyboard.press("1")
        expect(tokens(page)).to_have_count(4)
        settled(page)
        page.get_by_label("Model").select_option(lm.name)
        expect(tokens(page)).to_have_count(4)
        expect(page.get_by_text("came without a tokenizer")).to_have_count(0)
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
