"""Opening a tokenizer without its model, and so without torch."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cutaway.tokenizers import Tokenizer

__all__ = ["Vocabulary", "open_tokenizer"]

Vocabulary = Annotated[
    str,
    typer.Option(
        "-m",
        "--model",
        envvar="CUTAWAY_MODEL",
        help="Whose tokenizer: pocket, gpt2 (any of its sizes), or a model directory or "
        "vocabulary file.",
    ),
]
_OFFICIAL = {"gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"}


def open_tokenizer(source: str) -> "Tokenizer":
    """The tokenizer that a model's name or a directory stands for; reads no weights."""
    from cutaway.tokenizers import Tokenizer

    if source in _OFFICIAL and not Path(source).exists():
        return Tokenizer.gpt2()
    if source == "pocket" and not Path(source).exists():
        return Tokenizer.load(Path(__file__).parents[1] / "assets" / "pocket")
    return Tokenizer.load(Path(source))
