"""``cutaway tokenize``: a text as the model reads it."""

from typing import TYPE_CHECKING, Annotated

import typer

from cutaway.cli.app import new_app
from cutaway.cli.inputs import read_bytes
from cutaway.cli.options import Json
from cutaway.cli.output import Stream, stdout
from cutaway.cli.render import piece
from cutaway.cli.vocabulary import Vocabulary, open_tokenizer

if TYPE_CHECKING:
    from cutaway.tokenizers import Tokenizer

app = new_app()


@app.command()
def tokenize(
    text: Annotated[
        str, typer.Argument(help="The text; - reads stdin, @FILE a file. Any bytes will do.")
    ],
    model: Vocabulary = "pocket",
    only_ids: Annotated[bool, typer.Option("--ids", help="Only the ids, on one line.")] = False,
    merges: Annotated[
        bool, typer.Option("--merges", help="Replay the merges of every word, step by step.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Cut a text into tokens.

    One row for each token: its id and its piece of the text, spaces shown as an open box.
    """
    tokenizer = open_tokenizer(model)
    data = read_bytes(text)
    out = stdout()
    if merges:
        _replay(out, tokenizer, data.decode("utf-8", "replace"))
        return
    ids = tokenizer.encode_bytes(data)
    if as_json:
        pieces = [tokenizer.token_bytes(token) for token in ids]
        out.json(
            {
                "ids": ids,
                "pieces": [data.decode("utf-8", "replace") for data in pieces],
                "bytes": [data.hex() for data in pieces],
            }
        )
    elif only_ids:
        out.line(" ".join(map(str, ids)))
    else:
        for token in ids:
            out.write(f"{token:>6}  ", "dim").line(piece(tokenizer.token_bytes(token)))


def _replay(out: Stream, tokenizer: "Tokenizer", text: str) -> None:
    """Draws every word from its bytes to its tokens, the parts that merge next marked."""
    for word in tokenizer.merges(text):
        out.line(repr(word.text), "bold")
        states = list(word.states())
        for number, (parts, step) in enumerate(zip(states, [*word.steps, None], strict=True)):
            out.write(f"{number:>4}  ", "dim")
            start = 0
            for part in parts:
                merges = step is not None and step.start <= start < step.start + len(
                    step.left + step.right
                )
                out.write(piece(part), "reverse" if merges else "").write(" ")
                start += len(part)
            if step is not None:
                joined = piece(step.left + step.right)
                out.write(
                    f"  {piece(step.left)} + {piece(step.right)} -> {joined} ({step.id})", "dim"
                )
            out.line()
        out.line(f"   =  {' '.join(map(str, word.ids))}", "dim")
