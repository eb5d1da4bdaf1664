"""``cutaway summarize``: the summary of a text, or of each text of a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cutaway.cli.app import new_app
from cutaway.cli.batches import is_json_lines, read_lines, write_each
from cutaway.cli.inputs import read_source
from cutaway.cli.options import Adapter, Dtype, Json, Model, Seed, open_model
from cutaway.cli.output import Stream, stderr, stdout
from cutaway.errors import ConfigError

if TYPE_CHECKING:
    from cutaway.apps.summarization import Summarizer, Summary

app = new_app()

Beams = Annotated[
    int,
    typer.Option(min=1, help="Width of the search of a model that was taught; 1: none."),
]
Penalty = Annotated[
    float,
    typer.Option(help="Beams are ranked by log-probability / length^P; 0: long ones lose."),
]
NoRepeat = Annotated[
    int,
    typer.Option(min=0, help="A model that was taught writes no N tokens twice; 0: it may."),
]
MaxTokens = Annotated[int, typer.Option(min=1, help="Tokens of a summary at most.")]
Cut = Annotated[bool, typer.Option("--cut", help="Read the first part of a text that is too long.")]
Chunk = Annotated[
    bool, typer.Option("--chunk", help="Read a text that is too long in parts; summarise each.")
]


@app.command()
def summarize(
    text: Annotated[
        str,
        typer.Argument(
            metavar="TEXT|FILE|-",
            help="A file if there is one of that name, as one text (of JSON lines, each line is "
            "one); - for stdin; else the text itself.",
        ),
    ] = "-",
    model: Model = "pocket",
    adapter: Adapter = None,
    dtype: Dtype = None,
    document: Annotated[
        str, typer.Option(metavar="FIELD", help="Of JSON lines: where the text is.")
    ] = "document",
    lines: Annotated[bool, typer.Option("--lines", help="Each line of FILE is a text.")] = False,
    max_tokens: MaxTokens = 100,
    beams: Beams = 4,
    length_penalty: Penalty = 0.6,
    no_repeat: NoRepeat = 3,
    cut: Cut = False,
    chunk: Chunk = False,
    seed: Seed = None,
    as_json: Json = False,
) -> None:
    """Summarise a text.

    A model that was taught to summarise (`cutaway finetune --task summarization`) does that by beam
    search. Any other is asked with TL;DR:, as in the GPT-2 paper: up to 100 tokens, drawn from the
    two likeliest, and of them the first three sentences.
    """
    path = Path(text)
    is_batch = lines or (len(text) < 1024 and is_json_lines(path) and path.is_file())
    content = "" if is_batch else read_source(text)[1]
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
    last = f"{summarizer.lm.name}: {summarizer.protocol}"
    if is_batch:
        write_each(
            read_lines(path, field=document if is_json_lines(path) else None),
            summarizer.attempts,
            tell=_tell,
            fields=lambda _, summary: _as_dict(summary),
            last=last,
            as_json=as_json,
        )
        return
    summary = summarizer(content)
    if as_json:
        stdout().json(_as_dict(summary))
    else:
        stdout().line(summary.text)
        if summary.n_read < summary.n_tokens:
            stderr().line(f"note: read {summary.n_read:,} of {summary.n_tokens:,} tokens.", "dim")
        elif summary.parts > 1:
            stderr().line(f"note: read in {summary.parts} parts.", "dim")
    stderr().line(last, "dim")


def make_summarizer(
    model: str,
    *,
    adapter: Path | None,
    dtype: str | None,
    max_tokens: int,
    beams: int,
    length_penalty: float,
    no_repeat: int,
    cut: bool,
    chunk: bool,
    seed: int | None,
) -> "Summarizer":
    """The model as it summarises; how is told by what it was taught.

    Raises:
        ConfigError: for settings that exclude each other.
        CheckpointError: if there is no such model.
    """
    from cutaway.apps.summarization import Summarizer

    if cut and chunk:
        raise ConfigError("Both --cut and --chunk.", "Give one of them, or neither.")
    return Summarizer(
        open_model(model, dtype, adapter=adapter, default="auto"),
        max_tokens=max_tokens,
        beams=beams,
        length_penalty=length_penalty,
        no_repeat=no_repeat,
        too_long="cut" if cut else "chunk" if chunk else "refuse",
        seed=seed,
    )


def _tell(out: Stream, summary: "Summary") -> None:
    out.line(" ".join(summary.text.split()))


def _as_dict(summary: "Summary") -> dict[str, Any]:
    return {
        "summary": summary.text,
        "tokens": summary.n_tokens,
        "tokens_read": summary.n_read,
        "parts": summary.parts,
        "ended": summary.ended,
    }
