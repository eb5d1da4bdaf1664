"""Bits per byte: how many bits a model needs for a byte of text it has not seen."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from cutaway.errors import DataError
from cutaway.evals.figures import Figure
from cutaway.evals.rows import Row, Scorer, score_rows, window_rows
from cutaway.generation.scoring import check_stride
from cutaway.tokenizers import Tokenizer

__all__ = ["BitsPerByte", "SourceBits", "bits_per_byte"]

_DOCUMENTS = 64  # encoded at once


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBits:
    """What a model needs for one source of text, or for several together.

    Attributes:
        documents: scored.
        tokens: scored; ``<|endoftext|>`` is read before each document and is not among them.
        words: of the documents, between white space.
        n_bytes: of the documents in UTF-8.
        nll: negative log-likelihood of all documents, in nats.
    """

    documents: int
    tokens: int
    words: int
    n_bytes: int
    nll: float

    @property
    def bits_per_byte(self) -> float:
        """``nll / (ln 2 * bytes)``: comparable between vocabularies."""
        return self.nll / (math.log(2) * self.n_bytes)

    @property
    def loss(self) -> float:
        """Nats per token of this vocabulary."""
        return self.nll / self.tokens

    @property
    def perplexity(self) -> float:
        """``exp(loss)``: per token, so compare only within one vocabulary."""
        return math.exp(self.loss)

    @property
    def word_perplexity(self) -> float:
        """``exp(nll / words)``: per word, punctuation joined to it, whatever the vocabulary."""
        return math.exp(self.nll / self.words)

    def to_dict(self) -> dict[str, Any]:
        """All fields and figures, ready for JSON."""
        return {
            "bits_per_byte": self.bits_per_byte,
            "loss": self.loss,
            "perplexity": self.perplexity,
            "word_perplexity": self.word_perplexity,
            "documents": self.documents,
            "tokens": self.tokens,
            "words": self.words,
            "bytes": self.n_bytes,
            "nll": self.nll,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BitsPerByte:
    """The figures of :func:`bits_per_byte`.

    Attributes:
        sources: by name, in the order given.
        n_ctx: tokens that one window reads.
        stride: tokens between the starts of two windows.
        limit: documents that were taken of each source at most; None for all.
    """

    sources: Mapping[str, SourceBits]
    n_ctx: int
    stride: int
    limit: int | None = None

    @property
    def total(self) -> SourceBits:
        """All sources together, each by its bytes."""
        parts = self.sources.values()
        return SourceBits(
            documents=sum(part.documents for part in parts),
            tokens=sum(part.tokens for part in parts),
            words=sum(part.words for part in parts),
            n_bytes=sum(part.n_bytes for part in parts),
            nll=math.fsum(part.nll for part in parts),
        )

    @property
    def protocol(self) -> str:
        """How the numbers came about, in one line to be printed with them."""
        some = "" if self.limit is None else f"; the first {self.limit:,} documents of a source"
        return (
            "NLL in bits over UTF-8 bytes, summed over documents; each document as it is, from "
            "<|endoftext|>, whose own prediction at the end is not counted; perplexity per token "
            "of this vocabulary, and per word between white space; "
            f"windows of {self.n_ctx} tokens, stride {self.stride}{some}"
        )

    @property
    def figures(self) -> list[Figure]:
        """The figures to be shown."""
        total = self.total
        each = [(f"  {name}", part) for name, part in self.sources.items()]
        return [
            Figure(label, f"{part.bits_per_byte:.4f}", f"{part.n_bytes:,} bytes")
            for label, part in [*each, ("bits per byte", total)]
        ] + [
            Figure("  perplexity", f"{total.perplexity:.2f}", f"per token of {total.tokens:,}"),
            Figure("  perplexity", f"{total.word_perplexity:.2f}", f"per word of {total.words:,}"),
        ]

    def to_dict(self) -> dict[str, Any]:
        """All fields and figures, ready for JSON."""
        return {
            "protocol": self.protocol,
            "total": self.total.to_dict(),
            "sources": {name: part.to_dict() for name, part in self.sources.items()},
            "n_ctx": self.n_ctx,
            "stride": self.stride,
            "limit": self.limit,
        }


def bits_per_byte(
    model: Scorer,
    tokenizer: Tokenizer,
    sources: Mapping[str, Iterable[str]],
    *,
    stride: int | None = None,
    limit: int | None = None,
) -> BitsPerByte:
    """Measures a model on text: total negative log-likelihood in bits over bytes of UTF-8.

    Each document is scored by itself: its first token is predicted from ``<|endoftext|>``, and
    the end of the text is not predicted. A document longer than the context is read in windows
    that start ``stride`` tokens apart; every token counts once.

    Args:
        model: that predicts.
        tokenizer: its vocabulary.
        sources: documents by the name of their source; read once, a few at a time.
        stride: 1 to ``n_ctx``; half the context unless given.
        limit: take only the first so many documents of each source.

    Raises:
        ConfigError: for an impossible stride, or a vocabulary that does not fit.
        DataError: if a source has no text.
    """
    n_ctx = model.config.n_ctx
    stride = check_stride(stride, n_ctx=n_ctx)
    found = {
        name: _measure(model, tokenizer, name, islice(documents, limit), stride=stride)
        for name, documents in sources.items()
    }
    if not found:
        raise DataError("No text to measure.", "Give at least one source.")
    return BitsPerByte(sources=found, n_ctx=n_ctx, stride=stride, limit=limit)


def _measure(
    model: Scorer, tokenizer: Tokenizer, name: str, documents: Iterable[str], *, stride: int
) -> SourceBits:
    n_documents = n_bytes = n_tokens = n_words = 0
    n_ctx, eot = model.config.n_ctx, tokenizer.eot

    def rows() -> Iterator[Row]:
        nonlocal n_documents, n_bytes, n_words
        source = iter(documents)
        while texts := list(islice(source, _DOCUMENTS)):
            n_documents += len(texts)
            n_bytes += sum(len(text.encode()) for text in texts)
            n_words += sum(len(text.split()) for text in texts)
            for ids in tokenizer.encode_batch(texts):
                yield from window_rows(ids, eot=eot, n_ctx=n_ctx, stride=stride)

    losses: list[float] = []
    for score in score_rows(model, rows(), n_vocab=tokenizer.vocab_size):
        n_tokens += score.n_tokens
        losses.append(-score.logprob)
    if not n_bytes:
        raise DataError(f"The source {name!r} has no text.", "Give a file with documents in it.")
    return SourceBits(
        documents=n_documents,
        tokens=n_tokens,
        words=n_words,
        n_bytes=n_bytes,
        nll=math.fsum(losses),
    )
