"""``cutaway eval summarization``: ROUGE of a model's summaries, beside what costs nothing."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cutaway.cli.app import new_app
from cutaway.cli.options import Adapter, Dtype, Json, Model
from cutaway.cli.output import stderr, stdout
from cutaway.cli.render import pad
from cutaway.cli.summarize import Beams, Chunk, Cut, MaxTokens, Penalty, make_summarizer
from cutaway.errors import CutawayError

if TYPE_CHECKING:
    from cutaway.apps.summarization import Summarizer
    from cutaway.evals.rouge import Document

app = new_app()

_AT_ONCE = 32
_LABEL = 16


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
        cut=cut,
        chunk=chunk,
        seed=seed,
    )
    start = time.perf_counter()
    summaries = _summaries(summarizer, documents)
    seconds = time.perf_counter() - start
    result = summaries_rouge(documents, summaries, seed=seed, limit=limit, made=summarizer.protocol)
    lm = summarizer.lm
    if as_json:
        named = {"model": lm.name, "fingerprint": lm.fingerprint, "seconds": round(seconds, 3)}
        stdout().json({**named, **result.to_dict()})
        return
    for label, value, note in result.figures:
        stdout().write(pad(label, _LABEL)).write(f" {value:>22}", "bold").line(f"  {note}", "dim")
    stderr().line(f"{lm.name}: {result.protocol} ({seconds:.1f} s)", "dim")


def _summaries(summarizer: "Summarizer", documents: "list[Document]") -> list[str]:
    """The summary of each document.

    Raises:
        CutawayError: naming the file and line of the first for which there is none.
    """
    found: list[str] = []
    err = stderr()
    for start in range(0, len(documents), _AT_ONCE):
        some = documents[start : start + _AT_ONCE]
        if err.is_terminal:
            err.file.write("\r\x1b[K")
            err.write(f"{start:,} of {len(documents):,} ...", "dim").flush()
        attempts = summarizer.attempts([document.text for document in some])
        for document, summary in zip(some, attempts, strict=True):
            if isinstance(summary, CutawayError):
                raise type(summary)(f"{document.where}: {summary.what}", summary.hint)
            found.append(summary.text)
    if err.is_terminal:
        err.file.write("\r\x1b[K")
        err.flush()
    return found
