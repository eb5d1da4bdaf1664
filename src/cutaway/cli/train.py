"""``cutaway train``: trains a model from a recipe."""

import json
from pathlib import Path
from typing import Annotated

import typer

from cutaway.cli.app import new_app
from cutaway.cli.output import stdout

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
    track: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Also draw the run in tensorboard, wandb or trackio (each an extra of that "
            "name); may be given several times. Default: log.trackers of the recipe.",
        ),
    ] = None,
) -> None:
    """Train a model from a recipe.

    Ctrl-C saves and exits with code 6; the same command goes on from there.
    """
    from cutaway.cli.progress import shown_log
    from cutaway.training.run import train

    tracked = [f"log.trackers={json.dumps(track)}"] if track else []
    with shown_log():
        done = train(
            recipe,
            data=recipe.parent if data is None else data,
            out=Path("runs") / recipe.stem if out is None else out,
            settings=[*(settings or []), *tracked],
            init=init,
            device=device,
        )
    loss = "" if done.valid_loss is None else f" (validation loss {done.valid_loss:.4f})"
    stdout().line(f"{done.directory}{loss}")
