"""How well a model predicts a given text: log-probabilities, perplexity, bits per byte."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cutaway.errors import ConfigError
from cutaway.generation.reader import Reader

__all__ = ["Score", "Window", "score_ids", "windows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How well a model predicts a text.

    Attributes:
        text: that was scored; empty for ids without a tokenizer.
        ids: its tokens.
        token_logprobs: natural logarithm of the probability of each token.
        n_bytes: of the text in UTF-8.
        n_ctx: tokens that one window reads.
        stride: tokens between the starts of two windows.
    """

    text: str
    ids: tuple[int, ...]
    token_logprobs: tuple[float, ...]
    n_bytes: int
    n_ctx: int
    stride: int

    @property
    def tokens(self) -> int:
        """How many tokens were scored: all of the text, the first included."""
        return len(self.ids)

    @property
    def nll(self) -> float:
        """Negative log-likelihood of the whole text, in nats."""
        return -math.fsum(self.token_logprobs)

    @property
    def perplexity(self) -> float:
        """``exp(nll / tokens)``: per token of this vocabulary, so compare only within one."""
        return math.exp(self.nll / self.tokens)

    @property
    def bits_per_byte(self) -> float:
        """``nll / (ln 2 * bytes)``: comparable between vocabularies; nan where no text is known."""
        return self.nll / (math.log(2) * self.n_bytes) if self.n_bytes else math.nan

    @property
    def protocol(self) -> str:
        """How the numbers came about, in one line to be printed with them."""
        start = "every token scored, the first after <|endoftext|>"
        if self.tokens <= self.n_ctx:
            return f"{start}; one window of {self.tokens} tokens"
        least = self.n_ctx - self.stride
        return (
            f"{start}; windows of {self.n_ctx} tokens, stride {self.stride} "
            f"(at least {least} tokens of context past the first window)"
        )


@dataclass(frozen=True, slots=True)
class Window:
    """Inputs ``start .. end`` of a text are read; the predictions from ``first`` on count."""

    start: int
    end: int
    first: int


def windows(n_tokens: int, *, n_ctx: int, stride: int) -> Iterator[Window]:
    """Cuts a text so that every token is predicted once, with as much context as stride allows.

    >>> [(w.start, w.end, w.first) for w in windows(10, n_ctx=6, stride=3)]
    [(0, 6, 0), (3, 9, 6), (4, 10, 9)]
    """
    end = first = 0
    while first < n_tokens:
        end = min(n_ctx if end == 0 else end + stride, n_tokens)
        yield Window(max(end - n_ctx, 0), end, first)
        first = end


def check_stride(stride: int | None, *, n_ctx: int) -> int:
    """The stride, half a context unless given.

    Raises:
        ConfigError: if it is not between 1 and ``n_ctx``.
    """
    if stride is None:
        return max(n_ctx // 2, 1)
    if not isinstance(stride, int) or isinstance(stride, bool) or not 1 <= stride <= n_ctx:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(f"stride is {stride!r}.", f"It must be a whole number from 1 to {n_ctx}.")
    return stride


def score_ids(
    reader: Reader, ids: Sequence[int], *, before: int, stride: int, n_ctx: int | None = None
) -> list[float]:
    """The log-probability of each token, the first as it follows the token ``before``.

    Args:
        reader: that predicts.
        ids: of the text.
        before: what the first token is predicted from, ``<|endoftext|>``.
        stride: tokens between the starts of two windows.
        n_ctx: tokens of a window; as many as the model has positions unless given.
    """
    inputs = [before, *ids[:-1]]
    logprobs: list[float] = []
    for window in windows(len(ids), n_ctx=n_ctx or reader.config.n_ctx, stride=stride):
        read = inputs[window.start : window.end]
        logprobs += reader.logprobs(read, ids[window.first : window.end])
    return logprobs
