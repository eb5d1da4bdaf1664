"""LAMBADA: the last word of a passage that needs all of it (Paperno et al. 2016)."""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from cutaway.errors import DataError
from cutaway.evals.detokenizers import TREEBANK
from cutaway.evals.figures import Figure, percent
from cutaway.evals.pairs import fitted_row
from cutaway.evals.published import read_lines
from cutaway.evals.records import read_records
from cutaway.evals.rows import Scorer, score_rows
from cutaway.tokenizers import Tokenizer

__all__ = ["STOP_WORDS", "Lambada", "lambada", "read_lambada"]

_LAST_WORD = re.compile(r" ?\S+$")
_MEMBER = "*lambada_test_plain_text.txt"

_STOP_WORDS = """
i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her
hers herself it its itself they them their theirs themselves what which who whom this that these
those am is are was were be been being have has had having do does did doing a an the and but if or
because as until while of at by for with about against between into through during before after
above below to from up down in out on off over under again further then once here there when where
why how all any both each few more most other some such no nor not only own same so than too very s
t can will just don should now
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""127 English stop words, NLTK's without contractions, as reproductions of the GPT-2 paper take
them; the paper names no list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lambada:
    """The figures of :func:`lambada`.

    Attributes:
        passages: whose last word was asked for.
        correct: passages on which every token of the last word was the most probable one.
        nll: negative log-likelihood of the last words, in nats.
        cut: passages that were longer than the context and lost their beginning.
        stop_word_filter: whether stop words were no choice for the last word.
        limit: passages that were taken at most; None for all.
    """

    passages: int
    correct: int
    nll: float
    cut: int
    stop_word_filter: bool = False
    limit: int | None = None

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
        some = "" if self.limit is None else "the first "
        filtered = "no filter of stop words"
        if self.stop_word_filter:
            filtered = (
                f"the first of them among tokens that are none of {len(STOP_WORDS)} stop words"
            )
        return (
            f"{some}{self.passages:,} passages after <|endoftext|>; the last word with the space "
            f"before it: right if each of its tokens is the most probable one, {filtered}; "
            f"perplexity per word, over all tokens{cut}"
        )

    @property
    def figures(self) -> list[Figure]:
        """The figures to be shown."""
        return [
            Figure("LAMBADA accuracy", percent(self.accuracy), f"{self.passages:,} passages"),
            Figure("LAMBADA perplexity", f"{self.perplexity:.2f}", "per word"),
        ]

    def to_dict(self) -> dict[str, Any]:
        """All fields and figures, ready for JSON."""
        return {
            "protocol": self.protocol,
            "accuracy": self.accuracy,
            "perplexity": self.perplexity,
            "passages": self.passages,
            "cut": self.cut,
            "stop_word_filter": self.stop_word_filter,
            "limit": self.limit,
        }


def read_lambada(path: Path, *, detokenized: bool = True) -> Iterator[str]:
    """The passages of a test set in one of its two forms.

    A file with ``.jsonl`` in its name has ``text`` on each line, as ``lambada_test.jsonl`` of
    OpenAI: the passages as they stand in their books. Any other has a passage on each line, cut
    into words and in lower case, as ``lambada_test_plain_text.txt`` of the authors, which may be
    given in its archive, ``lambada-dataset.tar.gz``.

    Args:
        path: the file, packed or not, or the archive.
        detokenized: whether to join the words of the second form.

    Raises:
        DataError: if the file is absent, damaged or empty, or a line lacks its text.
    """
    if ".jsonl" in path.name.lower():
        for (text,) in read_records(path, fields=("text",)):
            yield text
        return
    for _, line in read_lines(path, member=_MEMBER):
        yield TREEBANK(line) if detokenized else line


def lambada(
    model: Scorer,
    tokenizer: Tokenizer,
    passages: Iterable[str],
    *,
    limit: int | None = None,
    stop_word_filter: bool = False,
) -> Lambada:
    """Asks for the last word of each passage, punctuation before or in it included.

    The word is what stands behind the last white space; a single space belongs to it, as it does
    to GPT-2's tokens, a line break to what comes before. Passages begin after ``<|endoftext|>``
    and lose their beginning where they are longer than the context.

    The filter tells the model what the paper calls the useful constraint that the word is the last
    of its sentence (3.3): where the word begins, tokens that are a stop word, with or without a
    space before it, are no choice. It changes the accuracy; perplexity stays that of all tokens.

    Args:
        model: that is asked.
        tokenizer: its vocabulary.
        passages: read once.
        limit: take only the first so many.
        stop_word_filter: whether stop words are no choice.

    Raises:
        ConfigError: for a vocabulary that does not fit.
        ContextLengthError: if a word is longer than the context.
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
    fitted = [
        fitted_row([tokenizer.eot, *before], word, n_ctx=model.config.n_ctx)
        for before, word in zip(befores, words, strict=True)
    ]
    barred = _stop_tokens(tokenizer) if stop_word_filter else []
    rows = (row for row, _ in fitted)
    scores = list(score_rows(model, rows, n_vocab=tokenizer.vocab_size, barred=barred))
    return Lambada(
        passages=len(scores),
        correct=sum(score.is_greedy for score in scores),
        nll=-math.fsum(score.logprob for score in scores),
        cut=sum(is_cut for _, is_cut in fitted),
        stop_word_filter=stop_word_filter,
        limit=limit,
    )


def _stop_tokens(tokenizer: Tokenizer) -> list[int]:
    """The tokens that are a stop word."""
    words = {word.encode() for word in STOP_WORDS}
    return [id for token, id in tokenizer.ranks.items() if token.strip(b" ").lower() in words]


def _last_word(text: str) -> int:
    """Where the last word begins, the space before it included."""
    match = _LAST_WORD.search(text)
    if match is None or not text[: match.start()].strip():
        raise DataError(f"The passage {text!r} has no two words.", "Each needs a word to predict.")
    return match.start()
