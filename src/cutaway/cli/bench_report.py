"""What ``cutaway bench`` says: beforehand, on the way, and a table of figures with bars in it."""

import os
import textwrap
import time
from pathlib import Path

from cutaway.benchmarking.bars import figure
from cutaway.benchmarking.cases import Case
from cutaway.benchmarking.choice import Absent, dtype_of, label
from cutaway.benchmarking.contenders import AS_IT_IS, WIDTHS
from cutaway.benchmarking.floor import weight_bytes
from cutaway.benchmarking.machine import describe
from cutaway.benchmarking.panels import Bar, Panel, memory_read, not_measured, panels
from cutaway.benchmarking.session import Session, seconds_expected
from cutaway.cli.output import Stream
from cutaway.cli.render import bar as drawn_bar
from cutaway.cli.render import count_of_bytes, pad, width_of

__all__ = ["Progress", "announce", "notes", "rows", "subtitle", "write_report"]

_RATE, _SHARE = 10, 7  # columns of the two numbers, the space before each included
_LEAST_BAR, _MOST_WIDTH = 8, 100
_LIMIT = "\u00b7"  # what memory's limit is drawn with: a middle dot
_BUSY = 0.5  # of the cores, taken by others


class Progress:
    """One line on a terminal, which is written over; in a pipe a line for each thing done."""

    def __init__(self, err: Stream) -> None:
        self._err = err
        self._started: float | None = None

    def doing(self, what: str) -> None:
        """Something that has no end in sight yet."""
        self._show(f"{what} ...")

    def turn(self, what: str, done: int, total: int) -> None:
        """A turn begins; ``done`` of ``total`` are over."""
        now = time.monotonic()
        self._started = self._started or now
        left = ""
        if done >= 3:
            left = f" (about {_duration((now - self._started) / done * (total - done))} left)"
        if self._err.is_terminal:
            self._show(f"{done + 1}/{total}{left} {what}")

    def finished(self, case: Case, width: str) -> None:
        """All rounds of a case at a width are over."""
        if not self._err.is_terminal:
            self._err.line(f"{case.name}, {dtype_of(width)}: measured").flush()

    def clear(self) -> None:
        """Takes the line away."""
        if self._err.is_terminal:
            self._err.file.write("\r\x1b[K")
            self._err.flush()

    def _show(self, text: str) -> None:
        if not self._err.is_terminal:
            self._err.line(text, "dim").flush()
            return
        self.clear()
        self._err.write(pad(text, self._err.width - 1).rstrip(), "dim").flush()


def announce(err: Stream, session: Session, absent: list[Absent]) -> None:
    """What will be done, how long it may take, and what it leaves on the disk."""
    names = ", ".join(label(result.contender) for result in session.results)
    what = ", ".join(f"{case.name} ({case.about})" for case in session.cases)
    _wrapped(err, f"{session.weights.title}; {_threads(session)}, {_rounds(session)}.")
    _wrapped(err, f"Engines: {names}.", indent="  ")
    _wrapped(err, f"Cases: {what}.", indent="  ")
    for one in absent:
        _wrapped(err, f"Not measured: {one.name}: {one.reason}", indent="  ")
    folder = _shown(session.weights.folder)
    if not session.weights.are_written:
        size = count_of_bytes(session.weights.n_bytes)
        _wrapped(err, f"{size} of weights are kept for the next time in {folder}.", indent="  ")
    if any(result.contender.module not in AS_IT_IS for result in session.results):
        _wrapped(err, f"What other engines make of the weights is kept in {folder}.", indent="  ")
    _wrapped(err, f"It takes about {_duration(seconds_expected(session))}; Ctrl-C ends it.")
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > _BUSY * cores:
        told = f"note: other programs are at work here (load {load:.1f} on {cores} cores):"
        _wrapped(err, f"{told} figures may be low.")


def write_report(out: Stream, session: Session, absent: list[Absent], *, is_whole: bool) -> None:
    """The figures, on what they were measured, and what has none."""
    out.line(session.weights.title, "bold")
    _wrapped(out, subtitle(session))
    for panel in panels(session):
        out.line()
        _write_panel(out, panel)
    out.line()
    for note in notes(session, is_whole=is_whole):
        _wrapped(out, note)
    for one in not_measured(session, absent):
        _wrapped(out, f"Not measured: {one.name}: {one.reason}")


def subtitle(session: Session) -> str:
    """The machine, and how often it was asked."""
    processor = describe(session.threads)["processor"]
    return f"{processor}; {_threads(session)}, medians of {_rounds(session)}"


def notes(session: Session, *, is_whole: bool) -> list[str]:
    """What has to be known to read the figures."""
    told: list[str] = []
    if read := memory_read(session):
        middle, least, most = (f"{rate / 1e9:.1f}" for rate in read)
        told.append(f"Memory gave {middle} GB/s ({least} to {most}), read beside the rounds.")
        sizes = ", ".join(
            f"{count_of_bytes(round(weight_bytes(session.weights.shape, width)))} at "
            f"{dtype_of(width)}"
            for width in WIDTHS
            if any(result.reads for result in session.of_width(width))
        )
        told.append(
            f"Its limit: a step reads all weights ({sizes}) and each text's keys and values; "
            "percentages are the share of it that is reached."
        )
    if not is_whole:
        told.append("It was stopped before the end: some figures are of fewer rounds.")
    return told


def rows(panel: Panel, *, width: int) -> list[tuple[str, str, str, str]]:
    """A line for each bar: its label, the bar, tokens a second, the share of memory's limit.

    No line is wider than ``width``. Labels go first; a narrow terminal loses the bars.
    """
    numbers = _RATE + _SHARE
    label_width = min(max(width_of(bar.label) for bar in panel.bars), width - 2 - numbers)
    bar_width = min(40, width - 2 - numbers - label_width - 1)
    return [
        (
            f"  {pad(bar.label, label_width)}",
            f" {_drawn(bar, panel.most, bar_width)}" if bar_width >= _LEAST_BAR else "",
            figure(bar.value).rjust(_RATE),
            ("" if bar.share is None else f"{100 * bar.share:.0f} %").rjust(_SHARE),
        )
        for bar in panel.bars
    ]


def _drawn(bar: Bar, most: float, width: int) -> str:
    if bar.kind == "floor":
        return (_LIMIT * round(bar.value / most * width)).ljust(width)
    return drawn_bar(bar.value / most, width)


def _write_panel(out: Stream, panel: Panel) -> None:
    """A case: its name and what it is, then its rows."""
    width = min(out.width, _MOST_WIDTH)
    about = f": {panel.case.about}, tokens/s"
    out.write(panel.case.name, "bold")
    out.line(about if width_of(panel.case.name + about) <= width else "", "dim")
    for bar, (name, drawn, rate, share) in zip(panel.bars, rows(panel, width=width), strict=True):
        if bar.kind == "floor":
            out.line((name + drawn + rate).rstrip(), "dim")
            continue
        is_ours = bar.kind == "ours"
        out.write(name, "bold" if is_ours else "").write(drawn, "cyan" if is_ours else "")
        out.write(rate, "bold").line(share.rstrip(), "dim")


def _threads(session: Session) -> str:
    return f"{session.threads} thread{'s' if session.threads > 1 else ''}"


def _rounds(session: Session) -> str:
    return f"{session.rounds} round{'s' if session.rounds > 1 else ''}"


def _shown(path: Path) -> str:
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def _wrapped(stream: Stream, text: str, *, indent: str = "") -> None:
    width = min(stream.width, _MOST_WIDTH)
    lines = textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    for line in lines:
        stream.line(line, "dim")


def _duration(seconds: float) -> str:
    """Rounded, as it is a guess.

    >>> _duration(34), _duration(62), _duration(200)
    ('35 s', 'a minute', '3 minutes')
    """
    if seconds < 52:
        return f"{max(5, 5 * round(seconds / 5))} s"
    return "a minute" if seconds < 90 else f"{round(seconds / 60)} minutes"
