"""Files of many texts: read line by line, worked on some at a time, none lost without a word."""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from cutaway.cli.inputs import read_bytes
from cutaway.cli.output import Stream, stderr, stdout
from cutaway.errors import CutawayError, DataError, nearest

__all__ = [
    "Line",
    "all_of",
    "given_lines",
    "is_json_lines",
    "lines_of",
    "read_lines",
    "work_through",
    "write_each",
]

T = TypeVar("T")
Work = Callable[[Sequence[str]], Sequence[T | CutawayError]]
"""Makes something of each of some texts, or an error."""
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
    from cutaway.data.lines import BadLine, decoded

    for number, line in enumerate(lines, start=1):
        where = f"{name}:{number}"
        try:
            text = decoded(line, number).strip()
        except BadLine as error:
            yield Line(where, None, str(error))
            continue
        if field is not None:
            yield _of_json(where, text, field)
        else:
            yield Line(where, text or None, "" if text else "the line is empty")


def given_lines(text: str, field: str) -> Iterable[Line]:
    """The lines behind an argument: of a file, of ``-`` for stdin, or of the text itself.

    Args:
        text: a file if there is one of that name.
        field: of JSON lines, where the text is.
    """
    path = Path(text.removeprefix("@"))
    is_file = text != "-" and "\n" not in text and len(text) < 1024 and path.is_file()
    if is_file or (text.startswith("@") and not text.startswith("@@")):
        return read_lines(path, field=field if is_json_lines(path) else None)
    data = read_bytes(text)
    return lines_of(io.BytesIO(data), "stdin" if text == "-" else "line")


def work_through(
    lines: Iterable[Line], work: Work[T], *, at_once: int | None = None
) -> Iterator[tuple[Line, T | str]]:
    """What comes of each line, or in words why nothing does; in order, some lines at a time.

    Args:
        lines: of a file.
        work: is asked about some lines at a time.
        at_once: how many those are; None for 32.
    """
    rest = iter(lines)
    while some := list(islice(rest, at_once or AT_ONCE)):
        results = iter(work([line.text for line in some if line.text is not None]))
        for line in some:
            result = line.reason if line.text is None else next(results)
            yield line, result.what if isinstance(result, CutawayError) else result


def write_each(
    lines: Iterable[Line],
    work: Work[T],
    *,
    tell: Callable[[Stream, T], None],
    fields: Callable[[Line, T], dict[str, Any]],
    last: str,
    as_json: bool,
    at_once: int | None = None,
) -> None:
    """Writes what comes of each line; nothing, and its name on stderr, where nothing does.

    Args:
        lines: of a file.
        work: is asked about some lines at a time.
        tell: writes what came of a line, for people.
        fields: the same for programs.
        last: a line for stderr, when all are through.
        as_json: whether programs read it.
        at_once: how many those are; None for 32.

    Raises:
        DataError: at the end, if there were lines of which nothing came, or none at all.
    """
    out, err, n_lines, n_bad = stdout(), stderr(), 0, 0
    for line, found in work_through(lines, work, at_once=at_once):
        n_lines += 1
        if isinstance(found, str):
            n_bad += 1
            err.line(f"{line.where}: {found.rstrip('.')}.", "red")
        if as_json:
            what = {"error": found} if isinstance(found, str) else fields(line, found)
            out.json({"where": line.where, **what})
        elif isinstance(found, str):
            out.line()
        else:
            tell(out, found)
        out.flush()
    err.line(last, "dim")
    report_bad(n_bad, n_lines)


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


def all_of(
    texts: Sequence[str], places: Sequence[str], work: Work[T], *, at_once: int | None = None
) -> list[T]:
    """What comes of each text; on a terminal, how many are through.

    Args:
        texts: each of which must give something.
        places: the file and line of each.
        work: is asked about some texts at a time.
        at_once: how many those are; None for 32.

    Raises:
        CutawayError: naming the place of the first text that gives nothing.
    """
    found: list[T] = []
    err, n = stderr(), at_once or AT_ONCE
    for start in range(0, len(texts), n):
        if err.is_terminal:
            err.file.write("\r\x1b[K")
            err.write(f"{start:,} of {len(texts):,} ...", "dim").flush()
        attempts = work(texts[start : start + n])
        for place, one in zip(places[start : start + n], attempts, strict=True):
            if isinstance(one, CutawayError):
                raise type(one)(f"{place}: {one.what}", one.hint)
            found.append(one)
    if err.is_terminal:
        err.file.write("\r\x1b[K")
        err.flush()
    return found


def _of_json(where: str, text: str, field: str) -> Line:
    from cutaway.data.lines import BadLine, object_of, text_of

    try:
        record = object_of(text)
        if field not in record:
            return Line(where, None, f"no field {field!r}; {nearest(field, record)}")
        found = text_of(record, field).strip()
    except BadLine as error:
        return Line(where, None, str(error))
    return Line(where, found or None, "" if found else f"{field!r} is empty")
