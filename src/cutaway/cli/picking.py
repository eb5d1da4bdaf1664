"""The two ways to use a :class:`~cutaway.cli.picker.Picker`: by keys, and by lines."""

import os
import re
import sys
import textwrap
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from cutaway.cli.output import Stream, stderr, visible
from cutaway.cli.render import candidate_rows, width_of
from cutaway.errors import CutawayError

if TYPE_CHECKING:
    from cutaway.cli.picker import Picker

__all__ = ["by_key", "by_line", "keyboard"]

_UP, _DOWN, _LEFT = ("\x1b[A", "\x1bOA"), ("\x1b[B", "\x1bOB"), ("\x1b[D", "\x1bOD")
_KEY = re.compile(r"\x1b[\[O][A-Z]|.", re.DOTALL)
_KEYS = "1-9, 0, up, down: row   Enter: take it   u: undo   g: go on   q: end"


def by_line(picker: "Picker", lines: Iterable[str], *, seed: int | None = None) -> None:
    """Shows the rows, reads a line, and does what it says, until ``q`` or the last line."""
    err = stderr()
    _show_lines(err, picker)
    for line in lines:
        try:
            if not _obey(picker, line.split(), seed):
                return
        except CutawayError as error:
            err.line(f"{error.what} {error.hint}", "red")
        _show_lines(err, picker)


def _obey(picker: "Picker", words: list[str], seed: int | None) -> bool:
    """Does what a line says; False to end."""
    match words:
        case ["q" | "quit"]:
            return False
        case ["u" | "undo"]:
            picker.undo()
        case ["g" | "go"]:
            picker.go_on(seed=seed)
        case ["g" | "go", number] if number.isdecimal():
            picker.go_on(int(number), seed=seed)
        case [number] if number.isdecimal():
            picker.choose(int(number))
        case []:
            pass
        case _:
            raise CutawayError(f"{' '.join(words)!r}?", "A row's number, u, g, g N or q.")
    return True


def _show_lines(err: Stream, picker: "Picker") -> None:
    for text, style in _screen(picker, 0, width=min(err.width, 100)):
        err.line(text, style)
    err.flush()


def by_key(picker: "Picker", read: Callable[[], str], *, seed: int | None = None) -> None:
    """Draws the rows in place and obeys single keys, until ``q``.

    Args:
        picker: the text and its proposals.
        read: waits for keys and returns them; several, if they came faster than they were read.
        seed: of what the model writes when it goes on.
    """
    err, row, height = stderr(), 1, 0
    try:
        while True:
            _erase(err, height)
            lines = _screen(picker, row, width=min(err.width, 100))
            lines.append((_KEYS if err.width > width_of(_KEYS) else "Enter u g q", "dim"))
            for text, style in lines:
                err.line(text, style)
            err.flush()
            height = len(lines)
            for key in _KEY.findall(read()):
                row_or_none = _press(picker, key, row, seed)
                if row_or_none is None:
                    return
                row = row_or_none
    finally:
        _erase(err, height)
        err.flush()


@contextmanager
def keyboard() -> Generator[Callable[[], str]]:
    """Keys of the terminal one by one, as they are pressed, until the block ends.

    The terminal changes its mode once, not at every key: a change throws away what was typed
    before it. Ctrl-C stays what it is.
    """
    if sys.platform == "win32":
        yield typer.getchar
        return
    import termios
    import tty

    keys = sys.stdin.fileno()
    before = termios.tcgetattr(keys)
    try:
        tty.setcbreak(keys, termios.TCSANOW)
        yield lambda: os.read(keys, 64).decode("utf-8", "replace") or "q"
    finally:
        termios.tcsetattr(keys, termios.TCSADRAIN, before)


def _press(picker: "Picker", key: str, row: int, seed: int | None) -> int | None:
    """Does what a key says; the row to mark next, None to end."""
    n_rows = 0 if picker.is_full else len(picker.proposals().candidates)
    if key in ("q", "\x1b", "\x04"):
        return None
    if key in _UP:
        return max(1, row - 1)
    if key in _DOWN:
        return min(n_rows, row + 1)
    if key.isdecimal() and key.isascii():
        return min(n_rows, int(key) or 10)
    if key in ("\r", "\n") and n_rows:
        picker.choose(row)
        return 1
    if key in ("u", "\x7f", "\b", *_LEFT):
        picker.undo()
        return 1
    if key == "g":
        picker.go_on(seed=seed)
        return 1
    return row


def _erase(err: Stream, height: int) -> None:
    if height:
        err.file.write(f"\x1b[{height}A\r\x1b[J")


def _screen(picker: "Picker", marked: int, *, width: int) -> list[tuple[str, str]]:
    """The end of the text and the rows, each line no wider than ``width``."""
    shown = visible(picker.text)
    lines = [(line, "bold") for line in _wrap(shown, width)[-6:]] + [("", "")]
    if picker.is_ended:
        lines.append(("(the text has ended)", "dim"))
    if picker.is_full:
        return [*lines, (f"(the {len(picker.ids):,} positions are full)", "dim")]
    found = picker.proposals()
    n_rest = picker.lm.tokenizer.vocab_size - len(found.candidates)
    rows = candidate_rows(found.candidates, found.rest_mass, n_rest, width=width - 2)
    for number, row in enumerate(rows, start=1):
        mark = "> " if number == marked else "  "
        style = "reverse" if number == marked else ("dim" if number == len(rows) else "")
        lines.append((mark + "".join(row).rstrip(), style))
    return lines


def _wrap(text: str, width: int) -> list[str]:
    """Lines of a text; wide characters count twice, so such a text is cut at half the width."""
    columns = width if text.isascii() else max(10, width // 2)
    lines: list[str] = []
    for paragraph in text.split("\n"):
        lines += textwrap.wrap(paragraph, columns, drop_whitespace=False) or [""]
    return lines
