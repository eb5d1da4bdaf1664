"""The plot as an SVG: horizontal bars, a panel for each case, memory's limit as an outline."""

import textwrap
from xml.etree import ElementTree as Xml

from cutaway.benchmarking.panels import Bar, Panel

__all__ = ["figure", "svg"]

_WIDTH, _MARGIN, _LABELS, _VALUES = 800, 24, 244, 122
_NOTE = 112  # characters of a note in a line
_ROW, _BAR, _HEAD, _GAP = 24, 16, 34, 16
_INK, _DIM = "#1f2328", "#656d76"
_FILL = {"ours": "#0b6bcb", "other": "#a7b0ba"}
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"


def svg(panels: list[Panel], *, title: str, subtitle: str, notes: list[str]) -> str:
    """A picture that stands alone: who, how fast, on what, and how it was measured.

    Args:
        panels: to draw, one below the other, each on a scale of its own from 0.
        title: the model.
        subtitle: the machine.
        notes: lines below the panels.
    """
    lines = [line for note in notes for line in textwrap.wrap(note, _NOTE)]
    heights = [_HEAD + _ROW * len(panel.bars) + _GAP for panel in panels]
    top, foot = 76, 18 * len(lines) + _MARGIN
    height = top + sum(heights) + foot
    fields = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": f"0 0 {_WIDTH} {height}",
        "width": str(_WIDTH),
        "height": str(height),
        "role": "img",
        "aria-label": _printable(title),
        "font-family": _FONT,
    }
    root = Xml.Element("svg", fields)
    _rect(root, 0, 0, _WIDTH, height, fill="#ffffff")
    _text(root, _MARGIN, 34, textwrap.shorten(title, 70, placeholder=" ..."), size=18, weight="600")
    _text(root, _MARGIN, 56, subtitle, fill=_DIM)
    y = top
    for panel, tall in zip(panels, heights, strict=True):
        _panel(root, panel, y)
        y += tall
    for number, line in enumerate(lines):
        _text(root, _MARGIN, y + 14 + 18 * number, line, fill=_DIM, size=12)
    Xml.indent(root)
    return Xml.tostring(root, encoding="unicode") + "\n"


def _panel(root: Xml.Element, panel: Panel, y: int) -> None:
    _text(root, _MARGIN, y + 18, panel.case.name, size=14, weight="600")
    right = _WIDTH - _MARGIN
    about = f"{panel.case.about}, tokens/s"
    _text(root, right, y + 18, about, fill=_DIM, anchor="end")
    for number, bar in enumerate(panel.bars):
        _bar(root, bar, panel.most, y + _HEAD + number * _ROW)


def _bar(root: Xml.Element, bar: Bar, most: float, y: int) -> None:
    left = _MARGIN + _LABELS
    room = _WIDTH - _MARGIN - _VALUES - left
    width = max(1.0, bar.value / most * room)
    baseline, is_floor = y + 13, bar.kind == "floor"
    ink = _DIM if is_floor else _INK
    weight = "600" if bar.kind == "ours" else "400"
    _text(root, left - 10, baseline, bar.label, fill=ink, anchor="end", weight=weight)
    if is_floor:
        _rect(root, left, y, width, _BAR, fill="none", stroke=_DIM, **{"stroke-dasharray": "3 3"})
    else:
        _rect(root, left, y, width, _BAR, fill=_FILL[bar.kind], rx="2")
    value = figure(bar.value) + (f"  ({bar.share:.0%})" if bar.share is not None else "")
    _text(root, left + width + 8, baseline, value, fill=ink, weight=weight)


def figure(value: float) -> str:
    """A rate with as many digits as mean something.

    >>> figure(1234.5), figure(7.891)
    ('1,234', '7.89')
    """
    return f"{value:,.0f}" if value >= 20 else f"{value:.2f}"


def _rect(root: Xml.Element, x: float, y: float, width: float, height: float, **rest: str) -> None:
    places = {"x": x, "y": y, "width": width, "height": height}
    Xml.SubElement(root, "rect", {name: f"{place:g}" for name, place in places.items()} | rest)


def _text(
    root: Xml.Element,
    x: float,
    y: float,
    text: str,
    *,
    fill: str = _INK,
    size: int = 13,
    weight: str = "400",
    anchor: str = "start",
) -> None:
    fields = {"x": f"{x:g}", "y": f"{y:g}", "fill": fill, "font-size": str(size)}
    fields |= {"font-weight": weight, "text-anchor": anchor}
    Xml.SubElement(root, "text", fields).text = _printable(text)


def _printable(text: str) -> str:
    """A model's name may be a path with anything in it; XML takes no control characters."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)
