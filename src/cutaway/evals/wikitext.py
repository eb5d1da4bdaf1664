"""WikiText-2 (Merity et al. 2016), measured as in the GPT-2 paper: word by word, de-tokenised."""

import math
import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from cutaway.errors import DataError
from cutaway.evals.records import open_text
from cutaway.evals.rows import score_rows, window_rows
from cutaway.generation.reader import Reader
from cutaway.generation.scoring import check_stride
from cutaway.models import Decoder
from cutaway.tokenizers import Tokenizer

__all__ = ["WikiText", "detokenize", "read_wikitext", "wikitext"]

_RULES = (
    (re.compile(r" @([-,.])@ "), r"\1"),  # inside numbers and compounds
    (re.compile(r'" ([^"]*?) "'), r'"\1"'),  # a pair of quotation marks
    (re.compile(r" n't\b"), "n't"),
    (re.compile(r" '(s|t|re|ve|m|ll|d)\b"), r"'\1"),
    (re.compile(r"(?<=s) ' (?=\w)"), "' "),  # the possessive of a plural
    (re.compile(r"(?:(?<= )|^)' ((?:(?! ' ).)+?) '(?= |$)"), r"'\1'"),
    (re.compile(r"(?<=\d) : (?=\d\d\b)"), ":"),  # times
    (re.compile(r" (?=[,.;:!?)\]%](?: |$|[\"')]))"), ""),
    (re.compile(r"(?<=[(\[]) "), ""),
    (re.compile(r"(?<=[$\u00a3\u20ac\u00a5#]) (?=\d)"), ""),
    (re.compile(r"(?<=\w) / (?=\w)"), "/"),
)
_HEADING = re.compile(r"^((?:= )+)(.*?)((?: =)+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class WikiText:
    """The figures of :func:`wikitext`.

    Attributes:
        words: of the text before de-tokenisation.
        lines: of the text; their ends count as words.
        tokens: scored.
        n_bytes: of the de-tokenised text in UTF-8.
        nll: negative log-likelihood of the de-tokenised text, in nats.
        n_ctx: tokens that one window reads.
        stride: tokens between the starts of two windows.
    """

    words: int
    lines: int
    tokens: int
    n_bytes: int
    nll: float
    n_ctx: int
    stride: int

    @property
    def perplexity(self) -> float:
        """``exp(nll / (words + lines))``: per word of the original, whatever the vocabulary."""
        return math.exp(self.nll / (self.words + self.lines))

    @property
    def bits_per_byte(self) -> float:
        """Of the de-tokenised text."""
        return self.nll / (math.log(2) * self.n_bytes)

    @property
    def protocol(self) -> str:
        """How the numbers came about, in one line to be printed with them."""
        return (
            "one text after <|endoftext|>, de-tokenised (joined: @-@ @,@ @.@, clitics, "
            "punctuation, brackets, pairs of quotation marks, times, signs of currency and "
            "percent, slashes, headings; kept: <unk>, dashes, line breaks); NLL over the words "
            f"and line ends of the original ({self.words + self.lines:,}); "
            f"windows of {self.n_ctx} tokens, stride {self.stride}"
        )

    def to_dict(self) -> dict[str, Any]:
        """All fields and figures, ready for JSON."""
        return {
            "protocol": self.protocol,
            "perplexity": self.perplexity,
            "bits_per_byte": self.bits_per_byte,
            "words": self.words,
            "lines": self.lines,
            "tokens": self.tokens,
            "bytes": self.n_bytes,
            "nll": self.nll,
            "n_ctx": self.n_ctx,
            "stride": self.stride,
        }


def read_wikitext(path: Path) -> list[str]:
    """The lines of a file, as they are, without their ends.

    Raises:
        DataError: if the file is absent or damaged.
    """
    try:
        with open_text(path) as file:
            return [line.rstrip("\n") for line in file]
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}.", "Fetch or unpack it again.") from None


def detokenize(line: str) -> str:
    r"""A line of WikiText as it was written, as far as that can be told.

    The GPT-2 paper used such rules ("invertible de-tokenizers", section 3.1) without publishing
    them; these are our own, so figures compare with the paper's only roughly.

    >>> detokenize(' He said " yes , it \'s 1 @,@ 000 well @-@ known ( old ) ones " . ')
    'He said "yes, it\'s 1,000 well-known (old) ones".'
    """
    text = line.strip()
    if heading := _HEADING.match(text):
        before, title, after = heading.groups()
        text = f"{before.replace(' ', '')} {title} {after.replace(' ', '')}"
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def wikitext(
    model: Decoder | Reader,
    tokenizer: Tokenizer,
    lines: list[str],
    *,
    stride: int | None = None,
    limit: int | None = None,
) -> WikiText:
    """Perplexity per original word of a text that was cut into words before it was published.

    The text is de-tokenised and scored as one, its first token after ``<|endoftext|>``, in windows
    that start ``stride`` tokens apart. The negative log-likelihood is divided by the number of
    words and line ends of the original, so that vocabularies compare (the GPT-2 paper, 3.1).

    Args:
        model: that predicts.
        tokenizer: its vocabulary.
        lines: of the original; see :func:`read_wikitext`.
        stride: 1 to ``n_ctx``; half the context unless given.
        limit: take only the first so many lines.

    Raises:
        ConfigError: for an impossible stride, or a vocabulary that does not fit.
        DataError: if there is no text.
    """
    n_ctx = model.config.n_ctx
    stride = check_stride(stride, n_ctx=n_ctx)
    taken = list(islice(lines, limit))
    text = "".join(f"{detokenize(line)}\n" for line in taken)
    ids = tokenizer.encode(text)
    if not text.strip():
        raise DataError("No lines of text.", "Give WikiText's file and a limit of at least 1.")
    rows = window_rows(ids, eot=tokenizer.eot, n_ctx=n_ctx, stride=stride)
    scores = list(score_rows(model, rows, n_vocab=tokenizer.vocab_size))
    return WikiText(
        words=sum(len(line.split()) for line in taken),
        lines=len(taken),
        tokens=len(ids),
        n_bytes=len(text.encode()),
        nll=-math.fsum(score.logprob for score in scores),
        n_ctx=n_ctx,
        stride=stride,
    )
