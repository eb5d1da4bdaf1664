"""``cutaway train``: trains a model from a recipe."""

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from cutaway.cli.app import new_app
from cutaway.cli.output import stdout
from cutaway.cli.train_plan import show_plan

app = new_app()


@app.command(name="train")
def train_model(
    recipe: Annotated[Path, typer.Argument(help="A recipe in TOML: model, data, training, seed.")],
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change one entry of the recipe, such as training.steps=200; may be given "
            "several times.",
        ),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="MODEL",
            help="A model to start from, by name or path: its sizes, weights and vocabulary.",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of the corpora that the recipe names. Default: the recipe's."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for vocabulary, checkpoints, log and model; a run that is there goes on. "
            "Default: runs/ and the recipe's name."
        ),
    ] = None,
    device: Annotated[
        str,
        typer.Option(help="Where to compute: cpu, cuda, cuda:1. Default: a graphics card or cpu."),
    ] = "auto",
    plan: Annotated[
        bool,
        typer.Option(
            "--plan",
            help="Run nothing: tell parameters, tokens, FLOPs, memory by part, time, and what of "
            "the corpus is there.",
        ),
    ] = False,
    tokens_per_second: Annotated[
        float | None, typer.Option(help="For --plan: the speed, of all processes together.")
    ] = None,
    mfu: Annotated[
        float | None,
        typer.Option(help="For --plan: the share of the peak that a run reaches, such as 0.4."),
    ] = None,
    peak: Annotated[
        float | None,
        typer.Option(
            metavar="TFLOPS",
            help="For --plan: the peak of each device, such as 989 for an H100 in bfloat16. "
            "Default: that of the graphics card here, where it is known.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For --plan: one JSON object.")] = False,
) -> None:
    """Train a model from a recipe.

    Ctrl-C saves and exits with code 6; the same command goes on from there.
    """
    data = recipe.parent if data is None else data
    out = Path("runs") / recipe.stem if out is None else out
    if plan:
        show_plan(
            recipe,
            settings or [],
            data=data,
            out=out,
            init=init,
            device=device,
            as_json=as_json,
            tokens_per_second=tokens_per_second,
            mfu=mfu,
            peak=peak,
        )
        return
    from cutaway.training.run import train

    handler = logging.StreamHandler(sys.stderr)
    logger = logging.getLogger("cutaway")  # not the root: libraries talk about themselves there
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    done = train(
        recipe,
        data=data,
        out=out,
        settings=settings or [],
        init=init,
        device=device,
    )
    loss = "" if done.valid_loss is None else f" (validation loss {done.valid_loss:.4f})"
    stdout().line(f"{done.directory}{loss}")
