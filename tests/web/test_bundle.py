"""The built page: small, whole, and without a way out."""

import gzip
import re

from web.conftest import STATIC

LIMIT = 400 * 1024


def test_the_page_is_small() -> None:
    sizes = {
        path.relative_to(STATIC).as_posix(): len(gzip.compress(path.read_bytes(), 9))
        for path in STATIC.rglob("*")
        if path.is_file()
    }
    assert sum(sizes.values()) <= LIMIT, sizes


def test_the_page_is_one_script_and_one_sheet() -> None:
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    assert len(re.findall("<script", page)) == 1
    assert len(re.findall('rel="stylesheet"', page)) == 1
    assert "style=" not in page


def test_nothing_is_fetched_from_elsewhere() -> None:
    for path in STATIC.rglob("*.css"):
        assert "url(" not in path.read_text(encoding="utf-8").replace("url(data:", "")
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    assert "http" not in html.replace("http-equiv", "")
