"""The explorer in a notebook: the built widget in a bare page, its messages to the real Python."""

import inspect
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import expect

pytest.importorskip("anywidget", reason="the extra [notebook] is not installed")

import cutaway
from cutaway.cli import explore as command
from cutaway.generation import LanguageModel
from cutaway.models import GPT2
from notebooks import Wire, wired
from web.conftest import AXE, IDLE, STATIC, TEXT, Watch, numbers, serving, softmax, tiny_model
from web.notebook_page import notebook_app

Forward = Callable[[list[int]], NDArray[np.float32]]
Show = Callable[..., Any]


@pytest.fixture
def wires(monkeypatch: pytest.MonkeyPatch) -> list[Wire]:
    return wired(monkeypatch)


@pytest.fixture(scope="module")
def other(enliven: Callable[..., GPT2]) -> LanguageModel:
    return tiny_model(enliven, name="other", seed=11, n_ctx=24)


@pytest.fixture
def show(context: Any, watch: Watch, wires: list[Wire]) -> Iterator[Show]:
    """Opens a notebook with the widgets made so far and waits until they are there."""
    with ExitStack() as stack:

        def open_notebook() -> Any:
            served = stack.enter_context(serving(notebook_app(wires)))
            watch.own.append(served.url)
            page = context.new_page()
            stack.callback(page.close)
            page.goto(served.url)
            for number in range(len(wires)):
                quiet(page, number)
            return page

        yield open_notebook


def cell(page: Any, number: int) -> Any:
    return page.locator(f"#cell{number}")


def quiet(page: Any, number: int) -> None:
    """Waits until a widget asks for nothing any more."""
    inside = cell(page, number)
    inside.locator("[data-view] figure").first.wait_for()
    for _ in range(2):
        inside.locator(IDLE).wait_for(state="attached")
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")


def chips(inside: Any) -> Any:
    return inside.locator(".tokens [role=option]")


def assert_ten_words(inside: Any, logits: NDArray[np.float32]) -> None:
    best = np.argsort(-logits, kind="stable")[:10]
    probs = softmax(logits)
    assert np.allclose(numbers(inside, "prob")[:10], probs[best], atol=1e-6)
    assert np.allclose(numbers(inside, "logit")[:10], logits[best], atol=1e-4)


def test_two_widgets_show_their_own_numbers(
    show: Show, lm: LanguageModel, other: LanguageModel, forward: Forward
) -> None:
    cutaway.explore(lm, TEXT)
    two = cutaway.explore([other, lm], "the an", height=500)
    page = show()
    assert_ten_words(cell(page, 0), forward(lm.encode(TEXT))[-1])
    with_other = other.next_tokens("the an", k=10).candidates
    assert np.allclose(numbers(cell(page, 1), "prob")[:10], [c.prob for c in with_other], atol=1e-6)
    # One goes on, and the other does not hear of it; nor does the notebook's address.
    cell(page, 0).locator(".stage").focus()
    page.keyboard.press("2")
    expect(chips(cell(page, 0))).to_have_count(len(lm.encode(TEXT)) + 1)
    quiet(page, 0)
    taken = int(np.argsort(-forward(lm.encode(TEXT))[-1], kind="stable")[1])
    assert_ten_words(cell(page, 0), forward([*lm.encode(TEXT), taken])[-1])
    expect(chips(cell(page, 1))).to_have_count(len(other.encode("the an")))
    assert page.evaluate("location.hash") == ""
    assert cell(page, 1).bounding_box()["height"] == 500
    # The place is in the widget's state, and opens the same again.
    cell(page, 1).get_by_role("link", name="Residual river").click()
    quiet(page, 1)
    page.evaluate("cells[1].close()")
    page.evaluate("cells[1].model.last")
    assert two.place.startswith("#v=river&m=other.")


def test_every_view_opens_in_a_cell(show: Show, lm: LanguageModel) -> None:
    views = json.loads((STATIC / "notebook" / "views.json").read_text(encoding="utf-8"))
    assert len(views) >= 20
    cutaway.explore(lm, TEXT)
    page = show()
    links = cell(page, 0).get_by_role("navigation").locator("li a")
    shown = set()
    for link in links.all():
        link.click()
        quiet(page, 0)
        shown.add(cell(page, 0).locator("[data-view]").get_attribute("data-view"))
        assert cell(page, 0).locator(".banner").count() == 0
    assert shown == set(views)


def test_keys_are_taken_inside_only(show: Show, lm: LanguageModel) -> None:
    cutaway.explore(lm, TEXT)
    page = show()
    n = len(lm.encode(TEXT))
    page.keyboard.press("1")
    expect(chips(cell(page, 0))).to_have_count(n)
    cell(page, 0).locator(".stage").focus()
    page.keyboard.press("1")
    expect(chips(cell(page, 0))).to_have_count(n + 1)
    page.keyboard.press("d")  # means nothing to us, and is to delete no cell
    page.keyboard.press("Control+b")
    cell(page, 0).get_by_role("button", name="Edit").click()
    page.keyboard.type("m 1")
    assert page.evaluate("heard") == ["1", "Control", "b"]


def test_light_and_dark_follow_the_notebook(show: Show, lm: LanguageModel) -> None:
    cutaway.explore(lm, TEXT)
    page = show()
    theme = cell(page, 0).locator(".cutaway")
    page.emulate_media(color_scheme="dark")  # the system is dark, the notebook is white
    expect(theme).to_have_attribute("data-theme", "light")
    page.evaluate("document.body.dataset.jpThemeLight = 'false'")
    expect(theme).to_have_attribute("data-theme", "dark")
    page.evaluate("document.body.dataset.jpThemeLight = 'true'")
    expect(theme).to_have_attribute("data-theme", "light")
    cell(page, 0).get_by_label("Theme").select_option("dark")
    expect(theme).to_have_attribute("data-theme", "dark")


@pytest.mark.parametrize("width", [390, 1200])
def test_a_cell_of_any_width_is_usable(show: Show, lm: LanguageModel, width: int) -> None:
    cutaway.explore(lm, TEXT)
    page = show()
    page.evaluate(f"document.querySelector('#cell0').style.width = '{width}px'")
    quiet(page, 0)
    inside = cell(page, 0).locator(".cutaway")
    assert inside.evaluate("(e) => e.scrollWidth <= e.clientWidth")
    expect(inside.locator(".rail")).to_be_visible(visible=width > 960)
    # Nothing of the notebook's sheet reaches in.
    assert inside.locator("h1").evaluate("(e) => getComputedStyle(e).letterSpacing") != "9px"
    button = inside.get_by_role("button", name="Edit")
    assert button.evaluate("(e) => getComputedStyle(e).textTransform") == "none"
    assert button.bounding_box()["height"] <= 40
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        "() => axe.run({ fromShadowDom: ['#cell0 > div', '.cutaway'] })"
        ".then(({ violations }) => violations.map(({ id, nodes }) => id + nodes[0].html))"
    )
    assert found == []


def test_a_rerun_cell_leaves_nothing_behind(
    show: Show, wires: list[Wire], lm: LanguageModel
) -> None:
    widget = cutaway.explore(lm, TEXT)
    page = show()
    server = widget._server
    cell(page, 0).get_by_role("button", name="Write on").click()
    expect(cell(page, 0).get_by_role("button", name="Stop")).to_be_visible()
    page.evaluate("cells[0].close()")
    page.evaluate("cells[0].model.last")
    assert page.evaluate("cells[0].model.listeners.length") == 0
    assert page.evaluate("document.querySelector('#cell0').childElementCount") == 0
    # Its last message is taken before any that is sent now; then nobody has anything on the way.
    wires[0].deliver({"id": "test-1", "method": "GET", "path": "/api/models"})
    page.wait_for_function("(seen) => cells[0].model.told.has(seen)", arg="test-1")
    assert server.n_pending == 0
    wires[0].deliver({"client": "test", "close": True})
    # The same place takes the next one.
    page.evaluate("show(0, document.querySelector('#cell0')).then((c) => (cells[0] = c))")
    quiet(page, 0)
    assert len(numbers(cell(page, 0), "prob")) >= 10


def test_what_leaves_a_cell(
    show: Show, context: Any, watch: Watch, lm: LanguageModel, tmp_path: Path, wires: list[Wire]
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    cutaway.explore(lm, TEXT, view="merge")
    page = show()
    inside = cell(page, 0)

    def choose(name: str) -> None:
        inside.get_by_role("button", name="Export").click()
        inside.get_by_role("button", name=name).click()

    with page.expect_download() as download:
        choose("One HTML file")
    path = tmp_path / "page.html"
    download.value.save_as(path)
    offline = context.new_page()
    offline.goto(path.as_uri())
    offline.wait_for_selector("[data-view=merge] figure")
    offline.wait_for_selector(IDLE, state="attached")
    expect(offline.get_by_text("A recording")).to_be_visible()
    assert numbers(offline, "prob") == numbers(inside, "prob")
    offline.close()

    def copied(beginning: str) -> str:
        text = "navigator.clipboard.readText()"
        page.wait_for_function(f"{text}.then((t) => t.startsWith({beginning!r}))")
        return page.evaluate(text)

    choose("Copy the link for cutaway explore")
    port = inspect.signature(command.explore).parameters["port"].default
    assert copied("http").startswith(f"http://127.0.0.1:{port}/#v=merge&m=tiny.")
    choose("Copy a notebook cell")
    code = copied("import cutaway")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutaway, "load", lambda name: {"<the path of tiny>": lm}[name])
        exec(code, {})
    assert wires[1].state["place"].startswith("#v=merge&m=tiny.")
    assert wires[1].state["text"] == TEXT


def test_a_kernel_that_does_not_answer(
    show: Show, context: Any, watch: Watch, lm: LanguageModel, wires: list[Wire]
) -> None:
    cutaway.explore(lm, TEXT)
    page = show()
    page.evaluate("cells[0].model.emit('comm_live_update')")
    expect(cell(page, 0).get_by_role("alert")).to_contain_text("The kernel does not answer")
    # Before the code is there, in a page that has none: words, not a blank.
    page.evaluate(
        "import(URL.createObjectURL(new Blob([cells[0].model.get('_esm')],"
        " { type: 'text/javascript' }))).then(({ default: widget }) => {"
        "   cutawayCode.clear();"
        "   const mute = { get: () => 'x', on() {}, off() {}, send() {} };"
        "   document.querySelector('main').append(document.createElement('article'));"
        "   widget.render({ model: mute, el: document.querySelector('article') });"
        " })"
    )
    expect(page.locator("article")).to_contain_text("run this cell again")
