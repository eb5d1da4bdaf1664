"""``cutaway translate``: the translation of a text, or of each line of a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cutaway.cli.app import new_app
from cutaway.cli.batches import Line, given_lines, write_each
from cutaway.cli.options import Adapter, Dtype, Json, Model, open_model
from cutaway.cli.output import Stream

if TYPE_CHECKING:
    from cutaway.apps.alignment import Alignment
    from cutaway.apps.translation import Translation, Translator

app = new_app()

To = Annotated[
    str | None,
    typer.Option(
        metavar="LANG",
        help="For a model that knows several languages: de, or a marker such as <to-de>. Default: "
        "the one it was taught.",
    ),
]
Beams = Annotated[int, typer.Option(min=1, help="Width of the search; 1: the likeliest token.")]
Penalty = Annotated[
    float,
    typer.Option(help="Beams are ranked by log-probability / length^A; 0: long ones lose."),
]
MaxTokens = Annotated[int, typer.Option(min=1, help="Tokens of a translation at most.")]
Batch = Annotated[int, typer.Option(min=1, help="Lines that are translated at once.")]
Chunk = Annotated[
    bool, typer.Option("--chunk", help="Translate a text that is too long sentence by sentence.")
]


@app.command()
def translate(
    text: Annotated[
        str,
        typer.Argument(
            metavar="TEXT|FILE|-",
            help="A file if there is one of that name (.gz, .xz and .zst are unpacked), each line "
            "of which is a text (of JSON lines a field); - for lines on stdin; else the text "
            "itself.",
        ),
    ] = "-",
    model: Model = "pocket",
    adapter: Adapter = None,
    dtype: Dtype = None,
    to: To = None,
    beams: Beams = 5,
    length_penalty: Penalty = 1.0,
    max_tokens: MaxTokens = 200,
    batch: Batch = 128,
    chunk: Chunk = False,
    alignment: Annotated[
        bool,
        typer.Option("--alignment", help="Also which token of the source each token looks at."),
    ] = False,
    layer: Annotated[
        int | None,
        typer.Option(
            min=0, help="Whose attention --alignment reads, from 0. Default: the last but one."
        ),
    ] = None,
    source: Annotated[
        str, typer.Option(metavar="FIELD", help="Of JSON lines: where the text is.")
    ] = "source",
    as_json: Json = False,
) -> None:
    """Translate a text, or each line of a file.

    By a model that was taught to. Lines keep their order. One that cannot be translated is named
    on stderr with its number, gives an empty line, and the exit code at the end is 2.
    """
    lines = given_lines(text, source)
    translator = make_translator(
        model,
        adapter=adapter,
        dtype=dtype,
        to=to,
        beams=beams,
        length_penalty=length_penalty,
        max_tokens=max_tokens,
        chunk=chunk,
        layer=layer,
        aligned=alignment or layer is not None,
    )
    write_each(
        lines,
        translator.attempts,
        tell=_tell,
        fields=_as_dict,
        last=f"{translator.lm.name}: {translator.protocol}",
        as_json=as_json,
        at_once=batch,
    )


def make_translator(
    model: str,
    *,
    adapter: Path | None,
    dtype: str | None,
    to: str | None,
    beams: int,
    length_penalty: float,
    max_tokens: int,
    chunk: bool,
    layer: int | None = None,
    aligned: bool = False,
) -> "Translator":
    """The model as it translates.

    Raises:
        CheckpointError: if there is no such model.
        ConfigError: if it was not taught to, or for a layer it has not.
    """
    from cutaway.apps.alignment import best_layer
    from cutaway.apps.translation import Translator

    lm = open_model(model, dtype, adapter=adapter, default="auto")
    if aligned and layer is None:
        layer = best_layer(lm.config.n_layer)
    return Translator(
        lm,
        to=to,
        beams=beams,
        length_penalty=length_penalty,
        max_tokens=max_tokens,
        too_long="chunk" if chunk else "refuse",
        layer=layer,
    )


def _tell(out: Stream, translation: "Translation") -> None:
    """A line, and the alignment where it was asked for."""
    out.line(" ".join(translation.text.split()))
    for alignment in translation.alignments or ():
        _write_alignment(out, alignment)


def _write_alignment(out: Stream, alignment: "Alignment") -> None:
    """A row for each token of the translation: what it looks at most, and with what weight."""
    for token, link, row in zip(alignment.target, alignment.links, alignment.weights, strict=True):
        out.line(f"  {token.strip():<16} {row[link]:.2f}  {alignment.source[link].strip()}", "dim")


def _as_dict(line: Line, translation: "Translation") -> dict[str, Any]:
    fields: dict[str, Any] = {
        "source": line.text,
        "translation": translation.text,
        "logprob": translation.logprob,
        "tokens": translation.n_tokens,
        "parts": translation.parts,
        "ended": translation.ended,
    }
    if translation.alignments is not None:
        fields["alignment"] = [
            {
                "source": list(part.source),
                "target": list(part.target),
                "weights": [[round(weight, 4) for weight in row] for row in part.weights],
                "layer": part.layer,
            }
            for part in translation.alignments
        ]
    return fields
