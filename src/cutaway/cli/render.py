"""Drawing with characters: tokens, bars and aligned columns for any width of terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cutaway.cli.output import Stream, visible

if TYPE_CHECKING:
    from cutaway.generation import Candidate

__all__ = [
    "bar",
    "candidate_rows",
    "count_of_bytes",
    "pad",
    "piece",
    "width_of",
    "write_candidates",
]

_EIGHTHS = " \u258f\u258e\u258d\u258c\u258b\u258a\u2589"
_FULL = "\u2588"
_SPACE = "\u2423"  # open box
_SHOWN = {ord(" "): _SPACE, ord("\n"): "\\n", ord("\t"): "\\t"}


def piece(data: bytes) -> str:
    r"""A token as it can be shown: spaces marked, everything invisible by its code.

    >>> piece(b" a"), piece(b"\n"), piece(b"\xe4\xb8")
    ('␣a', '\\n', '\\xe4\\xb8')
    """
    return visible(data.decode("utf-8", "backslashreplace").translate(_SHOWN))


def bar(share: float, width: int) -> str:
    """A bar of ``share`` of ``width`` columns, to an eighth of a column; padded with spaces."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    full, rest = divmod(eighths, 8)
    return (_FULL * full + (_EIGHTHS[rest] if rest else "")).ljust(width)


def width_of(text: str) -> int:
    """Columns a text takes: two for a Chinese character, none for a combining mark."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def pad(text: str, width: int) -> str:
    """The text filled up, or cut and marked with an ellipsis, to exactly ``width`` columns."""
    if width_of(text) <= width:
        return text + " " * (width - width_of(text))
    while text and width_of(text) > width - 1:
        text = text[:-1]
    return text + "\u2026" + " " * (width - 1 - width_of(text))


def count_of_bytes(n: int) -> str:
    """Bytes in the unit that keeps them readable, in powers of 1000.

    >>> count_of_bytes(497_759_232), count_of_bytes(36_864)
    ('497.8 MB', '36.9 kB')
    """
    size, units = float(n), ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
    while size >= 999.95 and len(units) > 1:
        size /= 1000
        units.pop(0)
    return f"{n} B" if units[0] == "B" else f"{size:.1f} {units[0]}"


def candidate_rows(
    candidates: Sequence["Candidate"], rest_mass: float, n_rest: int, *, width: int
) -> list[tuple[str, str, str, str]]:
    """Rows of a table of next tokens: number and word, bar, percent, logit.

    No row is wider than ``width``. Words go first; a narrow terminal loses the logits, then the
    bar. Bars are in proportion to the most probable word.
    """
    words = [piece(candidate.bytes) for candidate in candidates]
    rest = f"all {n_rest:,} others"
    has_logit, has_bar = width >= 46, width >= 30
    free = width - (24 if has_logit else 15)  # for word and bar, next to the other columns
    word_width = min(max(map(width_of, [*words, rest])), max(4, free - (6 if has_bar else 0)))
    bar_width = min(40, free - word_width) if has_bar else -1
    top = max((candidate.prob for candidate in candidates), default=1.0) or 1.0
    rows: list[tuple[str, str, str, str]] = []
    for word, candidate in zip(words, candidates, strict=True):
        drawn = bar(candidate.prob / top, bar_width) + " " if has_bar else ""
        logit = f"{candidate.logit:9.2f}" if has_logit else ""
        number = f"{candidate.rank:>3}  {pad(word, word_width)} "
        rows.append((number, drawn, f"{100 * candidate.prob:6.2f} %", logit))
    last = f"     {pad(rest, word_width)} "
    return [*rows, (last, " " * (bar_width + 1), f"{100 * rest_mass:6.2f} %", "")]


def write_candidates(
    out: Stream, candidates: Sequence["Candidate"], rest_mass: float, n_rest: int
) -> None:
    """Writes the table of next tokens, the mass of all others below it."""
    rows = candidate_rows(candidates, rest_mass, n_rest, width=min(out.width, 100))
    for number, drawn, percent, logit in rows[:-1]:
        out.write(number).write(drawn, "cyan").write(percent, "bold").line(logit, "dim")
    out.line("".join(rows[-1]).rstrip(), "dim")
