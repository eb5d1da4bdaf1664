"""The plot in a file: SVG by a writer of our own, PNG where matplotlib is installed."""

import importlib
import textwrap
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cutaway.benchmarking.panels import Panel
from cutaway.benchmarking.svg import figure, svg
from cutaway.errors import ConfigError, MissingExtra
from cutaway.files import atomic_write

__all__ = ["check_plot", "write_plot"]

_NOTE = 130  # characters of a note in a line
_COLOURS = {"ours": "#0b6bcb", "other": "#a7b0ba", "floor": "none"}


def check_plot(path: Path) -> None:
    """Whether a plot can be written there, asked before anything is measured.

    Raises:
        ConfigError: for another kind of file, or a folder that does not exist.
        MissingExtra: for a PNG without matplotlib.
    """
    if path.suffix.lower() not in (".svg", ".png"):
        raise ConfigError(
            f"--plot {path}: a plot is .svg or .png.", "Name a file such as bench.svg."
        )
    if path.suffix.lower() == ".png" and find_spec("matplotlib") is None:
        raise MissingExtra(
            f"--plot {path}: a PNG needs matplotlib, which is not installed.",
            f"Name {path.with_suffix('.svg')} instead, or install matplotlib.",
        )
    if not path.parent.is_dir():
        raise ConfigError(f"--plot {path}: there is no folder {path.parent}.", "Make it first.")


def write_plot(
    path: Path, panels: list[Panel], *, title: str, subtitle: str, notes: list[str]
) -> None:
    """Draws the panels into a file, which is there whole or not at all.

    Raises:
        ResourceError: if the disk is full or refuses.
    """
    with atomic_write(path) as file:
        if path.suffix.lower() == ".svg":
            drawn = svg(panels, title=title, subtitle=subtitle, notes=notes)
            file.write(drawn.encode())
        else:
            _png(panels, title, subtitle, notes).savefig(file, format="png", dpi=144)


def _png(panels: list[Panel], title: str, subtitle: str, notes: list[str]) -> Any:
    """The same picture by matplotlib, without a display."""
    rows = [len(panel.bars) + 1.6 for panel in panels]
    lines = [line for note in notes for line in textwrap.wrap(note, _NOTE)]
    height = 0.28 * sum(rows) + 0.9 + 0.22 * len(lines)
    figure_class = importlib.import_module("matplotlib.figure").Figure
    drawn = figure_class(figsize=(9.5, height), layout="constrained")
    drawn.suptitle(f"{title}\n{subtitle}", x=0.02, ha="left", fontsize=11)
    drawn.supxlabel("\n".join(lines), x=0.02, ha="left", fontsize=8, color="#656d76")
    axes = drawn.subplots(len(panels), 1, height_ratios=rows, squeeze=False)[:, 0]
    for ax, panel in zip(axes, panels, strict=True):
        places = range(len(panel.bars))
        values = [bar.value for bar in panel.bars]
        edges = ["#656d76" if bar.kind == "floor" else "none" for bar in panel.bars]
        colours = [_COLOURS[bar.kind] for bar in panel.bars]
        ax.barh(places, values, color=colours, edgecolor=edges, linestyle="--", height=0.66)
        ax.set_yticks(places, [bar.label for bar in panel.bars], fontsize=8)
        ax.invert_yaxis()
        ax.set_xlim(0, 1.2 * panel.most)
        ax.set_title(f"{panel.case.name}: {panel.case.about}, tokens/s", loc="left", fontsize=9)
        for place, bar in zip(places, panel.bars, strict=True):
            share = "" if bar.share is None else f" ({bar.share:.0%})"
            ax.text(bar.value, place, f" {figure(bar.value)}{share}", va="center", fontsize=8)
        ax.spines[["top", "right"]].set_visible(False)
    return drawn
