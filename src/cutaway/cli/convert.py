"""``cutaway convert``: a checkpoint in another project's layout."""

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cutaway.cli.app import new_app
from cutaway.cli.options import Json
from cutaway.cli.output import stdout

app = new_app()


class Layout(StrEnum):
    """Whose layout."""

    hf = "hf"
    nanogpt = "nanogpt"
    llmc = "llmc"


@app.command(name="convert")
def convert_checkpoint(
    source: Annotated[str, typer.Argument(help="A model's name, directory or file.")],
    destination: Annotated[Path, typer.Argument(help="Where to write.")],
    to: Annotated[
        Layout,
        typer.Option(help="hf (Hugging Face), nanogpt (ckpt.pt) or llmc (llm.c's .bin)."),
    ],
    allow_pickle: Annotated[
        bool,
        typer.Option("--allow-pickle", help="Read files that could run code; for your own only."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a checkpoint in another project's layout.

    What was written is loaded again and must give the same logits before this succeeds.
    """
    from cutaway.checkpoints import convert

    report = convert(source, destination, to=to.value, allow_pickle=allow_pickle)
    fields = asdict(report)
    out = stdout()
    if as_json:
        out.json({name: _plain(value) for name, value in fields.items()})
        return
    for name, value in fields.items():
        out.write(f"{name.replace('_', ' '):<24}", "dim").line(str(_plain(value)))


def _plain(value: object) -> object:
    return value if isinstance(value, int | float | bool | None) else str(value)
