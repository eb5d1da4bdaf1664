"""``cutaway tokenizer``: makes vocabularies."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from cutaway.cli.app import new_app
from cutaway.cli.options import Json
from cutaway.cli.output import stderr, stdout
from cutaway.errors import DataError

app = new_app()
_PART = 1 << 20  # bytes read at a time


@app.callback()
def tokenizer() -> None:
    """Train a tokenizer."""


@app.command()
def train(
    corpus: Annotated[
        list[Path],
        typer.Argument(help="Text files in UTF-8, or directories (all their .txt files)."),
    ],
    vocab_size: Annotated[
        int, typer.Option(help="Entries, <|endoftext|> among them; 257 or more.", min=257)
    ],
    out: Annotated[Path, typer.Option(help="Directory that tokenizer.json is written to.")],
    special: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Another special token, such as <to-de>, which counts as an entry; may be given "
            "several times.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Learn a byte-level BPE vocabulary from a corpus.

    The file can be read by cutaway, transformers and tokenizers.
    """
    from cutaway.tokenizers import Tokenizer

    files = _files(corpus)
    stderr().line(f"reading {len(files):,} file(s)", "dim")
    trained = Tokenizer.train(_texts(files), vocab_size=vocab_size, specials=special or ())
    trained.save(out)
    path = out / "tokenizer.json"
    if as_json:
        fields = {"path": str(path), "vocab_size": trained.vocab_size}
        stdout().json({**fields, "fingerprint": trained.fingerprint})
    else:
        stdout().line(f"{path}: {trained.vocab_size:,} entries")


def _files(corpus: list[Path]) -> list[Path]:
    files: list[Path] = []
    for path in corpus:
        found = sorted(path.rglob("*.txt")) if path.is_dir() else [path]
        if not found:
            raise DataError(f"{path} holds no .txt file.", "Name the files one by one.")
        files += found
    return files


def _texts(files: list[Path]) -> Iterator[str]:
    """The files in parts that end where a line ends, so that memory stays small."""
    for path in files:
        try:
            with path.open(encoding="utf-8", newline="") as file:
                while part := file.read(_PART):
                    yield part + file.readline()
        except UnicodeDecodeError as error:
            raise DataError(
                f"{path} is not UTF-8: {error.reason}.", "Convert it, for example with iconv."
            ) from error
