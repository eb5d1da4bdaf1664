"""Every view, drawn and as tables: axe finds nothing, and no page is wider than its window."""

import pytest

from cutaway.generation import LanguageModel
from web.conftest import REPO, TEXT, Open, assert_accessible, assert_accessible_everywhere, settled

VIEWS = sorted(path.parent.name for path in (REPO / "web" / "src" / "views").glob("*/index.ts"))


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_accessible(explore: Open, lm: LanguageModel, view: str) -> None:
    page = explore(view, ids=lm.encode(TEXT))
    assert_accessible_everywhere(page)
    as_tables = page.get_by_role("button", name="As a table")
    if as_tables.count() == 0:
        return
    while as_tables.count() > 0:
        as_tables.first.click()
        settled(page)
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        settled(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert_accessible(page)
