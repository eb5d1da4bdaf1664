"""Copied passages: what a model's samples have word for word from its training text."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cutaway.errors import ConfigError

__all__ = ["Copies", "Passage", "copied_passages"]

_BLOCK = 1_000_000  # characters of a document that are cut into words at once
_FILTER_BITS = 22
_FACTOR = 0x9E3779B97F4A7C15
_LENGTHS = (8, 12, 16, 24, 32, 64)  # words, of which shares are given
_SPACE = re.compile(r"\s")
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """Words of a sample that occur, one after the other, in the training text.

    Attributes:
        sample: index of the sample.
        start: index of the passage's first word in the sample.
        n_words: of the passage.
        text: the passage as the sample has it.
        source: where it occurs first among the texts with the longest match.
        document: its number in the source, from 1.
        word: index in the document of the passage's first word.
    """

    sample: int
    start: int
    n_words: int
    text: str
    source: str
    document: int
    word: int

    @property
    def n_chars(self) -> int:
        """Characters of the passage, white space between its words included."""
        return len(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """The figures of :func:`copied_passages`.

    Attributes:
        passages: that no other passage of the sample contains, from the longest (in words) down.
        sample_words: length of each sample.
        n: words from which on a match is a passage.
        documents: of the training text.
        words: of the training text.
        sampling: how the samples were drawn, in words.
    """

    passages: tuple[Passage, ...]
    sample_words: tuple[int, ...]
    n: int
    documents: int
    words: int
    sampling: str = ""

    @property
    def longest(self) -> Passage | None:
        """The longest passage in words; None if there is none."""
        return self.passages[0] if self.passages else None

    @property
    def longest_of_each(self) -> tuple[int, ...]:
        """Words of the longest passage of each sample, 0 where there is none."""
        best = [0] * len(self.sample_words)
        for passage in self.passages:
            best[passage.sample] = max(best[passage.sample], passage.n_words)
        return tuple(best)

    def share(self, n_words: int) -> float:
        """Share of the words of all samples that lie in passages of at least ``n_words``."""
        covered: set[tuple[int, int]] = set()
        for passage in self.passages:
            if passage.n_words >= n_words:
                end = passage.start + passage.n_words
                covered.update((passage.sample, word) for word in range(passage.start, end))
        return len(covered) / max(sum(self.sample_words), 1)

    @property
    def protocol(self) -> str:
        """How the numbers came about, in one line to be printed with them."""
        drawn = f"; {self.sampling}" if self.sampling else ""
        return (
            f"runs of at least {self.n} words of a sample that occur in one document of the "
            f"training text ({self.documents:,} documents, {self.words:,} words); words are what "
            f"stands between white space, compared exactly, punctuation and case included{drawn}"
        )

    def to_dict(self, *, n_longest: int = 20) -> dict[str, Any]:
        """The figures and the longest passages, ready for JSON."""
        each = self.longest_of_each
        middle = np.quantile(each, [0.5, 0.9]).tolist()
        return {
            "protocol": self.protocol,
            "longest_words": max(each),
            "longest_chars": max((passage.n_chars for passage in self.passages), default=0),
            "longest_of_each": {"median": middle[0], "p90": middle[1], "max": max(each)},
            "share_of_words": {str(n): self.share(n) for n in _LENGTHS if n >= self.n},
            "passages": len(self.passages),
            "samples": len(self.sample_words),
            "sample_words": sum(self.sample_words),
            "longest": [
                asdict(passage) | {"n_chars": passage.n_chars}
                for passage in self.passages[:n_longest]
            ],
        }


def copied_passages(
    samples: Sequence[str],
    sources: Mapping[str, Iterable[str]],
    *,
    n: int = 8,
    sampling: str = "",
) -> Copies:
    """Finds every passage of ``n`` words or more that samples share with the training text.

    The samples are held, by their n-grams of words; the training text streams past, one document
    (of which one block is cut into words) at a time. A rolling hash finds the candidates; each is
    compared word by word and extended as far as it goes, so the result is exact.

    Args:
        samples: texts of a model, without their prompts.
        sources: documents of the training text by the name of their source; read once.
        n: words from which on a match is a passage.
        sampling: how the samples were drawn, to be stated with the result.

    Raises:
        ConfigError: if ``n`` is less than 1, or there are no samples.
    """
    if n < 1 or not samples:
        raise ConfigError(
            f"{len(samples)} samples, passages of {n} words.", "Both must be at least 1."
        )
    index = _Index([text.split() for text in samples], n=n)
    n_documents = n_words = 0
    for name, documents in sources.items():
        for number, document in enumerate(documents, start=1):
            n_documents += 1
            for block in _blocks(document, overlap=index.longest):
                n_words += block.n_starts
                index.match(block, source=name, document=number)
    found = [_passage(samples[run.sample], run) for run in index.maximal_runs()]
    return Copies(
        passages=tuple(sorted(found, key=lambda passage: (-passage.n_words, -passage.n_chars))),
        sample_words=tuple(len(words) for words in index.samples),
        n=n,
        documents=n_documents,
        words=n_words,
        sampling=sampling,
    )


class _Block(NamedTuple):
    """Words of a document; a run that starts in the first ``n_starts`` of them ends in them."""

    words: list[str]
    n_starts: int
    offset: int  # of the first word in the document


class _Run(NamedTuple):
    """The longest match that starts at a word of a sample."""

    sample: int
    start: int
    n_words: int
    source: str
    document: int
    word: int


def _blocks(document: str, *, overlap: int) -> Iterator[_Block]:
    """Cuts a document into blocks of words that share ``overlap`` words with the next one."""
    words: list[str] = []
    offset = start = 0
    while start < len(document):
        space = _SPACE.search(document, start + _BLOCK)
        end = space.start() if space else len(document)
        words += document[start:end].split()
        n_starts = max(len(words) - overlap, 0) if end < len(document) else len(words)
        yield _Block(words, n_starts, offset)
        words, offset, start = words[n_starts:], offset + n_starts, end


class _Index:
    """The n-grams of all samples, and the longest match found so far at each of their words."""

    def __init__(self, samples: list[list[str]], *, n: int) -> None:
        self.samples, self.n = samples, n
        self.longest = max(map(len, samples), default=0)
        self._runs: dict[tuple[int, int], _Run] = {}
        self._places: dict[tuple[str, ...], list[tuple[int, int]]] = {}
        hashes: list[NDArray[np.uint64]] = []
        for number, words in enumerate(samples):
            hashes.append(_rolling_hash(words, n))
            for start in range(len(words) - n + 1):
                ngram = tuple(words[start : start + n])
                self._places.setdefault(ngram, []).append((number, start))
        self._hashes = np.unique(np.concatenate(hashes))
        self._filter = np.zeros(2**_FILTER_BITS, dtype=bool)
        self._filter[self._hashes >> np.uint64(64 - _FILTER_BITS)] = True

    def match(self, block: _Block, *, source: str, document: int) -> None:
        """Takes up the matches that start in a block."""
        hashes = _rolling_hash(block.words, self.n)[: block.n_starts]
        maybe = np.flatnonzero(self._filter[hashes >> np.uint64(64 - _FILTER_BITS)])
        maybe = maybe[self._has(hashes[maybe])]
        words = block.words
        for place in maybe.tolist():
            ngram = tuple(words[place : place + self.n])
            for number, start in self._places.get(ngram, ()):
                sample = self.samples[number]
                if start and place and sample[start - 1] == words[place - 1]:
                    continue  # the run that starts a word earlier covers this one
                run = _Run(
                    number,
                    start,
                    _common(sample, start, words, place),
                    source,
                    document,
                    block.offset + place,
                )
                known = self._runs.get((number, start))
                if known is None or known.n_words < run.n_words:
                    self._runs[number, start] = run

    def _has(self, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
        place = np.searchsorted(self._hashes[:-1], hashes)
        return self._hashes[place] == hashes

    def maximal_runs(self) -> Iterator[_Run]:
        """The runs that lie in no other run of their sample."""
        sample, end = -1, 0
        for _, run in sorted(self._runs.items()):
            if run.sample != sample:
                sample, end = run.sample, 0
            if run.start + run.n_words > end:
                end = run.start + run.n_words
                yield run


def _rolling_hash(words: Sequence[str], n: int) -> NDArray[np.uint64]:
    """A hash of each n-gram of words; of this process only, as those of Python's strings are."""
    if len(words) < n:
        return np.empty(0, dtype=np.uint64)
    each = np.fromiter(map(hash, words), dtype=np.int64, count=len(words)).view(np.uint64)
    size = len(words) - n + 1
    total = np.zeros(size, dtype=np.uint64)
    for place in range(n):
        total *= np.uint64(_FACTOR)
        total += each[place : place + size]
    return total * np.uint64(_FACTOR)


def _common(sample: Sequence[str], start: int, words: Sequence[str], place: int) -> int:
    """How many words from ``start`` and ``place`` on are equal."""
    end = min(len(sample) - start, len(words) - place)
    for n_words in range(end):
        if sample[start + n_words] != words[place + n_words]:
            return n_words
    return end


def _passage(text: str, run: _Run) -> Passage:
    spans = [match.span() for match in _WORD.finditer(text)]
    first, last = spans[run.start], spans[run.start + run.n_words - 1]
    return Passage(text=text[first[0] : last[1]], **run._asdict())
