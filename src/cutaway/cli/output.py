"""Writing to the two streams: results to stdout, everything else to stderr.

What a model writes is not to be trusted with a terminal: it may hold escape sequences that move
the cursor, change the title or hide text. On a terminal every control character is shown by its
code; in a pipe or a file the text arrives byte for byte. Colours only on a terminal, and not when
``NO_COLOR`` is set.
"""

import io
import json
import os
import shutil
import sys
from typing import Self, TextIO

__all__ = ["OutputClosed", "Stream", "prepare", "stderr", "stdout", "visible"]

_SGR = {"dim": "2", "bold": "1", "red": "31", "green": "32", "cyan": "36", "reverse": "7"}
# C0 but for tab and line feed, DEL, C1, and the marks that turn the direction of writing.
_CONTROL = (
    [code for code in range(0x20) if chr(code) not in "\t\n"]
    + list(range(0x7F, 0xA0))
    + [0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)
_VISIBLE = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _CONTROL}
_JSON = {code: f"\\u{code:04x}" for code in _CONTROL}


class OutputClosed(Exception):
    """The reader of stdout has gone: ``cutaway ... | head -1``."""


def prepare() -> None:
    """Makes both streams UTF-8, whatever the locale says; a closed one swallows what it gets."""
    sys.stdout = sys.stdout or io.StringIO()
    sys.stderr = sys.stderr or io.StringIO()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def visible(text: str) -> str:
    r"""The text with control characters replaced by their codes.

    >>> visible("red: \x1b[31m")
    'red: \\x1b[31m'
    """
    return text.translate(_VISIBLE)


class Stream:
    """One of the two streams, with what is known of its other end."""

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self.is_terminal = file.isatty()
        wanted = self.is_terminal and os.environ.get("TERM") != "dumb"
        self.has_colour = not os.environ.get("NO_COLOR") and (
            wanted or bool(os.environ.get("FORCE_COLOR"))
        )

    @property
    def width(self) -> int:
        """Columns: of the terminal, else what COLUMNS says, else 80."""
        return max(20, shutil.get_terminal_size((80, 24)).columns)

    def write(self, text: str, style: str = "") -> Self:
        """Writes text in a style (``dim``, ``bold``, ...), safely.

        Raises:
            OutputClosed: if nobody reads any more.
        """
        if self.is_terminal:
            text = visible(text)
        if style and text and self.has_colour:
            text = f"\x1b[{_SGR[style]}m{text}\x1b[0m"
        return self._put(text)

    def line(self, text: str = "", style: str = "") -> Self:
        """Writes text and ends the line."""
        return self.write(text, style)._put("\n")

    def json(self, value: object) -> Self:
        """Writes one JSON object on a line of its own."""
        return self._put(
            json.dumps(value, ensure_ascii=False, allow_nan=False).translate(_JSON) + "\n"
        )

    def bytes(self, data: bytes) -> Self:
        """Writes bytes as they are; for pipes and files only."""
        self.flush()
        try:
            self.file.buffer.write(data)
        except BrokenPipeError:
            raise OutputClosed from None
        return self

    def flush(self) -> Self:
        """Hands on what was written so far."""
        try:
            self.file.flush()
        except BrokenPipeError:
            raise OutputClosed from None
        return self

    def _put(self, text: str) -> Self:
        try:
            self.file.write(text)
        except BrokenPipeError:
            raise OutputClosed from None
        return self


def stdout() -> Stream:
    """Where results go."""
    return Stream(sys.stdout)


def stderr() -> Stream:
    """Where everything else goes."""
    return Stream(sys.stderr)
