"""``cutaway eval summarization``: ROUGE of a model's summaries, beside what costs nothing."""

import time
from pathlib import Path
from typing import Annotated

import typer

from cutaway.cli.app import new_app
from cutaway.cli.batches import all_of
from cutaway.cli.figures import as_answer, write_figures, write_protocol
from cutaway.cli.options import Adapter, Dtype, Json, Model
from cutaway.cli.output import stdout
from cutaway.cli.summarize import Beams, Chunk, Cut, MaxTokens, NoRepeat, Penalty, make_summarizer

app = new_app()


@app.command()
def evaluate(
    data: Annotated[
        Path, typer.Option(metavar="FILE", help="JSON lines, packed or not (.jsonl, .jsonl.xz).")
    ],
    model: Model = "pocket",
    document: Annotated[
        str,
        typer.Option(metavar="FIELD", help="Where the text is, or the list of its sentences."),
    ] = "document",
    summary: Annotated[
        str,
        typer.Option(
            metavar="FIELD",
            help="Where the summary is; of a list each one is right, and the best counts.",
        ),
    ] = "summary",
    limit: Annotated[int | None, typer.Option(min=1, help="The first N documents.")] = None,
    max_tokens: MaxTokens = 100,
    beams: Beams = 4,
    length_penalty: Penalty = 0.6,
    no_repeat: NoRepeat = 3,
    cut: Cut = False,
    chunk: Chunk = False,
    seed: Annotated[
        int, typer.Option(min=0, help="Fixes what is drawn: TL;DR: summaries, random-3.")
    ] = 0,
    adapter: Adapter = None,
    dtype: Dtype = None,
    as_json: Json = False,
) -> None:
    """ROUGE-1, -2 and -L of a model's summaries, beside lead-3 and random-3.

    Summaries are made as `cutaway summarize` makes them. The scorer is rouge-score with its stemmer
    (pip install rouge-score). A text that does not fit ends the measurement, unless it is to be
    --cut or read in parts (--chunk).
    """
    from cutaway.evals.rouge import read_documents, summaries_rouge, take

    documents = take(read_documents(data, document=document, summary=summary), limit)
    summarizer = make_summarizer(
        model,
        adapter=adapter,
        dtype=dtype,
        max_tokens=max_tokens,
        beams=beams,
        length_penalty=length_penalty,
        no_repeat=no_repeat,
        cut=cut,
        chunk=chunk,
        seed=seed,
    )
    start = time.perf_counter()
    texts = [document.text for document in documents]
    places = [document.where for document in documents]
    summaries = [summary.text for summary in all_of(texts, places, summarizer.attempts)]
    seconds = time.perf_counter() - start
    result = summaries_rouge(documents, summaries, seed=seed, limit=limit, made=summarizer.protocol)
    lm = summarizer.lm
    if as_json:
        stdout().json(as_answer(lm, result, seconds))
        return
    write_figures(result.figures, label=16, figure=22)
    write_protocol(lm, result, seconds)
