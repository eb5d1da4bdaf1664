"""The log of a long command on stderr: a bar on a terminal, plain lines anywhere else."""

import logging
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from cutaway.cli.output import Stream, stderr, visible
from cutaway.training.progress import Progress

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

__all__ = ["BarHandler", "shown_log"]

_BETWEEN = 0.1  # seconds between two drawings
_LEAST_BAR = 8  # columns
# What goes first where there is too little room.
_EXPENDABLE = ("mfu", "speed", "left", "loss")


@contextmanager
def shown_log(name: str = "cutaway.training") -> Generator[None]:
    """Shows what is logged under ``name`` while the block runs."""
    log, err = logging.getLogger(name), stderr()
    is_drawn = err.is_terminal and os.environ.get("TERM") != "dumb"
    handler = BarHandler(err) if is_drawn else _LineHandler(err)
    level, propagate = log.level, log.propagate
    log.addHandler(handler)
    log.setLevel(logging.DEBUG if is_drawn else logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        handler.close()
        log.removeHandler(handler)
        log.setLevel(level)
        log.propagate = propagate


class _LineHandler(logging.Handler):
    """A line for each record."""

    def __init__(self, err: Stream) -> None:
        super().__init__()
        self._err = err

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the record's text."""
        self._err.line(record.getMessage()).flush()


class BarHandler(logging.Handler):
    """Draws the ``progress`` of records as a bar at the bottom, and other records above it.

    Args:
        err: a terminal.
        file: where to draw, if not there.
    """

    def __init__(self, err: Stream, file: TextIO | None = None) -> None:
        from rich.console import Console
        from rich.live import Live

        super().__init__()
        # NO_COLOR is heeded by rich itself: then the bar has shapes and no colours.
        self._console = Console(file=file or err.file, force_terminal=True, highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=False)
        self._bar = _Bar()
        self._drawn = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Draws the bar anew, at most ten times a second, or writes a line above it."""
        now = getattr(record, "progress", None)
        if isinstance(now, Progress):
            self._show(now)
        elif record.levelno >= logging.INFO:
            style = "yellow" if record.levelno >= logging.WARNING else None
            text = visible(record.getMessage())
            self._console.print(text, style=style, markup=False, soft_wrap=True)

    def close(self) -> None:
        """Leaves the bar as it is and the cursor below it."""
        if self._live.is_started:
            self._live.update(self._bar, refresh=True)
            self._live.stop()
        super().close()

    def _show(self, now: Progress) -> None:
        self._bar.now = now
        if not self._live.is_started:
            self._live.start()
        due = time.monotonic() - self._drawn >= _BETWEEN
        if due or now.step == now.steps:
            self._live.update(self._bar, refresh=True)
            self._drawn = time.monotonic()


class _Bar:
    """A line that fits: the figures that there is room for, and a bar in what is left."""

    now = Progress(step=0, steps=1)

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        room = max(10, options.max_width - 1)
        parts = fitting(self.now, room)
        text = "  ".join(parts)
        wide = min(40, room - len(text) - 2)
        line = Table.grid(padding=(0, 2, 0, 0))
        if wide >= _LEAST_BAR:
            bar = ProgressBar(total=self.now.steps, completed=self.now.step, width=wide)
            line.add_row(bar, text)
        else:
            line.add_row(text[:room])
        yield line


def fitting(now: Progress, room: int) -> list[str]:
    """The parts of a line that fit into so many columns, with a small bar where possible.

    >>> now = Progress(step=3, steps=9, loss=2.5, tokens_per_second=1234.0, seconds_left=75)
    >>> fitting(now, 24)
    ['step 3/9', 'loss 2.500']
    """
    parts = now.parts()
    for name in _EXPENDABLE:
        if len("  ".join(parts.values())) > room - (_LEAST_BAR + 2 if len(parts) > 2 else 0):
            parts.pop(name, None)
    return list(parts.values())
