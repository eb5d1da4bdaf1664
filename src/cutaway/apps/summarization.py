"""Summaries by a decoder: what it reads and what it writes are one text.

Two ways. Any language model can be *asked* (Radford et al. 2019, section 3.6): behind the text
stands ``TL;DR:``, 100 tokens are drawn from the two likeliest at each step, and the first three
sentences of them are the summary. A model that was *taught* pairs (Liu et al. 2018, section 4.2.3,
"Generating Wikipedia by Summarizing Long Sequences"; Khandelwal et al. 2019) reads the text and its
marker and writes what comes behind; the Transformer-Decoder is one of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cutaway.apps.attempts import Ids, attempted, how_chosen, in_parts, searched
from cutaway.data.sentences import sentences
from cutaway.data.task import TaskFormat
from cutaway.errors import ConfigError, ContextLengthError, CutawayError, DataError
from cutaway.generation import Completion, LanguageModel
from cutaway.generation.draw import check_seed
from cutaway.generation.settings import GenerationConfig
from cutaway.models import TransformerConfig

__all__ = ["TLDR", "Summarizer", "Summary", "TooLong"]

TLDR = "\nTL;DR:"
_N_SENTENCES = 3
TooLong = Literal["refuse", "cut", "chunk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a model made of a text.

    Attributes:
        text: the summary; that of a text in parts is the summaries of the parts, one after another.
        n_tokens: of the text that was summarised.
        n_read: of them those that the model read.
        parts: in which it read them.
        ended: whether each part's summary came to an end by itself.
    """

    text: str
    n_tokens: int
    n_read: int
    parts: int
    ended: bool


class Summarizer:
    """A language model that summarises.

    Args:
        lm: the model; ``task.json`` beside it says how it was taught, and without one it is asked.
        max_tokens: tokens of a summary at most, of each part.
        beams: width of the search of a model that was taught; 1 takes the likeliest token always.
        length_penalty: of a search, see :class:`cutaway.generation.GenerationConfig`.
        no_repeat: a model that was taught writes no run of so many tokens twice (Paulus et al.
            2018, section 2.5); 0 lets it. What the text says it may always say.
        too_long: what becomes of a text that does not fit: it is refused, its first tokens are
            read and the rest is not, or it is read in parts that end with sentences.
        seed: of the draws; None takes a fresh one. A summary depends on its own text alone.

    Raises:
        ConfigError: for a model that was taught another task, an impossible setting, or one that
            leaves no room for a text.
        TokenizerError: for a model without a vocabulary, or without the marker.
    """

    def __init__(
        self,
        lm: LanguageModel,
        *,
        max_tokens: int = 100,
        beams: int = 4,
        length_penalty: float = 0.6,
        no_repeat: int = 3,
        too_long: TooLong = "refuse",
        seed: int | None = None,
    ) -> None:
        if too_long not in ("refuse", "cut", "chunk"):
            raise ConfigError(f"too_long is {too_long!r}.", "Known: refuse, cut, chunk.")
        self.lm, self.too_long = lm, too_long
        self.format = format = _format_of(lm)
        self.seed = check_seed(seed)
        asked = GenerationConfig(max_new_tokens=max_tokens, top_k=2)
        taught = GenerationConfig(
            max_new_tokens=max_tokens, temperature=0.0, no_repeat_ngram=no_repeat
        )
        if beams != 1:
            taught = taught.replace(temperature=1.0, beams=beams, length_penalty=length_penalty)
        self.config = asked if format is None else taught
        self._behind = lm.encode(TLDR) if format is None else [format.marker_id(lm.tokenizer)]
        # An encoder has the whole context for the text and the end-of-text behind it.
        shared = max_tokens + len(self._behind)
        if isinstance(lm.config, TransformerConfig):
            self._behind, shared = [lm.tokenizer.eot, *self._behind], 1
        self.room = lm.config.n_ctx - shared
        if self.room < 1:
            raise ConfigError(
                f"{max_tokens:,} tokens of summary and {len(self._behind)} before it leave no room "
                f"for a text in {lm.config.n_ctx:,} positions.",
                "Ask for a shorter summary.",
            )

    @property
    def protocol(self) -> str:
        """How summaries are made, in a few words."""
        n = f"{self.config.max_new_tokens:,} tokens at most"
        if self.format is None:
            drawn = f"drawn from the {self.config.top_k} likeliest, seed {self.seed}"
            made = f"TL;DR: behind the text, {n}, {drawn}, first {_N_SENTENCES} sentences"
        else:
            made = f"{how_chosen(self.config)}, {n}"
        long = {
            "refuse": f"texts of more than {self.room:,} tokens refused",
            "cut": f"the first {self.room:,} tokens of a text read",
            "chunk": f"texts read in parts of at most {self.room:,} tokens",
        }
        return f"{made}; {long[self.too_long]}"

    def __call__(self, text: str) -> Summary:
        """The summary of one text.

        Raises:
            ContextLengthError: if it is too long, and that is to be refused.
            DataError: if it is empty.
        """
        [summary] = self.attempts([text])
        if isinstance(summary, CutawayError):
            raise summary
        return summary

    def attempts(self, texts: Sequence[str]) -> list[Summary | CutawayError]:
        """The summary of each text, or why there is none: one bad text does not end the others."""
        return attempted(texts, read=self._parts, write=self._written, join=self._joined)

    def _written(self, parts: list[Ids]) -> list[Completion]:
        prompts = [[*part, *self._behind] for part in parts]
        if self.config.beams == 1:
            return self.lm.generate(prompts, seed=self.seed, config=self.config)
        return searched(self.lm, prompts, self.config)

    def _joined(self, text: str, parts: list[Ids], written: list[Completion]) -> Summary:
        n_read = sum(map(len, parts))
        return Summary(
            text=" ".join(filter(None, (self._told(one.text) for one in written))),
            n_tokens=n_read if len(parts) > 1 else len(self.lm.encode(text.strip())),
            n_read=n_read,
            parts=len(parts),
            ended=all(one.finish_reason != "length" for one in written),
        )

    def _told(self, written: str) -> str:
        if self.format is None:
            return " ".join(sentences(written)[:_N_SENTENCES])
        return written.strip()

    def _parts(self, text: str) -> list[Ids]:
        """The ids of a text, in parts that fit.

        Raises:
            ContextLengthError: if it does not fit and is to be refused.
            DataError: if it is empty.
        """
        text = text.strip()
        if not text:
            raise DataError("The text is empty.", "Give a text to summarise.")
        ids = self.lm.encode(text)
        if len(ids) <= self.room:
            return [ids]
        if self.too_long == "cut":
            return [ids[: self.room]]
        if self.too_long == "chunk":
            return in_parts(self.lm, text, self.room)
        n_ctx, n_new = self.lm.config.n_ctx, self.config.max_new_tokens
        raise ContextLengthError(
            f"The text has {len(ids):,} tokens, and beside {n_new} of summary there is room for "
            f"{self.room:,} in the model's {n_ctx:,} positions.",
            "Shorten it, have its first part read (--cut), or all of it in parts (--chunk).",
            n_tokens=len(ids),
            room=self.room,
        )


def _format_of(lm: LanguageModel) -> TaskFormat | None:
    """How the model was taught to summarise; None if it was taught nothing and is to be asked.

    Raises:
        ConfigError: if it was taught something else.
    """
    command = {"translation": "translate", "classification": "classify"}
    if lm.task is not None and lm.task.task in command:
        raise ConfigError(
            f"{lm.name} was taught {lm.task.task}, not summarization.",
            f"Use `cutaway {command[lm.task.task]}`, or name another model.",
        )
    return lm.task
