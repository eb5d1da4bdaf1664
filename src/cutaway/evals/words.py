"""Perplexity per word: WikiText-2 and -103, the Penn Treebank, One Billion Word."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from cutaway.errors import DataError
from cutaway.evals.detokenizers import NEWS, PENN, WIKITEXT, Detokenizer
from cutaway.evals.figures import Figure
from cutaway.evals.published import read_lines
from cutaway.evals.rows import Row, Scorer, score_rows, window_rows
from cutaway.generation.scoring import check_stride
from cutaway.tokenizers import Tokenizer

__all__ = ["CORPORA", "WordCorpus", "WordPerplexity", "read_words", "word_perplexity"]

_LINES = 256  # of a corpus of sentences, encoded at once


@dataclass(frozen=True, slots=True, kw_only=True)
class WordCorpus:
    """A text that was cut into words before it was published, words between spaces.

    Attributes:
        title: its name.
        member: its test part in the archive that it is published as.
        detokenizer: makes a line what it was before.
        sentences: whether lines are sentences in no order, each to be read by itself.
    """

    title: str
    member: str
    detokenizer: Detokenizer
    sentences: bool = False


CORPORA = {
    "wikitext": WordCorpus(title="WikiText-2", member="*wiki.test.*", detokenizer=WIKITEXT),
    "wikitext103": WordCorpus(title="WikiText-103", member="*wiki.test.*", detokenizer=WIKITEXT),
    "ptb": WordCorpus(title="Penn Treebank", member="*ptb.test.txt", detokenizer=PENN),
    "1bw": WordCorpus(
        title="One Billion Word",
        member="*news.en.heldout-00000-of-00050",
        detokenizer=NEWS,
        sentences=True,
    ),
}
"""The corpora whose perplexity the GPT-2 paper gives per word (table 3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WordPerplexity:
    """The figures of :func:`word_perplexity`.

    Attributes:
        corpus: that was scored.
        detokenized: whether its lines were joined again before they were scored.
        words: of the text as it is published.
        lines: of the text; their ends count as words.
        tokens: scored.
        n_bytes: of the text that was scored, in UTF-8.
        nll: negative log-likelihood of the text that was scored, in nats.
        n_ctx: tokens that one window reads.
        stride: tokens between the starts of two windows.
        limit: lines that were taken at most; None for all.
    """

    corpus: WordCorpus
    detokenized: bool
    words: int
    lines: int
    tokens: int
    n_bytes: int
    nll: float
    n_ctx: int
    stride: int
    limit: int | None = None

    @property
    def perplexity(self) -> float:
        """``exp(nll / (words + lines))``: per word as published, whatever the vocabulary."""
        return math.exp(self.nll / (self.words + self.lines))

    @property
    def bits_per_byte(self) -> float:
        """Of the text that was scored."""
        return self.nll / (math.log(2) * self.n_bytes)

    @property
    def protocol(self) -> str:
        """How the numbers came about, in one line to be printed with them."""
        detokenizer = self.corpus.detokenizer
        unit = "each line by itself" if self.corpus.sentences else "one text"
        how = f"de-tokenised ({detokenizer.told})" if self.detokenized else "not de-tokenised"
        some = "" if self.limit is None else f"; the first {self.lines:,} lines"
        return (
            f"{unit} after <|endoftext|>, {how}; NLL over the words and line ends of the original "
            f"({self.words + self.lines:,}); windows of {self.n_ctx} tokens, "
            f"stride {self.stride}{some}"
        )

    @property
    def figures(self) -> list[Figure]:
        """The figures to be shown."""
        title = self.corpus.title
        return [
            Figure(f"{title} perplexity", f"{self.perplexity:.2f}", "per word"),
            Figure("  bits per byte", f"{self.bits_per_byte:.4f}", f"{self.n_bytes:,} bytes"),
        ]

    def to_dict(self) -> dict[str, Any]:
        """All fields and figures, ready for JSON."""
        return {
            "corpus": self.corpus.title,
            "protocol": self.protocol,
            "perplexity": self.perplexity,
            "bits_per_byte": self.bits_per_byte,
            "detokenized": self.detokenized,
            "words": self.words,
            "lines": self.lines,
            "tokens": self.tokens,
            "bytes": self.n_bytes,
            "nll": self.nll,
            "n_ctx": self.n_ctx,
            "stride": self.stride,
            "limit": self.limit,
        }


def read_words(path: Path, corpus: WordCorpus) -> list[str]:
    """The lines of a corpus as they are, without their ends.

    Args:
        path: the text, packed or not, or the archive it is published in.
        corpus: which it is.

    Raises:
        DataError: if the file is absent, damaged or empty.
    """
    return [line for _, line in read_lines(path, member=corpus.member)]


def word_perplexity(
    model: Scorer,
    tokenizer: Tokenizer,
    lines: Sequence[str],
    corpus: WordCorpus,
    *,
    stride: int | None = None,
    limit: int | None = None,
    detokenized: bool = True,
) -> WordPerplexity:
    """Perplexity per original word of a text that was cut into words before it was published.

    The text is de-tokenised and scored as one, its first token after ``<|endoftext|>``, in windows
    that start ``stride`` tokens apart; sentences in no order are scored each by itself. The
    negative log-likelihood is divided by the number of words and line ends of the original, so
    that vocabularies compare (the GPT-2 paper, 3.1).

    Args:
        model: that predicts.
        tokenizer: its vocabulary.
        lines: of the original; see :func:`read_words`.
        corpus: which it is.
        stride: 1 to ``n_ctx``; half the context unless given.
        limit: take only the first so many lines.
        detokenized: whether to join the words; if not, lines are scored as they are.

    Raises:
        ConfigError: for an impossible stride, or a vocabulary that does not fit.
        DataError: if there is no text.
    """
    n_ctx = model.config.n_ctx
    stride = check_stride(stride, n_ctx=n_ctx)
    taken = lines[:limit]
    shown = [corpus.detokenizer(line) for line in taken] if detokenized else taken
    texts = [f"{line}\n" for line in shown]
    if not any(line.strip() for line in taken):
        raise DataError(
            "No lines of text.", f"Give the file of {corpus.title} and a limit of at least 1."
        )
    if not corpus.sentences:
        texts = ["".join(texts)]
    rows = _rows(tokenizer, texts, n_ctx=n_ctx, stride=stride)
    scores = list(score_rows(model, rows, n_vocab=tokenizer.vocab_size))
    return WordPerplexity(
        corpus=corpus,
        detokenized=detokenized,
        words=sum(len(line.split()) for line in taken),
        lines=len(taken),
        tokens=sum(score.n_tokens for score in scores),
        n_bytes=sum(len(text.encode()) for text in texts),
        nll=-math.fsum(score.logprob for score in scores),
        n_ctx=n_ctx,
        stride=stride,
        limit=limit,
    )


def _rows(tokenizer: Tokenizer, texts: Sequence[str], *, n_ctx: int, stride: int) -> Iterator[Row]:
    waiting = iter(texts)
    while some := list(islice(waiting, _LINES)):
        for ids in tokenizer.encode_batch(some):
            yield from window_rows(ids, eot=tokenizer.eot, n_ctx=n_ctx, stride=stride)
