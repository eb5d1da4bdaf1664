"""Curves over a common axis, with a legend."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from cutaway.drawing.axes import Axis, axis_of, told
from cutaway.drawing.shapes import DIM, Line, Picture, Rect, Text

__all__ = ["COLOURS", "Chart", "Curve", "chart_picture"]

_WIDTH, _MARGIN, _LEFT, _TALL = 800, 24, 72, 340
_NOTE = 112  # characters of a note in a line
_GRID = "#e5e8eb"
# Told apart by all kinds of eyes: Okabe and Ito 2008, "Color Universal Design".
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Points of one run.

    Attributes:
        name: in the legend; curves of one name have one colour and one entry.
        points: ``(x, y)`` in order.
        band: ``(x, low, high)`` to be drawn lightly behind; may be empty.
        dots: whether each point gets a dot, and the line between them is dashed.
    """

    name: str
    points: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, float, float]] = ()
    dots: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What is drawn.

    Attributes:
        title: above it.
        x_name: of the horizontal axis.
        y_name: of the vertical axis.
        curves: all of them.
        notes: lines below.
        log_x: whether the horizontal axis is logarithmic.
        log_y: whether the vertical axis is.
    """

    title: str
    x_name: str
    y_name: str
    curves: Sequence[Curve]
    notes: Sequence[str] = ()
    log_x: bool = False
    log_y: bool = False


def chart_picture(chart: Chart) -> Picture:
    """Draws a chart; on a logarithmic axis what is not above 0 is left out."""
    names = list(dict.fromkeys(curve.name for curve in chart.curves))
    colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
    rows = _legend_rows(names)
    lines = [line for note in chart.notes for line in textwrap.wrap(note, _NOTE)]
    top = 64 + 20 * len(rows)
    bottom = top + _TALL
    picture = Picture(_WIDTH, bottom + 58 + 18 * len(lines), chart.title)
    title = textwrap.shorten(chart.title, 80, placeholder=" ...")
    picture.add(Text(x=_MARGIN, y=34, text=title, size=18, bold=True))
    for number, row in enumerate(rows):
        for x, name in row:
            y = 60 + 20 * number
            picture.add(Rect(x=x, y=y - 9, width=14, height=8, fill=colours[name], radius=2))
            picture.add(Text(x=x + 20, y=y, text=_short(name), size=12))
    xs = [point[0] for curve in chart.curves for point in curve.points]
    ys = [point[1] for curve in chart.curves for point in curve.points]
    across = axis_of(xs, _LEFT, _WIDTH - _MARGIN, is_log=chart.log_x)
    up = axis_of(ys, bottom, top, is_log=chart.log_y)
    _grid(picture, chart, across, up)
    for curve in chart.curves:
        _curve(picture, curve, across, up, colours[curve.name])
    for number, line in enumerate(lines):
        y = bottom + 62 + 18 * number
        picture.add(Text(x=_MARGIN, y=y, text=line, fill=DIM, size=12))
    return picture


def _short(name: str) -> str:
    return name if len(name) <= 40 else f"...{name[-37:]}"


def _legend_rows(names: Sequence[str]) -> list[list[tuple[float, str]]]:
    """Where each name goes; a new row when one is full."""
    rows: list[list[tuple[float, str]]] = [[]]
    x = float(_MARGIN)
    for name in names:
        wide = 44 + 7.2 * len(_short(name))
        if rows[-1] and x + wide > _WIDTH - _MARGIN:
            rows.append([])
            x = _MARGIN
        rows[-1].append((x, name))
        x += wide
    return rows


def _grid(picture: Picture, chart: Chart, across: Axis, up: Axis) -> None:
    bottom, top = up.start, up.end
    for value in up.ticks():
        y = up.place(value)
        picture.add(Line(points=((across.start, y), (across.end, y)), stroke=_GRID))
        label = told(value)
        picture.add(Text(x=_LEFT - 8, y=y + 4, text=label, fill=DIM, size=12, anchor="end"))
    for value in across.ticks():
        x = across.place(value)
        picture.add(Line(points=((x, top), (x, bottom)), stroke=_GRID))
        label = told(value)
        picture.add(Text(x=x, y=bottom + 18, text=label, fill=DIM, size=12, anchor="middle"))
    picture.add(Line(points=((across.start, bottom), (across.end, bottom)), stroke=DIM))
    middle = (across.start + across.end) / 2
    picture.add(Text(x=middle, y=bottom + 38, text=chart.x_name, size=12, anchor="middle"))
    picture.add(Text(x=_WIDTH - _MARGIN, y=34, text=chart.y_name, fill=DIM, anchor="end"))


def _curve(picture: Picture, curve: Curve, across: Axis, up: Axis, colour: str) -> None:
    def is_drawn(x: float, y: float) -> bool:
        return (x > 0 or not across.is_log) and (y > 0 or not up.is_log)

    band = [(x, low, high) for x, low, high in curve.band if is_drawn(x, low)]
    if len(band) > 1:
        there = [(across.place(x), up.place(high)) for x, _, high in band]
        back = [(across.place(x), up.place(low)) for x, low, _ in reversed(band)]
        picture.add(Line(points=(*there, *back), fill=colour, opacity=0.18))
    points = tuple((across.place(x), up.place(y)) for x, y in curve.points if is_drawn(x, y))
    if len(points) > 1:
        picture.add(Line(points=points, stroke=colour, width=1.6, dashed=curve.dots))
    if curve.dots or len(points) == 1:
        for x, y in points:
            picture.add(Rect(x=x - 2.5, y=y - 2.5, width=5, height=5, fill=colour, radius=2.5))
