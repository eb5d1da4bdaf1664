"""``cutaway pick``: the article's explorer in a terminal."""

import sys
from typing import Annotated

import typer

from cutaway.cli.app import new_app
from cutaway.cli.inputs import read_prompt
from cutaway.cli.options import Adapter, Dtype, Model, Seed, open_model
from cutaway.cli.output import stdout

app = new_app()


@app.command()
def pick(
    prompt: Annotated[
        str, typer.Argument(help="The beginning of the text; @FILE reads a file.")
    ] = "The",
    model: Model = "pocket",
    adapter: Adapter = None,
    dtype: Dtype = None,
    k: Annotated[int, typer.Option("-k", help="Rows to choose from; 1 to 50.", min=1, max=50)] = 10,
    seed: Seed = None,
) -> None:
    """Write a text by choosing every next word yourself.

    Keys: up and down or 1 to 9 and 0 move to a row, Enter takes it, u undoes, g lets the model go
    on for 20 words, q ends. Where stdin is no terminal, lines are read instead: a row's number
    (taken at once), u, g or g N, q. The rows are shown on stderr; the text goes to stdout.
    """
    from cutaway.cli.picker import Picker
    from cutaway.cli.picking import by_key, by_line, keyboard

    lm = open_model(model, dtype, adapter=adapter, default="float32")
    picker = Picker(lm, read_prompt(prompt), k=k)
    try:
        if sys.stdin.isatty() and sys.stderr.isatty():
            with keyboard() as read:
                by_key(picker, read, seed=seed)
        else:
            by_line(picker, sys.stdin, seed=seed)
    finally:  # also after Ctrl-C: what was written is kept
        stdout().write(picker.prompt, "dim").line(picker.text.removeprefix(picker.prompt), "bold")
