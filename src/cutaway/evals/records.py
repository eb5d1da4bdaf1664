"""Test sets in files: one JSON object on a line, packed or not."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cutaway.data.lines import BadLine, object_of
from cutaway.errors import DataError
from cutaway.evals.published import read_lines

__all__ = ["bad_line", "read_objects", "read_records"]


def read_records(path: Path, *, fields: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The named text fields of each line.

    Raises:
        DataError: if the file is absent, damaged or empty, or a line lacks a field.
    """
    for number, record in read_objects(path, fields=fields):
        values = tuple(record[field] for field in fields)
        if not all(isinstance(value, str) for value in values):
            raise bad_line(path, number, "a field is not text", fields)
        yield values


def read_objects(path: Path, *, fields: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The object of each line, with the line's number; each has the named fields.

    Raises:
        DataError: if the file is absent, damaged or empty, or a line lacks a field.
    """
    for number, line in read_lines(path):
        try:
            record = object_of(line)
        except BadLine as error:
            raise bad_line(path, number, str(error), fields) from None
        missing = [field for field in fields if field not in record]
        if missing:
            raise bad_line(path, number, f"no {' and no '.join(missing)}", fields)
        yield number, record


def bad_line(path: Path, number: int, reason: str, fields: Sequence[str]) -> DataError:
    """What is raised for a line that is not such an object."""
    return DataError(
        f"{path}, line {number}: {reason}.", f"Each line is a JSON object with {', '.join(fields)}."
    )
