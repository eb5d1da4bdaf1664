"""Pairs of texts: a sentence and its translation, a text and its summary.

Read from two files with as many lines, from one file with two columns (``.tsv``), or from JSON
lines. Nothing is repaired and nothing is left out in silence: a line that gives no pair ends the
reading with its file and number, or is handed to whoever asked for that.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

from cutaway.data.lines import BadLine, decoded, label_of, object_of, text_of
from cutaway.data.sources import file_source, opened
from cutaway.errors import DataError, nearest

__all__ = ["FIELDS", "BadPair", "Pair", "read_pairs"]

FIELDS = ("source", "target")
"""What the two sides are called in JSON lines, and in the first line of a table."""

_LONGEST_LINE = 64 << 20  # bytes
_SIDES = ("source", "target")
_HINT = "Put the line right, or leave bad lines out: they are then reported one by one."


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts that belong together, without blank space at their ends.

    Attributes:
        source: what is read.
        target: what is to be written.
        where: its file and line, such as ``train.en.gz:7``.
    """

    source: str
    target: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class BadPair:
    """A line that gives no pair.

    Attributes:
        where: its file and line.
        reason: what is wrong with it.
    """

    where: str
    reason: str

    def __str__(self) -> str:
        """Both in one line."""
        return f"{self.where}: {self.reason}."


_Record = Pair | BadPair
_Line = str | BadPair
_ReadField = Callable[[dict[str, Any], str], str]


def read_pairs(
    source: str | Path,
    target: str | Path | None = None,
    *,
    fields: Sequence[str] = FIELDS,
    labels: bool = False,
    on_bad: Callable[[BadPair], None] | None = None,
) -> Iterator[Pair]:
    """The pairs of a file, or of two with as many lines, in their order.

    Args:
        source: text with a line for each source, beside ``target``; alone a table with two columns
            (``.tsv``) or JSON lines (``.jsonl``). UTF-8, also packed as ``.gz``, ``.xz``, ``.zst``.
        target: text with a line for each target.
        fields: of JSON lines, the source's and the target's; lists of texts are joined with a
            space. A table may have them as its first line.
        labels: whether targets are labels: in JSON lines texts or whole numbers.
        on_bad: takes each line that gives no pair, and the reading goes on. None: it ends there.

    Raises:
        DataError: if a file is absent or damaged, two files are of different length, or, without
            ``on_bad``, at the first line that gives no pair.
        MissingExtra: if a library is needed for it that is not installed.
    """
    if len(fields) != 2 or len(set(fields)) != 2 or not all(fields):
        raise DataError(f"The fields are {list(fields)}.", "Name two: source and target.")
    second = None if target is None else Path(target)
    for record in _records(Path(source), second, fields, labels=labels):
        if isinstance(record, Pair):
            yield record
        elif on_bad is not None:
            on_bad(record)
        else:
            raise DataError(str(record), _HINT)


def _records(
    source: Path, target: Path | None, fields: Sequence[str], *, labels: bool
) -> Iterator[_Record]:
    for path in (source, target):
        if path is not None and not path.is_file():
            raise DataError(f"No file of pairs at {path}.", "Check the path.")
    if target is not None:
        return _parallel(source, target)
    format = file_source(source, "txt").format
    if format == "tsv":
        return _table(source, fields)
    if format == "jsonl":
        return _json_lines(source, fields, (text_of, label_of if labels else text_of))
    raise DataError(
        f"{source} has one side of pairs, or is of a kind that is not read.",
        "Give two text files, or one in .tsv or .jsonl (also with .gz, .xz, .zst behind).",
    )


def _lines(path: Path) -> Iterator[tuple[str, _Line]]:
    """Where each line of a file is, and its text without white space at its ends."""
    with opened(file_source(path, "txt")) as file:
        lines = iter(partial(file.readline, _LONGEST_LINE), b"")
        for number, line in enumerate(lines, start=1):
            where = f"{path}:{number}"
            if len(line) == _LONGEST_LINE:
                raise DataError(
                    f"line {number} has {_LONGEST_LINE:,} bytes or more", "Cut it into several."
                )
            try:
                yield where, decoded(line, number).rstrip("\r\n")
            except BadLine as error:
                yield where, BadPair(where, str(error))


def _parallel(source: Path, target: Path) -> Iterator[_Record]:
    for number, (one, other) in enumerate(zip_longest(_lines(source), _lines(target)), start=1):
        if one is None or other is None:
            longer, shorter = (target, source) if one is None else (source, target)
            raise DataError(
                f"{longer} goes on at its line {number}, and {shorter} has {number - 1} lines.",
                "Both need as many, or every pair behind the lost line would be wrong.",
            )
        yield _pair(one[0], one[1], other[1], f" ({other[0]})")


def _table(path: Path, fields: Sequence[str]) -> Iterator[_Record]:
    """Lines of two columns with a tab between; nothing is quoted."""
    for number, (where, line) in enumerate(_lines(path)):
        if isinstance(line, BadPair):
            yield line
            continue
        columns = line.split("\t")
        if (number == 0 and columns == list(fields)) or not line.strip():
            continue
        if len(columns) != 2:
            yield BadPair(where, f"{len(columns)} column(s) with tabs between, not 2")
            continue
        yield _pair(where, columns[0], columns[1])


def _json_lines(
    path: Path, fields: Sequence[str], readers: Sequence[_ReadField]
) -> Iterator[_Record]:
    for where, line in _lines(path):
        if isinstance(line, BadPair):
            yield line
            continue
        if not line.strip():
            continue
        try:
            record = object_of(line)
        except BadLine as error:
            yield BadPair(where, str(error))
            continue
        sides = zip(fields, readers, strict=True)
        source, target = (_side(where, record, name, read) for name, read in sides)
        yield _pair(where, source, target)


def _side(where: str, record: dict[str, Any], name: str, read: _ReadField) -> _Line:
    if name not in record:
        return BadPair(where, f"no field {name!r}. {nearest(name, record)}".rstrip("."))
    try:
        return read(record, name)
    except BadLine as error:
        return BadPair(where, str(error))


def _pair(where: str, source: _Line, target: _Line, target_file: str = "") -> _Record:
    sides: list[str] = []
    for name, side, file in zip(_SIDES, (source, target), ("", target_file), strict=True):
        if isinstance(side, BadPair):
            return side
        if not side.strip():
            return BadPair(where, f"the {name}{file} is empty")
        sides.append(side.strip())
    return Pair(sides[0], sides[1], where)
