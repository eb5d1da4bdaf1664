"""``cutaway eval classification``: how often a model finds the right label."""

import time
from pathlib import Path
from typing import Annotated

import typer

from cutaway.cli.app import new_app
from cutaway.cli.batches import all_of
from cutaway.cli.classify import Cut, make_classifier
from cutaway.cli.figures import as_answer, write_figures, write_protocol
from cutaway.cli.options import Adapter, Dtype, Json, Model
from cutaway.cli.output import stdout

app = new_app()


@app.command()
def evaluate(
    data: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="JSON lines or a table (.jsonl, .tsv), packed or not (.gz, .xz)."
        ),
    ],
    model: Model = "pocket",
    text: Annotated[str, typer.Option(metavar="FIELD", help="Where the text is.")] = "text",
    label: Annotated[
        str, typer.Option(metavar="FIELD", help="Where the label is: a text or a whole number.")
    ] = "label",
    limit: Annotated[int | None, typer.Option(min=1, help="The first N examples.")] = None,
    cut: Cut = False,
    adapter: Adapter = None,
    dtype: Dtype = None,
    as_json: Json = False,
) -> None:
    """Accuracy and macro-F1 of the labels that a model gives, beside the commonest label.

    Labels are given as `cutaway classify` gives them. A text that does not fit ends the
    measurement, unless it is to be --cut; so does a label that the model was not taught.
    """
    from cutaway.evals.classification import labels_found, read_labelled

    classifier = make_classifier(model, adapter=adapter, dtype=dtype, cut=cut)
    labels = classifier.labels
    examples = read_labelled(data, fields=(text, label), labels=labels, limit=limit)
    start = time.perf_counter()
    texts, places = [one.source for one in examples], [one.where for one in examples]
    found = [one.label for one in all_of(texts, places, classifier.attempts)]
    seconds = time.perf_counter() - start
    right = [one.target for one in examples]
    result = labels_found(right, found, made=classifier.protocol, limit=limit)
    lm = classifier.lm
    if as_json:
        stdout().json(as_answer(lm, result, seconds))
        return
    write_figures(result.figures, label=18, figure=8)
    write_protocol(lm, result, seconds)
