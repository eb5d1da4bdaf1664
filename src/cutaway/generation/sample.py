"""One text while it is being written: its tokens, its characters, and whether it has ended."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from cutaway.generation.completion import Candidate, Completion, FinishReason, StreamEvent
from cutaway.generation.draw import DrawKey
from cutaway.generation.settings import GenerationConfig
from cutaway.generation.stopping import StopStrings
from cutaway.tokenizers import Tokenizer

__all__ = ["Prompt", "Sample", "TextStream"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt whose length was checked.

    Attributes:
        text: of it; empty for ids without a tokenizer.
        ids: at least one.
        n_total: tokens of the longest text that may follow from it, its own included.
        n_source: tokens at its begin that are a source, such as a text to summarise and the marker
            behind it. What is written may say them again, so rules of repetition pass them over.
    """

    text: str
    ids: tuple[int, ...]
    n_total: int
    n_source: int = 0

    @property
    def repeatable(self) -> tuple[int, ...]:
        """The ids that rules of repetition count: those behind a source."""
        return self.ids[self.n_source :]


class Sample:
    """One text being written. Knows no model: :meth:`push` takes the tokens as they are chosen.

    Args:
        prompt: that it goes on from.
        config: says when it ends.
        tokenizer: gives it characters. None: it has ids only.
        seed: of its draws.
        index: which of the samples of its prompt.
    """

    def __init__(
        self,
        prompt: Prompt,
        *,
        config: GenerationConfig,
        tokenizer: Tokenizer | None,
        seed: int | None = None,
        index: int = 0,
    ) -> None:
        self.prompt, self.seed, self.index = prompt, seed, index
        self.history = list(prompt.ids)  # all ids, prompt first
        self.finish_reason: FinishReason | None = None
        self.config, self.tokenizer = config, tokenizer
        self._decoder = None if tokenizer is None else tokenizer.stream_decoder()
        self._stop = StopStrings(config.stop)
        self._pieces: list[str] = []
        self._logprobs: list[float] = []
        self._top_logprobs: list[tuple[Candidate, ...]] = []

    @property
    def key(self) -> DrawKey:
        """What decides the draw of the next token."""
        return DrawKey(self.seed or 0, self.index, len(self.history))

    @property
    def ids(self) -> Sequence[int]:
        """The tokens chosen so far."""
        return self.history[len(self.prompt.ids) :]

    @property
    def repeatable(self) -> Sequence[int]:
        """All ids so far that rules of repetition count, see :class:`Prompt`."""
        n_source = self.prompt.n_source
        return self.history[n_source:] if n_source else self.history

    def push(
        self, token: int, logprob: float, top_logprobs: tuple[Candidate, ...] | None = None
    ) -> StreamEvent:
        """Adds a token and says what it changed."""
        self.history.append(token)
        self._logprobs.append(logprob)
        if top_logprobs is not None:
            self._top_logprobs.append(top_logprobs)
        text = self._read(token)
        self._pieces.append(text)
        return StreamEvent(
            text=text,
            ids=(token,),
            logprob=logprob,
            top_logprobs=top_logprobs,
            finish_reason=self.finish_reason,
            completion=None if self.finish_reason is None else self.completion(),
        )

    def completion(self) -> Completion:
        """What was written, finished or not."""
        text = "".join(self._pieces)
        return Completion(
            text=text if self.finish_reason else text + self._stop.held,
            prompt=self.prompt.text,
            ids=tuple(self.ids),
            prompt_ids=self.prompt.ids,
            logprobs=tuple(self._logprobs),
            top_logprobs=None if self.config.logprobs is None else tuple(self._top_logprobs),
            finish_reason=self.finish_reason,
            seed=self.seed,
            index=self.index,
        )

    def _read(self, token: int) -> str:
        """The characters that are certain after ``token``; sets the reason if it is the last."""
        if token in self.config.stop_ids:
            return self._end("stop")
        if self.tokenizer is not None and token == self.tokenizer.eot:
            return self._end("end_of_text")
        text = "" if self._decoder is None else self._stop.push(self._decoder.push(token))
        if self._stop.found is not None:
            self.finish_reason = "stop"
            return text
        n_new = len(self.history) - len(self.prompt.ids)
        if n_new >= self.config.n_new:
            return text + self._end("length")
        if len(self.history) >= self.prompt.n_total:
            return text + self._end("context")
        return text

    def _end(self, reason: FinishReason) -> str:
        """Ends the text and returns the characters that were held back."""
        tail = "" if self._decoder is None else self._stop.push(self._decoder.flush())
        self.finish_reason = reason if self._stop.found is None else "stop"
        return tail + self._stop.flush()


class TextStream(Iterator[StreamEvent]):
    """The events of one text while it is written.

    Leaving the loop, closing it or Ctrl-C loses nothing: :attr:`completion` is what there is.
    """

    def __init__(self, sample: Sample, events: Generator[StreamEvent]) -> None:
        self._sample, self._events = sample, events

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> StreamEvent:
        return next(self._events)

    def close(self) -> None:
        """Writes no more, and frees the cache."""
        self._events.close()

    @property
    def completion(self) -> Completion:
        """The text so far; its ``finish_reason`` is None until it is finished."""
        return self._sample.completion()
