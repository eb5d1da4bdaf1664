"""The vocabulary of a checkpoint, and whether it fits the weights."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from cutaway.checkpoints.folder import Folder
from cutaway.checkpoints.found import Found
from cutaway.errors import KeyMismatch

if TYPE_CHECKING:
    from cutaway.tokenizers import Tokenizer

__all__ = ["VOCABULARY_FILES", "check_fit", "tokenizer_of", "vocabulary_size"]

logger = logging.getLogger(__name__)

_GPT2 = 50_257
VOCABULARY_FILES = ("tokenizer.json", "vocab.json", "merges.txt", "encoder.json", "vocab.bpe")
# Some trainers round the rows of the embedding up, for speed.
_MULTIPLES = (64, 128)


def tokenizer_of(found: Found) -> "Tokenizer | None":
    """The vocabulary beside the weights; else GPT-2's if the rows are as many; else None.

    Raises:
        TokenizerError: if there is one and it is damaged.
        UnsafeCheckpoint: if it is a link out of the directory.
    """
    from cutaway.tokenizers import Tokenizer

    place = _place(found.folder)
    if place is not None:
        return Tokenizer.load(place)
    rows = found.padded_from or found.config.vocab_size
    return Tokenizer.gpt2() if rows in (_GPT2, *_padded(_GPT2)) else None


def _place(folder: Folder) -> Path | None:
    beside = [name for name in VOCABULARY_FILES if folder.has(name)]
    for name in beside:
        folder.file(name)
    return folder.path if beside else None


def vocabulary_size(found: Found, tokenizer: "Tokenizer | None") -> int:
    """The rows of the token embedding that stand for a token; the rest is padding.

    Raises:
        KeyMismatch: if the vocabulary does not fit the weights.
    """
    stated = rows = found.padded_from or found.config.vocab_size
    if tokenizer is not None and rows != tokenizer.vocab_size:
        if rows not in _padded(tokenizer.vocab_size):
            check_fit(tokenizer, rows, str(found.folder.path))
        rows = tokenizer.vocab_size
    if rows != stated:
        logger.warning(
            "%s: %d of %d rows of the token embedding are padding and were dropped",
            found.folder.path,
            stated - rows,
            stated,
        )
    return rows


def check_fit(tokenizer: "Tokenizer", rows: int, where: str) -> None:
    """Refuses a vocabulary of another size than the weights.

    Raises:
        KeyMismatch: with both numbers.
    """
    if tokenizer.vocab_size != rows:
        raise KeyMismatch(
            f"The vocabulary of {where} has {tokenizer.vocab_size:,} entries, the weights have"
            f" {rows:,}.",
            "Put the vocabulary with which the model was trained beside it.",
        )


def _padded(size: int) -> set[int]:
    return {-(-size // multiple) * multiple for multiple in _MULTIPLES}
