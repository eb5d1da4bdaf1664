"""``cutaway runs``: what was trained, listed, compared and drawn."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cutaway.cli.app import new_app
from cutaway.cli.options import Json
from cutaway.cli.output import stderr, stdout
from cutaway.cli.runs_report import write_comparison, write_list

if TYPE_CHECKING:
    from cutaway.training.runs import Run

app = new_app()

Folder = Annotated[Path, typer.Option("--dir", help="Folder with the runs.")]
Names = Annotated[
    list[str],
    typer.Argument(metavar="RUN...", help="Names that `cutaway runs` lists, or directories."),
]


class Over(StrEnum):
    """What curves run over."""

    steps = "steps"
    tokens = "tokens"
    time = "time"


@app.callback(invoke_without_command=True)
def runs(ctx: typer.Context, folder: Folder = Path("runs"), as_json: Json = False) -> None:
    """List training runs, compare them, draw their curves.

    Without a command of its own it lists the runs of a folder, the newest last.
    """
    if ctx.invoked_subcommand is None:
        list_runs(folder, as_json=as_json)


@app.command("list")
def list_runs(folder: Folder = Path("runs"), as_json: Json = False) -> None:
    """List the runs of a folder, the newest last.

    State, step, last training loss, best validation loss (nats per token), its bits per byte,
    speed of the last 50 steps, and when the last line was written. A run that is neither running
    nor ended by itself is killed; the same `cutaway train` goes on with it.
    """
    from cutaway.training.runs import find_runs

    found = find_runs(folder)
    _tell_damage(found)
    if as_json:
        for run in found:
            stdout().json(run.to_dict())
    elif found:
        write_list(stdout(), found)
    else:
        stderr().line(f"{folder} holds no run.", "dim")


@app.command()
def compare(
    names: Names,
    folder: Folder = Path("runs"),
    by: Annotated[Over, typer.Option(help="What counts as equally far.")] = Over.steps,
    parts: Annotated[int, typer.Option(min=1, max=100, help="Places at which to compare.")] = 4,
    as_json: Json = False,
) -> None:
    """Compare runs: entries of their recipes that differ, and losses at equal places.

    Places are equal parts of the way that all of them have come. The training loss is the mean of
    the last 20 steps up to there, the validation loss the last one up to there.
    """
    from cutaway.training.comparison import differences, places

    found = _opened(names, folder)
    differ, at = differences(found), places(found, by=by.value, parts=parts)
    if as_json:
        stdout().json(
            {
                "runs": [run.to_dict() for run in found],
                "differences": differ,
                "by": by.value,
                "places": [
                    {"at": place.x, "loss": place.losses, "valid_loss": place.valid_losses}
                    for place in at
                ],
            }
        )
    else:
        write_comparison(stdout(), found, differ, at, by=by.value)


@app.command()
def plot(
    names: Names,
    out: Annotated[Path, typer.Option(help="File for the picture: .svg, or .png (needs Pillow).")],
    folder: Folder = Path("runs"),
    figure: Annotated[
        str,
        typer.Option(
            help="What to draw: loss (of training, and of validation as dots), or one of "
            "bits_per_byte, gradient_norm, tokens_per_second, rate, mfu."
        ),
    ] = "loss",
    over: Annotated[Over, typer.Option(help="Over what.")] = Over.steps,
    log_x: Annotated[bool, typer.Option("--log-x", help="Horizontal axis logarithmic.")] = False,
    log_y: Annotated[bool, typer.Option("--log-y", help="Vertical axis logarithmic.")] = False,
    as_json: Json = False,
) -> None:
    """Draw the curves of runs into a file.

    With --json also print the points. Time is that of the steps, over all sessions of a run.
    """
    from cutaway.cli.runs_chart import chart_of
    from cutaway.drawing import chart_picture, check_picture, write_picture

    check_picture(out, "--out")
    chart = chart_of(_opened(names, folder), figure, over.value, log_x=log_x, log_y=log_y)
    write_picture(out, chart_picture(chart))
    if as_json:
        curves: list[dict[str, Any]] = [
            {"run": curve.name, "kind": "valid" if curve.dots else "steps", "points": curve.points}
            for curve in chart.curves
        ]
        stdout().json({"file": str(out), "figure": figure, "over": over.value, "curves": curves})
    else:
        stdout().line(str(out))


def _opened(names: list[str], folder: Path) -> list["Run"]:
    from cutaway.training.runs import open_run

    found = [open_run(name, folder) for name in dict.fromkeys(names)]
    _tell_damage(found)
    return found


def _tell_damage(found: list["Run"]) -> None:
    for run in found:
        if run.damaged:
            lines = ", ".join(map(str, run.damaged[:5])) + (" ..." if run.damaged[5:] else "")
            path = run.directory / "log.jsonl"
            stderr().line(f"note: {path}: line {lines} cannot be read and is left out.", "dim")
