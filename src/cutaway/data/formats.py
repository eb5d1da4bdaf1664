"""From an open file to its documents, as bytes: text, JSON lines, CSV, Parquet.

Nothing is repaired. Bytes that are no UTF-8 come out as they went in; a record that cannot be
taken comes out as :class:`BadRecord`, and whoever asked decides what that means. No reader holds
more of a file than one document, one line or one row group.
"""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

from cutaway.errors import DataError, MissingExtra, nearest

__all__ = ["FORMATS", "LONGEST", "SEPARATOR", "BadRecord", "Reader", "split_text"]

SEPARATOR = "<|endoftext|>"
"""A line that holds only this stands between two documents of a text file."""

LONGEST = 32 << 20  # bytes of a text document; a longer one is cut at the end of a line
_LONGEST_LINE = 256 << 20  # bytes of a line of JSON or CSV
_SEPARATOR = SEPARATOR.encode()


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that is no document.

    Attributes:
        place: of the record in its file, such as ``line 7``.
        reason: what is wrong with it.
    """

    place: str
    reason: str


Reader = Callable[[BinaryIO, str], Iterator[bytes | BadRecord]]


def split_text(file: BinaryIO, *, longest: int | None) -> Iterator[bytes]:
    """Documents between lines that hold only ``<|endoftext|>``.

    The line feed before such a line, and one at the end of the file, is not the document's.

    Args:
        file: open for reading.
        longest: bytes of a document; a longer one is cut at the end of a line. None for no limit.
    """
    at_once = -1 if longest is None else longest
    lines: list[bytes] = []
    size = 0
    for line in iter(partial(file.readline, at_once), b""):
        if len(line) < 80 and line.strip() == _SEPARATOR:
            yield _without_line_feed(lines, b"\r\n" if line.endswith(b"\r\n") else b"\n")
            lines, size = [], 0
            continue
        if longest is not None and size + len(line) > longest and lines:
            yield b"".join(lines)
            lines, size = [], 0
        lines.append(line)
        size += len(line)
    if lines:
        yield _without_line_feed(lines, b"\n")


def _without_line_feed(lines: list[bytes], line_feed: bytes) -> bytes:
    return b"".join(lines).removesuffix(line_feed)


def _text(file: BinaryIO, key: str) -> Iterator[bytes]:
    return split_text(file, longest=LONGEST)


def _lines(file: BinaryIO) -> Iterator[str]:
    """Lines as text from which :func:`_to_bytes` gets the very bytes back."""
    for number, line in enumerate(iter(partial(file.readline, _LONGEST_LINE), b""), start=1):
        if len(line) == _LONGEST_LINE:
            raise DataError(
                f"line {number} has {_LONGEST_LINE:,} bytes or more", "Cut it into several."
            )
        yield line.decode("utf-8", "surrogateescape")


def _to_bytes(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        pass
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # halves of characters, written in JSON as \ud800
        return text.encode("utf-8", "surrogatepass")


def _jsonl(file: BinaryIO, key: str) -> Iterator[bytes | BadRecord]:
    for number, line in enumerate(_lines(file), start=1):
        if not line or line.isspace():
            continue
        try:
            record = json.loads(line.removeprefix("\ufeff") if number == 1 else line)
        except (ValueError, RecursionError) as error:
            yield BadRecord(f"line {number}", f"no JSON ({error})")
            continue
        text = record.get(key) if isinstance(record, dict) else None
        if isinstance(text, str):
            yield _to_bytes(text)
        else:
            yield BadRecord(f"line {number}", f"no text under {key!r}")


def _csv(file: BinaryIO, key: str, delimiter: str = ",") -> Iterator[bytes | BadRecord]:
    csv.field_size_limit(_LONGEST_LINE)
    rows = csv.reader(_lines(file), delimiter=delimiter, strict=True)
    try:
        header = [name.removeprefix("\ufeff") for name in next(rows, [])]
    except csv.Error as error:
        raise DataError(f"its first line is no CSV ({error})", "Check the file.") from None
    if key not in header:
        raise DataError(f"it has no column {key!r}", f"{nearest(key, header)} See --text-key.")
    column = header.index(key)
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            yield BadRecord(f"line {rows.line_num}", f"no CSV ({error})")
            continue
        if row is None:
            return
        if len(row) > column:
            yield _to_bytes(row[column])
        elif row:  # csv takes an empty line for a row of nothing
            yield BadRecord(f"line {rows.line_num}", f"no column {key!r}")


def _parquet(file: BinaryIO, key: str) -> Iterator[bytes | BadRecord]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtra(
            "Parquet files need pyarrow, which is not installed.", "pip install 'cutaway[data]'"
        ) from error
    try:
        yield from _parquet_rows(pyarrow.parquet.ParquetFile(file), key, pyarrow.binary())
    except pyarrow.ArrowException as error:
        raise DataError(f"it is damaged ({error})", "Fetch it again.") from None


def _parquet_rows(table: Any, key: str, binary: Any) -> Iterator[bytes | BadRecord]:
    names = list(table.schema_arrow.names)
    if key not in names:
        raise DataError(f"it has no column {key!r}", f"{nearest(key, names)} See --text-key.")
    row = 0
    for batch in table.iter_batches(batch_size=256, columns=[key]):
        column = batch.column(0)
        for value in column.cast(binary).to_pylist():
            row += 1
            yield BadRecord(f"row {row}", f"nothing under {key!r}") if value is None else value


FORMATS: dict[str, Reader] = {
    "txt": _text,
    "jsonl": _jsonl,
    "csv": _csv,
    "tsv": partial(_csv, delimiter="\t"),
    "parquet": _parquet,
}
