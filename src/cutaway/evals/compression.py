"""enwik8 and text8: bits per byte and per character of Wikipedia, as Mahoney published it."""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cutaway.errors import DataError
from cutaway.evals.figures import Figure
from cutaway.evals.published import read_whole
from cutaway.evals.rows import Scorer, score_rows, window_rows
from cutaway.generation.scoring import check_stride
from cutaway.tokenizers import Tokenizer

__all__ = ["Compression", "Wikipedia", "bits_per_unit", "read_wikipedia"]

Wikipedia = Literal["enwik8", "text8"]

_WHOLE, _TEST = 100_000_000, 5_000_000  # bytes of the file, and of its last part, the test part
_UNITS = {"enwik8": "byte", "text8": "character"}
_NOT_TEXT8 = re.compile(rb"[^a-z ]")
_BROKEN = re.compile("[\udc80-\udcff]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compression:
    """The figures of :func:`bits_per_unit`.

    Attributes:
        corpus: that was scored.
        n_units: bytes of enwik8, characters of text8.
        tokens: scored.
        nll: negative log-likelihood of the text, in nats.
        n_ctx: tokens that one window reads.
        stride: tokens between the starts of two windows.
        limit: units that were taken at most; None for all.
    """

    corpus: Wikipedia
    n_units: int
    tokens: int
    nll: float
    n_ctx: int
    stride: int
    limit: int | None = None

    @property
    def bits(self) -> float:
        """``nll / (ln 2 * n_units)``."""
        return self.nll / (math.log(2) * self.n_units)

    @property
    def unit(self) -> str:
        """What one figure is for: a byte or a character."""
        return _UNITS[self.corpus]

    @property
    def protocol(self) -> str:
        """How the numbers came about, in one line to be printed with them."""
        some = "" if self.limit is None else f", the first {self.n_units:,} of them"
        return (
            f"NLL in bits over {self.n_units:,} {self.unit}s (of a file of 100,000,000 bytes its "
            f"last 5,000,000; of another file all{some}); one text after <|endoftext|>, as it is; "
            f"windows of {self.n_ctx} tokens, stride {self.stride}"
        )

    @property
    def figures(self) -> list[Figure]:
        """The figures to be shown."""
        label = f"{self.corpus}, bits per {self.unit}"
        return [Figure(label, f"{self.bits:.4f}", f"{self.n_units:,} {self.unit}s")]

    def to_dict(self) -> dict[str, Any]:
        """All fields and figures, ready for JSON."""
        return {
            "corpus": self.corpus,
            "protocol": self.protocol,
            f"bits_per_{self.unit}": self.bits,
            f"{self.unit}s": self.n_units,
            "tokens": self.tokens,
            "nll": self.nll,
            "n_ctx": self.n_ctx,
            "stride": self.stride,
            "limit": self.limit,
        }


def read_wikipedia(path: Path, corpus: Wikipedia) -> bytes:
    """The test part: the last 5,000,000 bytes of the published file, all of any other file.

    Args:
        path: the file, packed or not, or ``enwik8.zip`` and ``text8.zip`` as they are published.
        corpus: which it is.

    Raises:
        DataError: if the file is absent, damaged or empty, or text8 has anything but its 27
            characters.
    """
    data = read_whole(path, member=f"*{corpus}")
    if len(data) == _WHOLE:
        data = data[-_TEST:]
    if corpus == "text8":
        data = data.removesuffix(b"\n")  # of a split that a tool wrote
        if stranger := _NOT_TEXT8.search(data):
            line = data.count(b"\n", 0, stranger.start()) + 1
            raise DataError(
                f"{path}, line {line}, has {stranger[0]!r}.",
                "text8 has only the letters a to z and spaces.",
            )
    return data


def bits_per_unit(
    model: Scorer,
    tokenizer: Tokenizer,
    data: bytes,
    corpus: Wikipedia,
    *,
    stride: int | None = None,
    limit: int | None = None,
) -> Compression:
    """Measures how many bits a model needs for a byte of enwik8 or a character of text8.

    Args:
        model: that predicts.
        tokenizer: its vocabulary.
        data: see :func:`read_wikipedia`.
        corpus: which it is.
        stride: 1 to ``n_ctx``; half the context unless given.
        limit: take only the first so many bytes.

    Raises:
        ConfigError: for an impossible stride, or a vocabulary that does not fit.
        DataError: if there is no text.
    """
    n_ctx = model.config.n_ctx
    stride = check_stride(stride, n_ctx=n_ctx)
    taken = data[:limit]
    if not taken:
        raise DataError("No text.", f"Give the file of {corpus} and a limit of at least 1.")
    ids = _encode(tokenizer, taken)
    rows = window_rows(ids, eot=tokenizer.eot, n_ctx=n_ctx, stride=stride)
    scores = list(score_rows(model, rows, n_vocab=tokenizer.vocab_size))
    return Compression(
        corpus=corpus,
        n_units=len(taken),
        tokens=len(ids),
        nll=-math.fsum(score.logprob for score in scores),
        n_ctx=n_ctx,
        stride=stride,
        limit=limit,
    )


def _encode(tokenizer: Tokenizer, data: bytes) -> list[int]:
    """The ids of bytes; where a cut broke a character, of its bytes by themselves."""
    text = data.decode(errors="surrogateescape")
    ids: list[int] = []
    at = 0
    for broken in _BROKEN.finditer(text):
        ids += tokenizer.encode(text[at : broken.start()])
        ids += tokenizer.encode_bytes(broken[0].encode(errors="surrogateescape"))
        at = broken.end()
    return ids + tokenizer.encode(text[at:])
