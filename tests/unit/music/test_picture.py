"""The one-hot picture: a cell for each event, in the strip of its kind."""

import pytest

from cutaway.drawing import Rect, Text, svg
from cutaway.errors import DataError
from cutaway.music.draw import one_hot_picture


def test_each_event_has_its_cell_in_its_strip() -> None:
    ids = [375, 60, 355, 305, 188]
    picture = one_hot_picture(ids, "a.mid")
    boxes = [shape for shape in picture.shapes if isinstance(shape, Rect)]
    strips, cells = boxes[:4], boxes[4:]
    kinds = [3, 0, 2, 2, 1]
    assert len(cells) == len(ids)
    for cell, kind in zip(cells, kinds, strict=True):
        strip = strips[kind]
        assert strip.y - 2 <= cell.y
        assert cell.y + cell.height <= strip.y + strip.height + 2
    assert [cell.x for cell in cells] == sorted({cell.x for cell in cells})
    texts = [shape.text for shape in picture.shapes if isinstance(shape, Text)]
    assert [text for text in texts if text.isdecimal()] == ["20", "60", "100", "50", "60"]
    assert "0 to 127, ids from 128" in texts
    assert "a.mid: 5 events, one-hot" in svg(picture)


def test_many_events_are_narrow() -> None:
    assert one_hot_picture([60] * 2000, "a").width < 9000


@pytest.mark.parametrize(
    ("ids", "message"),
    [([], "A picture of 0 events"), ([60] * 2001, "2,001 events"), ([60, 388], "event 388")],
)
def test_what_cannot_be_drawn(ids: list[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        one_hot_picture(ids, "a")
