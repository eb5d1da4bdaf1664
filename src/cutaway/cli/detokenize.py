"""``cutaway detokenize``: ids back to the text."""

import re
from typing import Annotated

import typer

from cutaway.cli.app import new_app
from cutaway.cli.inputs import read_text, whole_number
from cutaway.cli.output import stdout
from cutaway.cli.vocabulary import Vocabulary, open_tokenizer

app = new_app()


@app.command()
def detokenize(
    ids: Annotated[
        list[str], typer.Argument(help="Ids, with spaces or commas between; - reads stdin.")
    ],
    model: Vocabulary = "pocket",
) -> None:
    """Put tokens together again.

    The bytes are exact and nothing is added to them, except for a newline on a terminal.
    """
    text = " ".join(read_text(value) if value == "-" else value for value in ids)
    words = [word for word in re.split(r"[\s,\[\]]+", text) if word]
    tokenizer = open_tokenizer(model)
    data = tokenizer.decode_bytes([whole_number(word, "An id") for word in words])
    out = stdout()
    if out.is_terminal:
        out.line(data.decode("utf-8", "backslashreplace"))
    else:
        out.bytes(data)
