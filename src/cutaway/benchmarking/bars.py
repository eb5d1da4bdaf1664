"""The plot: horizontal bars, a panel for each case, memory's limit as an outline."""

import textwrap

from cutaway.benchmarking.panels import Bar, Panel
from cutaway.drawing import DIM, INK, Picture, Rect, Text

__all__ = ["figure", "picture"]

_WIDTH, _MARGIN, _LABELS, _VALUES = 800, 24, 244, 122
_NOTE = 112  # characters of a note in a line
_ROW, _BAR, _HEAD, _GAP = 24, 16, 34, 16
_FILL = {"ours": "#0b6bcb", "other": "#a7b0ba"}


def picture(panels: list[Panel], *, title: str, subtitle: str, notes: list[str]) -> Picture:
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
    drawn = Picture(_WIDTH, top + sum(heights) + foot, title)
    short = textwrap.shorten(title, 70, placeholder=" ...")
    drawn.add(Text(x=_MARGIN, y=34, text=short, size=18, bold=True))
    drawn.add(Text(x=_MARGIN, y=56, text=subtitle, fill=DIM))
    y = top
    for panel, tall in zip(panels, heights, strict=True):
        _panel(drawn, panel, y)
        y += tall
    for number, line in enumerate(lines):
        drawn.add(Text(x=_MARGIN, y=y + 14 + 18 * number, text=line, fill=DIM, size=12))
    return drawn


def _panel(drawn: Picture, panel: Panel, y: int) -> None:
    drawn.add(Text(x=_MARGIN, y=y + 18, text=panel.case.name, size=14, bold=True))
    about = f"{panel.case.about}, tokens/s"
    drawn.add(Text(x=_WIDTH - _MARGIN, y=y + 18, text=about, fill=DIM, anchor="end"))
    for number, bar in enumerate(panel.bars):
        _bar(drawn, bar, panel.most, y + _HEAD + number * _ROW)


def _bar(drawn: Picture, bar: Bar, most: float, y: int) -> None:
    left = _MARGIN + _LABELS
    room = _WIDTH - _MARGIN - _VALUES - left
    width = max(1.0, bar.value / most * room)
    baseline, is_floor = y + 13, bar.kind == "floor"
    ink, bold = DIM if is_floor else INK, bar.kind == "ours"
    drawn.add(Text(x=left - 10, y=baseline, text=bar.label, fill=ink, anchor="end", bold=bold))
    if is_floor:
        box = Rect(x=left, y=y, width=width, height=_BAR, stroke=DIM, dashed=True)
    else:
        box = Rect(x=left, y=y, width=width, height=_BAR, fill=_FILL[bar.kind], radius=2)
    drawn.add(box)
    value = figure(bar.value) + (f"  ({bar.share:.0%})" if bar.share is not None else "")
    drawn.add(Text(x=left + width + 8, y=baseline, text=value, fill=ink, bold=bold))


def figure(value: float) -> str:
    """A rate with as many digits as mean something.

    >>> figure(1234.5), figure(7.891)
    ('1,234', '7.89')
    """
    return f"{value:,.0f}" if value >= 20 else f"{value:.2f}"
