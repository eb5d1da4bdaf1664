"""What ``cutaway runs`` writes on a terminal: tables that fit its width."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cutaway.cli.output import Stream, visible
from cutaway.cli.render import pad, width_of

if TYPE_CHECKING:
    from cutaway.training.comparison import Place
    from cutaway.training.runs import Run

__all__ = ["write_comparison", "write_list"]

_GAP = "  "
_STYLES = {"running": "green", "diverged": "red", "failed": "red"}
_LEAST_NAME = 12
# What goes first where there is too little room.
_EXPENDABLE = ("when", "tokens/s", "bits/byte", "loss", "step")


def write_list(out: Stream, runs: Sequence["Run"]) -> None:
    """A line for each run; on a narrow terminal columns are left out, then names cut."""
    columns: dict[str, list[str]] = {
        "run": [visible(run.name) for run in runs],
        "state": [run.state for run in runs],
        "step": [f"{run.step:,}/{run.total:,}" if run.total else f"{run.step:,}" for run in runs],
        "loss": [_figure(run.loss) for run in runs],
        "best valid": [_figure(run.best and run.best.loss) for run in runs],
        "bits/byte": [_figure(run.best and run.best.bits_per_byte) for run in runs],
        "tokens/s": [_figure(run.tokens_per_second, "{:,.0f}") for run in runs],
        "when": [f"{run.when.astimezone():%Y-%m-%d %H:%M}" for run in runs],
    }
    widths = {name: max(map(width_of, [name, *cells])) for name, cells in columns.items()}
    for name in _EXPENDABLE:
        if _total(widths) > out.width and _least(widths) > out.width:
            del columns[name], widths[name]
    spare = out.width - (_total(widths) - widths["run"])
    widths["run"] = max(_LEAST_NAME, min(widths["run"], spare))
    out.line(_row({name: name for name in columns}, widths), "dim")
    for i, run in enumerate(runs):
        cells = {name: column[i] for name, column in columns.items()}
        line = _row(cells, widths)
        start = widths["run"] + len(_GAP)
        end = start + widths["state"]
        out.write(line[:start]).write(line[start:end], _STYLES.get(run.state, ""))
        out.line(line[end:])
        if run.why:
            out.line(f"{_GAP}{pad(run.why, out.width - 3).rstrip()}", "dim")


def _total(widths: Mapping[str, int]) -> int:
    return sum(widths.values()) + len(_GAP) * (len(widths) - 1)


def _least(widths: Mapping[str, int]) -> int:
    return _total(widths) - widths["run"] + min(widths["run"], 24)


def _row(cells: Mapping[str, str], widths: Mapping[str, int]) -> str:
    """Words to the left, numbers to the right."""
    parts = [
        pad(cell, widths[name])
        if name in ("run", "state")
        else " " * (widths[name] - width_of(cell)) + cell
        for name, cell in cells.items()
    ]
    return _GAP.join(parts).rstrip()


def _figure(value: float | None, form: str = "{:.4f}") -> str:
    return "" if value is None else form.format(value)


def write_comparison(
    out: Stream,
    runs: Sequence["Run"],
    differ: Mapping[str, Sequence[str]],
    places: Sequence["Place"],
    *,
    by: str,
) -> None:
    """Differences first, then where the runs stood; names of many runs are numbered."""
    names = [visible(run.name) for run in runs]
    if differ:
        _table(out, "", names, [(name, list(row)) for name, row in differ.items()])
    else:
        out.line("Their recipes are the same.", "dim")
    unit = "seconds" if by == "time" else by
    rows = [(f"{place.x:,.0f} {unit}", place.losses) for place in places]
    out.line()
    _table(out, "training loss", names, [(at, list(map(_figure, row))) for at, row in rows])
    looks = [(f"{place.x:,.0f} {unit}", place.valid_losses) for place in places]
    if any(value is not None for _, row in looks for value in row):
        out.line()
        shown = [(at, list(map(_figure, row))) for at, row in looks]
        _table(out, "validation loss", names, shown)
    out.line()
    ends = [
        ("best validation loss", [_figure(run.best and run.best.loss) for run in runs]),
        ("bits per byte there", [_figure(run.best and run.best.bits_per_byte) for run in runs]),
        ("at step", ["" if run.best is None else f"{run.best.step:,}" for run in runs]),
        ("last step", [f"{run.step:,}" for run in runs]),
        ("tokens/s", [_figure(run.tokens_per_second, "{:,.0f}") for run in runs]),
        ("state", [run.state for run in runs]),
    ]
    _table(out, "each by itself", names, ends)


def _table(
    out: Stream, title: str, names: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]
) -> None:
    """A column for each run as wide as it needs, all of one width where that does not fit."""
    first = max(map(width_of, [title, *(name for name, _ in rows)]))
    first = min(first, max(12, out.width // 2))
    widths = [
        max([width_of(name), *(width_of(cells[i]) for _, cells in rows)])
        for i, name in enumerate(names)
    ]
    room = out.width - first - len(_GAP) * len(names)
    if sum(widths) > room:
        share = max(6, room // len(names))
        widths = [min(width, share) for width in widths]
    out.line(_cells(title, names, first, widths), "dim")
    for name, cells in rows:
        out.line(_cells(name, cells, first, widths))


def _cells(first: str, rest: Sequence[str], width: int, widths: Sequence[int]) -> str:
    parts = [pad(first, width), *(pad(cell, w) for cell, w in zip(rest, widths, strict=True))]
    return _GAP.join(parts).rstrip()
