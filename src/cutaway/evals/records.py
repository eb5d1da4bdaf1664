"""Test sets in files: one JSON object on a line, packed or not."""

import gzip
import json
import lzma
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from cutaway.errors import DataError

__all__ = ["open_text", "read_records"]


def open_text(path: Path) -> TextIO:
    """Opens UTF-8 text; ``.gz`` and ``.xz`` are unpacked on the way.

    Raises:
        DataError: if there is no such file.
    """
    try:
        match path.suffix:
            case ".gz":
                return gzip.open(path, "rt", encoding="utf-8", newline="\n")
            case ".xz":
                return lzma.open(path, "rt", encoding="utf-8", newline="\n")
            case _:
                return path.open(encoding="utf-8", newline="\n")
    except FileNotFoundError:
        raise DataError(f"No test set at {path}.", "Check the path.") from None
    except IsADirectoryError:
        raise DataError(f"{path} is a directory.", "Give the file in it.") from None


def read_records(path: Path, *, fields: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The named text fields of each line.

    Raises:
        DataError: if the file is absent or damaged, or a line lacks a field.
    """
    file = open_text(path)
    n_read = 0
    try:
        with file:
            for line in file:
                n_read += 1
                record: Any = json.loads(line)
                values = tuple(record[field] for field in fields)
                if not all(isinstance(value, str) for value in values):
                    raise TypeError("a field is not text")
                yield values
    except (EOFError, gzip.BadGzipFile, lzma.LZMAError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}.", "Fetch or unpack it again.") from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:  # of JSON and its fields
        raise DataError(
            f"{path}, line {n_read}: {type(error).__name__}: {error}.",
            f"Each line is a JSON object with {', '.join(fields)}.",
        ) from None
