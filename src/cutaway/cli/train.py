"""``cutaway train``: trains a model from a recipe."""

import logging
import os
import sys
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
    nproc: Annotated[
        int,
        typer.Option(help="Train with so many processes on this machine; see docs/distributed.md."),
    ] = 1,
) -> None:
    """Train a model from a recipe.

    Ctrl-C saves and exits with code 6; the same command goes on from there.
    """
    from cutaway.training.launch import is_worker, launch, worker

    data = recipe.parent if data is None else data
    out = Path("runs") / recipe.stem if out is None else out
    if is_worker():
        with worker():
            _train(recipe, settings or [], data, out)
    elif nproc != 1:
        changes = [word for setting in settings or [] for word in ("--set", setting)]
        launch(nproc, ["train", str(recipe), *changes, "--data", str(data), "--out", str(out)])
    else:
        _train(recipe, settings or [], data, out)


def _train(recipe: Path, settings: list[str], data: Path, out: Path) -> None:
    from cutaway.training.run import train

    is_main = os.environ.get("RANK", "0") == "0"
    level = logging.INFO if is_main else logging.ERROR
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr)
    done = train(recipe, data=data, out=out, settings=settings)
    loss = "" if done.valid_loss is None else f" (validation loss {done.valid_loss:.4f})"
    if is_main:
        stdout().line(f"{done.directory}{loss}")
