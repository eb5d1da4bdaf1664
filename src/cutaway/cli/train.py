"""``cutaway train``: trains a model from a recipe."""

from pathlib import Path
from typing import Annotated

import typer

from cutaway.cli.app import new_app

app = new_app()


@app.command(name="train")
def train_model(
    recipe: Annotated[Path, typer.Argument(help="A recipe in TOML: model, data, training, seed.")],
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change one entry of the recipe, such as training.lr=3e-4; may be given several "
            "times.",
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder of the corpora. Default: what the recipe says.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for checkpoints and logs; what is there is resumed."),
    ] = None,
) -> None:
    """Train a model from a recipe.

    Ctrl-C saves and exits with code 6; the same command goes on from there.
    """
    from cutaway.training.run import train

    train(recipe, data=data, out=out, settings=settings or [])
