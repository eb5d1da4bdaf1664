"""Reading what a command works on: an argument, ``-`` for stdin, ``@file`` for a file."""

import os
import sys
from pathlib import Path
from typing import BinaryIO

from cutaway.cli.output import stderr
from cutaway.errors import CheckpointNotFound, ConfigError, DataError

__all__ = ["argument_bytes", "read_bytes", "read_prompt", "read_source", "read_text"]

# Far more than any context holds; keeps a wrong file name from filling the memory.
_PROMPT_LIMIT = 16_000_000


def read_prompt(value: str | None) -> str:
    """The prompt of a command; without one, what is piped in, or nothing at a terminal.

    One line feed at the end of a file or a pipe is dropped: editors and ``echo`` put it there.

    Raises:
        DataError: if it is not UTF-8, or larger than any prompt.
    """
    if value is None:
        value = "" if sys.stdin is None or sys.stdin.isatty() else "-"
    data = read_bytes(value, limit=_PROMPT_LIMIT)
    if value == "-" or _names_file(value):
        data = data.removesuffix(b"\n").removesuffix(b"\r")
    return _decode(data, value)


def read_text(value: str) -> str:
    """The text behind an argument, exactly.

    Raises:
        DataError: if it is not UTF-8.
    """
    return _decode(read_bytes(value), value)


def read_source(text: str) -> tuple[str, str]:
    """Where the text behind an argument comes from, and the text: a file if there is one so called.

    Raises:
        DataError: if it is not UTF-8.
    """
    if text == "-":
        return "stdin", read_text("-")
    name = text.removeprefix("@")
    if text.startswith("@") or (len(text) < 1024 and "\n" not in text and Path(text).is_file()):
        return name, read_text(f"@{name}")
    if not any(char.isspace() for char in text) and ("/" in text or "." in text[1:-1]):
        stderr().line(f"note: there is no file {text!r}, so this is taken as a text.", "dim")
    return "argument", read_text(text)


def read_bytes(value: str, *, limit: int | None = None) -> bytes:
    """The bytes behind an argument, exactly.

    Raises:
        CheckpointNotFound: if the file is not there.
        DataError: if there are more than ``limit`` bytes.
    """
    if value == "-":
        return _bounded(sys.stdin.buffer, "stdin", limit) if sys.stdin else b""
    if _names_file(value):
        path = Path(value[1:])
        try:
            with path.open("rb") as file:
                return _bounded(file, str(path), limit)
        except OSError as error:
            raise CheckpointNotFound(
                f"Cannot read {path}: {error.strerror}.",
                f"@ means a file; write @{value} for the text {value!r}.",
            ) from error
    return argument_bytes(value[1:] if value.startswith("@@") else value)


def argument_bytes(value: str) -> bytes:
    """The bytes of an argument as the shell passed them, whatever the locale."""
    try:
        return os.fsencode(value)
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")


def _names_file(value: str) -> bool:
    return len(value) > 1 and value.startswith("@") and not value.startswith("@@")


def _bounded(file: BinaryIO, name: str, limit: int | None) -> bytes:
    if limit is None:
        return file.read()
    data = file.read(limit + 1)
    if len(data) > limit:
        raise DataError(
            f"The prompt from {name} is longer than {limit:,} bytes.",
            "Give a text that fits the model's context.",
        )
    return data


def _decode(data: bytes, value: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        source = {"-": "stdin"}.get(value, value[1:] if _names_file(value) else "The argument")
        raise DataError(
            f"{source} is not UTF-8: byte 0x{data[error.start]:02x} at {error.start:,}.",
            "Convert it, for example with iconv -t utf-8.",
        ) from None


def whole_number(text: str, name: str) -> int:
    """The number that ``text`` spells.

    Raises:
        ConfigError: if it spells none.
    """
    try:
        return int(text)
    except ValueError:
        raise ConfigError(f"{name} is {text!r}.", "It must be a whole number.") from None
