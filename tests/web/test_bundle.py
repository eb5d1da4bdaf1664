"""The built page and the notebook's widget: small, whole, and without a way out."""

import gzip
import re
from pathlib import Path

from web.conftest import STATIC

LIMIT = 400 * 1024
NOTEBOOK = STATIC / "notebook"
# The module holds its sheets and comes once for each page; a notebook stores the loader.
WIDGET_LIMIT, LOADER_LIMIT = 256 * 1024, 2 * 1024


def gzipped(path: Path) -> int:
    return len(gzip.compress(path.read_bytes(), 9))


def test_the_page_is_small() -> None:
    sizes = {
        path.relative_to(STATIC).as_posix(): gzipped(path)
        for path in STATIC.rglob("*")
        if path.is_file() and NOTEBOOK not in path.parents
    }
    assert sum(sizes.values()) <= LIMIT, sizes


def test_the_widget_is_one_small_module() -> None:
    found = {path.name: gzipped(path) for path in NOTEBOOK.iterdir()}
    assert set(found) == {"loader.js", "widget.js", "views.json"}
    assert found["widget.js"] <= WIDGET_LIMIT
    assert found["loader.js"] <= LOADER_LIMIT
    for name in ("loader.js", "widget.js"):
        code = (NOTEBOOK / name).read_text(encoding="utf-8")
        assert not re.search(r"(?:^|[;}])import\s*(?:[{*\"'`]|\w+\s*(?:,|from\b))", code)
        assert "process.env" not in code


def test_the_page_is_one_script_and_one_sheet() -> None:
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    assert len(re.findall("<script", page)) == 1
    assert len(re.findall('rel="stylesheet"', page)) == 1
    assert "style=" not in page


def test_nothing_is_fetched_from_elsewhere() -> None:
    for path in [*STATIC.rglob("*.css"), NOTEBOOK / "widget.js"]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"url\((?!data:|#|\$|[\"'`]*[#$])", text)
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    assert "http" not in html.replace("http-equiv", "")
