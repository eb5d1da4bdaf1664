"""Text files as documents."""

import gzip
import lzma
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from cutaway.errors import DataError

__all__ = ["SEPARATOR", "read_documents"]

SEPARATOR = "<|endoftext|>"


def read_documents(path: Path) -> Iterator[str]:
    """The documents of a text file, one at a time, without blank space at their ends.

    Documents are separated by a line that holds only ``<|endoftext|>``; a file without one is a
    single document. Empty documents are skipped.

    Args:
        path: UTF-8 text; ``.gz`` and ``.xz`` are unpacked on the way.

    Raises:
        DataError: if the file is absent, damaged or not UTF-8.
    """
    try:
        with _open_text(path) as file:
            yield from _split(file)
    except FileNotFoundError:
        raise DataError(f"No corpus at {path}.", "Check the path.") from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8: {error.reason} at byte {error.start}.",
            "Convert it with iconv.",
        ) from None
    except (EOFError, gzip.BadGzipFile, lzma.LZMAError, IsADirectoryError) as error:
        raise DataError(f"{path} cannot be read: {error}.", "Fetch or unpack it again.") from None


def _open_text(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="\n")
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="utf-8", newline="\n")
    return path.open(encoding="utf-8", newline="\n")


def _split(lines: Iterable[str]) -> Iterator[str]:
    document: list[str] = []
    for line in lines:
        if line.strip() != SEPARATOR:
            document.append(line)
            continue
        if text := "".join(document).strip():
            yield text
        document = []
    if text := "".join(document).strip():
        yield text
