"""LAMBADA: the last word of a passage that needs all of it (Paperno et al. 2016)."""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from cutaway.errors import DataError
from cutaway.evals.records import read_records
from cutaway.evals.rows import Row, score_rows
from cutaway.generation.reader import Reader
from cutaway.models import Decoder
from cutaway.tokenizers import Tokenizer

__all__ = ["Lambada", "lambada", "read_lambada"]

_LAST_WORD = re.compile(r" ?\S+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lambada:
    """The figures of :func:`lambada`.

    Attributes:
        passages: whose last word was asked for.
        correct: passages on which every token of the last word was the most probable one.
        nll: negative log-likelihood of the last words, in nats.
        cut: passages that were longer than the context and lost their beginning.
    """

    passages: int
    correct: int
    nll: float
    cut: int

    @property
    def accuracy(self) -> float:
        """Share of the passages whose last word is the model's first choice."""
        return self.correct / self.passages

    @property
    def perplexity(self) -> float:
        """``exp(nll / passages)``: per word, however many tokens it has."""
        return math.exp(self.nll / self.passages)

    @property
    def protocol(self) -> str:
        """How the numbers came about, in one line to be printed with them."""
        cut = f"; {self.cut} passages cut at their beginning to fit" if self.cut else ""
        return (
            f"{self.passages:,} passages after <|endoftext|>; the last word with the space before "
            "it: right if each of its tokens is the most probable one, no filter of stop words; "
            f"perplexity per word{cut}"
        )

    def to_dict(self) -> dict[str, Any]:
        """All fields and figures, ready for JSON."""
        return {
            "protocol": self.protocol,
            "accuracy": self.accuracy,
            "perplexity": self.perplexity,
            "passages": self.passages,
            "cut": self.cut,
        }


def read_lambada(path: Path) -> Iterator[str]:
    """The passages of a file with ``text`` on each line.

    Raises:
        DataError: if the file is absent or damaged, or a line lacks its text.
    """
    for (text,) in read_records(path, fields=("text",)):
        yield text


def lambada(
    model: Decoder | Reader,
    tokenizer: Tokenizer,
    passages: Iterable[str],
    *,
    limit: int | None = None,
) -> Lambada:
    """Asks for the last word of each passage, punctuation before or in it included.

    The word is what stands behind the last white space; a single space belongs to it, as it does
    to GPT-2's tokens, a line break to what comes before. Passages begin after ``<|endoftext|>``
    and lose their beginning where they are longer than the context.

    Args:
        model: that is asked.
        tokenizer: its vocabulary.
        passages: read once.
        limit: take only the first so many.

    Raises:
        ConfigError: for a vocabulary that does not fit.
        DataError: if there are no passages, or one has no two words.
    """
    texts = [text.rstrip() for text in islice(passages, limit)]
    if not texts:
        raise DataError("No passages.", "Give LAMBADA's file and a limit of at least 1.")
    starts = [_last_word(text) for text in texts]
    befores = tokenizer.encode_batch(
        [text[:start] for text, start in zip(texts, starts, strict=True)]
    )
    words = tokenizer.encode_batch(
        [text[start:] for text, start in zip(texts, starts, strict=True)]
    )
    n_ids = model.config.n_ctx + 1
    rows: list[Row] = []
    n_cut = 0
    for before, word in zip(befores, words, strict=True):
        ids = [tokenizer.eot, *before, *word]
        n_cut += len(ids) > n_ids
        kept = ids[-n_ids:]
        rows.append(Row(kept, first=max(len(kept) - len(word), 1)))
    scores = list(score_rows(model, rows, n_vocab=tokenizer.vocab_size))
    return Lambada(
        passages=len(scores),
        correct=sum(score.is_greedy for score in scores),
        nll=-math.fsum(score.logprob for score in scores),
        cut=n_cut,
    )


def _last_word(text: str) -> int:
    """Where the last word begins, the space before it included."""
    match = _LAST_WORD.search(text)
    if match is None or not text[: match.start()].strip():
        raise DataError(f"The passage {text!r} has no two words.", "Each needs a word to predict.")
    return match.start()
