"""What leaves the page: pictures, a file that needs no server, tensors, a link, a cell."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from playwright.sync_api import expect

from cutaway.generation import LanguageModel
from web.conftest import TEXT, Open, Watch, numbers, settled, tokens

VIEWS = ["keyboard", "path"]
SVG = "{http://www.w3.org/2000/svg}"


def export(page: Any, name: str, directory: Path) -> Path:
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name=name).click()
    path = directory / download.value.suggested_filename
    download.value.save_as(path)
    return path


@pytest.mark.parametrize("view", VIEWS)
def test_svg_holds_the_text_and_a_receipt(
    explore: Open, lm: LanguageModel, tmp_path: Path, view: str
) -> None:
    ids = lm.encode(TEXT)
    page = explore(view, ids=ids)
    root = ElementTree.parse(export(page, "SVG drawing", tmp_path)).getroot()
    receipt = json.loads(root.findtext(f"{SVG}metadata") or "")
    assert receipt["ids"] == ids
    assert receipt["fingerprint"] == lm.fingerprint
    words = " ".join(element.text or "" for element in root.iter(f"{SVG}text"))
    for cell in page.locator(".next-words [data-of=prob]").all():
        assert cell.inner_text() in words
    assert "http" not in ElementTree.tostring(root, encoding="unicode").replace(
        "http://www.w3.org/", ""
    )


def test_svg_holds_what_stands_in_its_fields(
    explore: Open, lm: LanguageModel, tmp_path: Path
) -> None:
    page = explore("bench", ids=lm.encode(TEXT), more="&g=live")
    root = ElementTree.parse(export(page, "SVG drawing", tmp_path)).getroot()
    words = [element.text for element in root.iter(f"{SVG}text")]
    fields = [field.input_value() for field in page.locator("[data-block] input").all()]
    assert len(fields) > 30
    assert set(fields) <= set(words)


@pytest.mark.parametrize("view", VIEWS)
def test_png_has_two_pixels_for_each_of_the_page(
    explore: Open, lm: LanguageModel, tmp_path: Path, view: str
) -> None:
    page = explore(view, ids=lm.encode(TEXT))
    box = page.locator(".view").bounding_box()
    header = export(page, "PNG", tmp_path).read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    width = int.from_bytes(header[16:20], "big")
    assert width == 2 * (np.ceil(box["width"]) + 48)


@pytest.mark.parametrize("view", VIEWS)
def test_a_file_opens_with_no_server(
    explore: Open,
    lm: LanguageModel,
    context: Any,
    watch: Watch,
    tmp_path: Path,
    view: str,
) -> None:
    page = explore(view, ids=lm.encode(TEXT))
    # A word that was appended here came by a step; the file must open it all the same.
    page.keyboard.press("1")
    expect(tokens(page)).to_have_count(len(lm.encode(TEXT)) + 1)
    settled(page)
    probs = numbers(page, "prob")
    path = export(page, "One HTML file", tmp_path)
    asked: list[str] = []
    offline = context.new_page()
    offline.on("request", lambda request: asked.append(request.url))
    offline.goto(path.as_uri())
    offline.wait_for_selector(f"[data-view={view}] figure")
    settled(offline)
    assert numbers(offline, "prob") == probs
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    expect(offline.get_by_text("A recording")).to_be_visible()
    # It can be exported once more, and its keys do no harm.
    again = export(offline, "One HTML file", tmp_path / "again")
    assert again.read_text(encoding="utf-8").count("cutaway-recording") >= 1
    for key in ("1", "Backspace", "ArrowLeft", "Space"):
        offline.keyboard.press(key)
        settled(offline)
    expect(offline.get_by_text("That did not work")).to_have_count(0)
    expect(tokens(offline)).to_have_count(len(lm.encode(TEXT)) + 1)


def test_npz_holds_the_tensors(explore: Open, lm: LanguageModel, tmp_path: Path) -> None:
    ids = lm.encode(TEXT)
    page = explore("path", ids=ids)
    with np.load(export(page, "Exact tensors", tmp_path)) as arrays:
        assert arrays["h.0.attn.k"].shape[-2:] == (len(ids), lm.model.config.head_dim)


def test_link_and_cell_are_copied(explore: Open, lm: LanguageModel, context: Any) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = explore(ids=lm.encode(TEXT))
    for name, part in (
        ("Copy the link", "#v=keyboard"),
        ("Copy a notebook cell", "cutaway.explore("),
    ):
        page.get_by_role("button", name="Export").click()
        page.get_by_role("button", name=name).click()
        expect(page.get_by_text("Copied.")).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert part in copied
    assert 'cutaway.load("<the path of tiny>")' in copied  # made in memory: it has no name to load
    compile(copied, "cell", "exec")


def test_what_is_folded_away_is_not_drawn(explore: Open, lm: LanguageModel, tmp_path: Path) -> None:
    page = explore("merge", ids=lm.encode(TEXT), more="&l=1&e=h1.3")
    root = ElementTree.parse(export(page, "SVG drawing", tmp_path)).getroot()
    drawn = [element.text or "" for element in root.iter(f"{SVG}text")]
    assert "With all heads on" in drawn
    assert drawn.count("Probability") == 1


def test_names_of_lines_are_drawn_over_their_halos(
    explore: Open, lm: LanguageModel, tmp_path: Path
) -> None:
    page = explore("ledger", ids=lm.encode(TEXT))
    root = ElementTree.parse(export(page, "SVG drawing", tmp_path)).getroot()
    names = [e for e in root.iter(f"{SVG}text") if (e.text or "").startswith("With the cache ")]
    assert names
    assert all(e.get("paint-order", "").startswith("stroke") for e in names)
