"""Charts: axes with round numbers, curves that stay on the page, the same in SVG and PNG."""

import importlib.util
import io
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutaway.drawing import Chart, Curve, chart_picture, check_picture, svg, write_picture
from cutaway.drawing.axes import axis_of
from cutaway.drawing.png import _dashes
from cutaway.errors import ConfigError

SVG = "{http://www.w3.org/2000/svg}"
CURVES = [
    Curve(
        name="runs/a",
        points=[(1, 6.0), (50, 4.0), (100, 3.0)],
        band=[(1, 5.0, 7.0), (50, 3.5, 4.5), (100, 2.5, 3.5)],
    ),
    Curve(name="runs/a", points=[(50, 4.1), (100, 3.1)], dots=True),
    Curve(name="runs/b", points=[(1, 6.0), (100, 2.5)]),
]


def chart(curves: list[Curve], **more: bool) -> Chart:
    return Chart(
        title="A title", x_name="steps", y_name="loss", curves=curves, notes=["A note"], **more
    )


def drawn(picture: Chart) -> ElementTree.Element:
    return ElementTree.fromstring(svg(chart_picture(picture)))


def test_each_run_has_one_colour_and_one_name() -> None:
    root = drawn(chart(CURVES))
    texts = [one.text for one in root.iter(f"{SVG}text")]
    assert texts.count("runs/a") == texts.count("runs/b") == 1
    assert {"A title", "A note", "steps", "loss"} <= set(texts)
    strokes = [one.get("stroke") for one in root.iter(f"{SVG}polyline")]
    assert strokes[-3] == strokes[-2] != strokes[-1]
    areas = [one for one in root.iter(f"{SVG}polyline") if one.get("fill") != "none"]
    assert len(areas) == 1
    assert len(str(areas[0].get("points")).split()) == 6


NUMBERS = st.floats(-1e9, 1e9, allow_subnormal=False) | st.just(0.0)
LINES = st.builds(
    Curve,
    name=st.text(max_size=50),
    points=st.lists(st.tuples(NUMBERS, NUMBERS), max_size=5),
    dots=st.booleans(),
)


@given(st.lists(LINES, max_size=4), st.booleans(), st.booleans())
def test_nothing_leaves_the_page(curves: list[Curve], log_x: bool, log_y: bool) -> None:
    root = drawn(chart(curves, log_x=log_x, log_y=log_y))
    width, height = (float(root.get(name, 0)) for name in ("width", "height"))
    for line in root.iter(f"{SVG}polyline"):
        for pair in str(line.get("points")).split():
            x, y = map(float, pair.split(","))
            assert 0 <= x <= width
            assert 0 <= y <= height


@given(st.lists(st.floats(1e-6, 1e12), min_size=1, max_size=9), st.booleans())
def test_ticks_are_few_round_and_inside(values: list[float], is_log: bool) -> None:
    axis = axis_of(values, 0, 100, is_log=is_log)
    ticks = axis.ticks()
    assert 1 <= len(ticks) <= 20
    places = [axis.place(tick) for tick in ticks]
    assert all(-1e-6 <= place <= 100 + 1e-6 for place in places)
    assert places == sorted(places)


def test_a_logarithmic_axis_gives_equal_ratios_equal_lengths() -> None:
    axis = axis_of([1, 100], 0, 200, is_log=True)
    assert [axis.place(x) for x in (1, 10, 100)] == pytest.approx([0, 100, 200])
    assert axis.ticks() == [1, 2, 5, 10, 20, 50, 100]


def test_a_dashed_line_is_drawn_and_left_out_in_turn() -> None:
    pieces = _dashes([(0.0, 0.0), (30.0, 0.0), (30.0, 30.0)])
    length = sum(abs(b[0] - a[0]) + abs(b[1] - a[1]) for a, b in pieces)
    assert length == pytest.approx(36.0)  # of 60, in pieces of 12: those at 0, 24 and 48


@pytest.mark.skipif(importlib.util.find_spec("PIL") is None, reason="no Pillow")
def test_the_png_shows_what_the_svg_shows(tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "curves.png"
    check_picture(path, "--out")
    write_picture(path, chart_picture(chart(CURVES)))
    image = Image.open(io.BytesIO(path.read_bytes())).convert("RGB")
    assert image.width == 1600
    colours = {colour for _, colour in image.getcolors(1 << 24) or []}
    assert {(0, 0x72, 0xB2), (0xD5, 0x5E, 0x00), (255, 255, 255)} <= colours


def test_a_picture_that_cannot_be_is_refused(tmp_path: Path) -> None:
    for name in ("curves.pdf", "curves", "no/such/folder.svg"):
        with pytest.raises(ConfigError, match="--out"):
            check_picture(tmp_path / name, "--out")
