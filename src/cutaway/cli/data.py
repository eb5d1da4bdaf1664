"""``cutaway data``: corpora as shards of tokens, made and checked."""

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cutaway.cli.app import new_app
from cutaway.cli.options import Json
from cutaway.cli.output import Stream, stderr, stdout
from cutaway.cli.render import pad
from cutaway.cli.vocabulary import open_tokenizer
from cutaway.errors import ConfigError, Interrupted

if TYPE_CHECKING:
    from cutaway.data import Manifest

app = new_app()


class Format(StrEnum):
    """How records are written."""

    txt = "txt"
    jsonl = "jsonl"
    csv = "csv"
    tsv = "tsv"
    parquet = "parquet"


@app.callback()
def data() -> None:
    """Prepare a corpus for training, and check one."""


@app.command("prepare")
def prepare_corpus(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SRC...",
            help="Files (.txt, .jsonl, .csv, .tsv, .parquet, also with .gz, .xz or .zst behind), "
            "directories of such, or - for stdin.",
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="Directory for the shards; a preparation that is there goes on.")
    ],
    tokenizer: Annotated[
        str,
        typer.Option(help="Whose: gpt2, pocket, or a model directory or vocabulary file."),
    ] = "gpt2",
    val: Annotated[
        float, typer.Option(help="Share of the documents kept for validation; 0 to below 1.")
    ] = 0.01,
    shard_tokens: Annotated[
        int, typer.Option(min=1, help="Tokens that fill a shard; two shards fit in memory.")
    ] = 1 << 25,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Threads that read and encode; the shards do not depend on it. Default: as "
            "many as there are processors.",
        ),
    ] = None,
    text_key: Annotated[
        str, typer.Option(metavar="KEY", help="Where the text is in JSON, CSV and Parquet.")
    ] = "text",
    format: Annotated[
        Format | None, typer.Option(help="Of stdin and of files whose names do not say it.")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Decides, with a document's bytes, if it is validation.")
    ] = 0,
    drop_duplicates: Annotated[
        bool, typer.Option("--drop-duplicates", help="Keep only the first of equal documents.")
    ] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out, and count, records that are no text.")
    ] = False,
    on: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="A Dask scheduler, such as tcp://host:8786, whose workers do it; all must see "
            "the files by the same paths. Needs --tasks.",
        ),
    ] = None,
    tasks: Annotated[
        int | None,
        typer.Option(min=1, help="Into how many parts to deal the files for --on."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make shards of tokens from a corpus.

    Text is cut into documents at lines that hold only <|endoftext|>. Ctrl-C or worse loses no
    finished shard: the same command goes on, and ends in the same bytes.
    """
    from cutaway.data import PrepareConfig

    config = PrepareConfig(
        val=val,
        seed=seed,
        shard_tokens=shard_tokens,
        drop_duplicates=drop_duplicates,
        text_key=text_key,
        format=None if format is None else format.value,
        skip_bad=skip_bad,
    )
    vocabulary = open_tokenizer(tokenizer)
    started = time.perf_counter()
    try:
        manifest = _prepared(
            sources, out, on=on, tasks=tasks, tokenizer=vocabulary, config=config, workers=workers
        )
    except KeyboardInterrupt:
        raise Interrupted(
            f"Stopped; the finished shards are in {out}.", "Run the same command again to go on."
        ) from None
    report = _report(manifest, time.perf_counter() - started)
    if as_json:
        stdout().json({"directory": str(out), **report})
    else:
        stdout().line(str(out))
        _write(stderr(), report)


def _prepared(
    sources: list[str], out: Path, *, on: str | None, tasks: int | None, **options: Any
) -> "Manifest":
    """Here, or as tasks on a cluster."""
    from cutaway.data import dask_executor, prepare, prepare_on

    if (on is None) != (tasks is None):
        raise ConfigError(
            f"--on is {on}, --tasks is {tasks}.", "Give both to work on a cluster, or neither."
        )
    if on is None or tasks is None:
        return prepare(sources, out, **options)
    with dask_executor(on) as executor:
        return prepare_on(executor, sources, out, n_tasks=tasks, **options)


def _report(manifest: "Manifest", seconds: float) -> dict[str, Any]:
    n_tokens, n_bytes = manifest.total("n_tokens"), manifest.total("n_bytes")
    splits = {
        split: {"shards": len(records), **_totals(manifest, split)}
        for split, records in manifest.splits.items()
    }
    n_ids = n_tokens - manifest.total("n_documents")  # end-of-text stands for no byte
    return {
        **manifest.counts,
        "not_utf8": manifest.total("n_not_utf8"),
        "tokens": n_tokens,
        "bytes": n_bytes,
        "bytes_per_token": round(n_bytes / max(1, n_ids), 4),
        "splits": splits,
        "seconds": round(seconds, 3),
        "mb_per_second": round(n_bytes / 1e6 / seconds, 2),
    }


def _totals(manifest: "Manifest", split: str) -> dict[str, int]:
    names = {"documents": "n_documents", "tokens": "n_tokens", "bytes": "n_bytes"}
    return {name: manifest.total(field, split) for name, field in names.items()}


def _write(out: Stream, report: dict[str, Any]) -> None:
    """The figures, one line for each; to stderr, as stdout has the directory."""
    notes = {
        "duplicates": "exact ones among the documents",
        "empty": "not counted as documents",
        "bad": "records left out",
        "not_utf8": "kept byte for byte",
        "bytes_per_token": "end-of-text not counted",
    }
    for name, value in report.items():
        if name == "splits":
            for split, part in value.items():
                figures = f"{part['documents']:,} documents, {part['tokens']:,} tokens"
                out.line(f"  {pad(split, 18)} {figures} in {part['shards']:,} shards")
        elif name not in ("empty", "bad", "not_utf8") or value:
            label = name.replace("_", " ").replace("mb per second", "MB/s")
            out.write(f"  {pad(label, 18)} {value:,}")
            out.line(f"  ({notes[name]})" if name in notes else "", "dim")


@app.command()
def verify(
    directory: Annotated[Path, typer.Argument(help="A prepared directory.")],
    fast: Annotated[
        bool, typer.Option("--fast", help="Compare sizes only, and read no shard.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare the shards of a prepared directory with their checksums.

    Exits with 4 if one is damaged, and names it.
    """
    from cutaway.data import verify_shards

    manifest = verify_shards(directory, fast=fast)
    n_shards = sum(map(len, manifest.splits.values()))
    n_tokens = manifest.total("n_tokens")
    if as_json:
        stdout().json({"directory": str(directory), "shards": n_shards, "tokens": n_tokens})
    else:
        what = "of the right size" if fast else "sound"
        stdout().line(f"{directory}: {n_shards:,} shards, {n_tokens:,} tokens, {what}")
