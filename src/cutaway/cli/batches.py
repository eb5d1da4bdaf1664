"""Files of many texts: read line by line, worked on some at a time, none lost without a word."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from cutaway.errors import CutawayError, DataError, nearest

__all__ = ["Line", "is_json_lines", "lines_of", "read_lines", "report_bad", "work_through"]

T = TypeVar("T")
AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file.

    Attributes:
        where: its file and number, such as ``texts.txt:7``.
        text: what it holds; None if that cannot be told.
        reason: why it cannot.
    """

    where: str
    text: str | None
    reason: str = ""


def is_json_lines(path: Path) -> bool:
    """Whether a file goes by the name of JSON lines, packed or not."""
    return ".jsonl" in path.name.lower()


def read_lines(path: Path, *, field: str | None = None) -> Iterator[Line]:
    """The lines of a file, packed or not: plain text, or JSON lines whose ``field`` is the text.

    A list of texts is joined with a space. Lines that hold no text come with the reason.

    Raises:
        DataError: if the file is absent or damaged.
    """
    from cutaway.data.sources import file_source, opened

    if not path.is_file():
        raise DataError(f"No file at {path}.", "Check the path.")
    with opened(file_source(path, "txt")) as file:
        yield from lines_of(file, str(path), field=field)


def lines_of(lines: Iterable[bytes], name: str, *, field: str | None = None) -> Iterator[Line]:
    """Lines as :func:`read_lines` has them, of what is called ``name``."""
    for number, line in enumerate(lines, start=1):
        where = f"{name}:{number}"
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError as error:
            yield Line(where, None, f"not UTF-8: {error.reason} at its byte {error.start + 1}")
            continue
        if field is not None:
            yield _of_json(where, text, field)
        else:
            yield Line(where, text or None, "" if text else "the line is empty")


def work_through(
    lines: Iterable[Line],
    work: Callable[[Sequence[str]], Sequence[T | CutawayError]],
    *,
    at_once: int | None = None,
) -> Iterator[tuple[Line, T | str]]:
    """What comes of each line, or in words why nothing does; in order, some lines at a time.

    Args:
        lines: of a file.
        work: makes something of each of some texts, or an error.
        at_once: lines that it gets at a time; None for 32.
    """
    rest = iter(lines)
    while some := list(islice(rest, at_once or AT_ONCE)):
        results = iter(work([line.text for line in some if line.text is not None]))
        for line in some:
            result = line.reason if line.text is None else next(results)
            yield line, result.what if isinstance(result, CutawayError) else result


def report_bad(n_bad: int, n_lines: int) -> None:
    """Ends a command some of whose lines gave nothing, each of which was named.

    Raises:
        DataError: if there were any, or no lines at all.
    """
    if not n_lines:
        raise DataError("The file has no lines.", "Give one that has.")
    if n_bad:
        raise DataError(
            f"{n_bad:,} of {n_lines:,} lines gave nothing; each is named above.",
            "What the others gave was written.",
        )


def _of_json(where: str, text: str, field: str) -> Line:
    try:
        record: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Line(where, None, f"no JSON ({error})")
    if not isinstance(record, dict):
        return Line(where, None, "no JSON object")
    if field not in record:
        return Line(where, None, f"no field {field!r}; {nearest(field, record)}")
    value = record[field]
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) for one in texts):
        return Line(where, None, f"{field!r} is neither a text nor a list of texts")
    joined = " ".join(texts).strip()
    return Line(where, joined or None, "" if joined else f"{field!r} is empty")
