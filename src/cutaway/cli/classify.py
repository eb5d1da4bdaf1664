"""``cutaway classify``: which of its labels a text has, or each line of a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cutaway.cli.app import new_app
from cutaway.cli.batches import Line, given_lines, write_each
from cutaway.cli.options import Adapter, Dtype, Json, Model, open_model
from cutaway.cli.output import Stream

if TYPE_CHECKING:
    from cutaway.apps.classification import Classified, Classifier

app = new_app()

Cut = Annotated[bool, typer.Option("--cut", help="Read the first part of a text that is too long.")]


@app.command()
def classify(
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
    top: Annotated[int, typer.Option(min=1, help="Labels to show, the likeliest first.")] = 3,
    cut: Cut = False,
    batch: Annotated[int, typer.Option(min=1, help="Lines that are read at once.")] = 128,
    field: Annotated[
        str, typer.Option(metavar="FIELD", help="Of JSON lines: where the text is.")
    ] = "text",
    as_json: Json = False,
) -> None:
    """Say which of its labels a text has, or each line of a file.

    By a model that was taught labels (`cutaway finetune --task classification`). A line has the
    likeliest label, a tab, its probability, and then those that are next. One that cannot be read
    is named on stderr with its number, gives an empty line, and the exit code at the end is 2.
    """
    lines = given_lines(text, field)
    classifier = make_classifier(model, adapter=adapter, dtype=dtype, cut=cut)

    def tell(out: Stream, found: "Classified") -> None:
        first, *others = _likeliest(found)[:top]
        out.write("\t".join(first), "bold")
        out.line("".join(f"\t{name}\t{share}" for name, share in others), "dim")

    write_each(
        lines,
        classifier.attempts,
        tell=tell,
        fields=_as_dict,
        last=f"{classifier.lm.name}: {classifier.protocol}",
        as_json=as_json,
        at_once=batch,
    )


def make_classifier(
    model: str, *, adapter: Path | None, dtype: str | None, cut: bool
) -> "Classifier":
    """The model as it classifies.

    Raises:
        CheckpointError: if there is no such model.
        ConfigError: if it was not taught to.
    """
    from cutaway.apps.classification import Classifier

    lm = open_model(model, dtype, adapter=adapter, default="auto")
    return Classifier(lm, too_long="cut" if cut else "refuse")


def _likeliest(found: "Classified") -> list[tuple[str, str]]:
    """Labels and their probabilities, the likeliest first."""
    ranked = sorted(found.probabilities.items(), key=lambda item: -item[1])
    return [(label, f"{share:.4f}") for label, share in ranked]


def _as_dict(line: Line, found: "Classified") -> dict[str, Any]:
    return {
        "text": line.text,
        "label": found.label,
        "probabilities": dict(found.probabilities),
        "tokens": found.n_tokens,
        "tokens_read": found.n_read,
    }
