"""Translation by a model that was taught pairs of sentences, and which word came from which.

A decoder reads ``source <to-de>`` and goes on; an encoder-decoder reads the source in its encoder.
Both are searched with beams (Vaswani et al. 2017, section 6.1), many sentences at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from cutaway.apps.alignment import Alignment, align
from cutaway.apps.attempts import Ids, attempted, how_chosen, in_parts, searched
from cutaway.data.task import TaskFormat
from cutaway.errors import ConfigError, ContextLengthError, CutawayError, DataError
from cutaway.generation import Completion, GenerationConfig, LanguageModel
from cutaway.models import TransformerConfig

__all__ = ["TooLong", "Translation", "Translator"]

TooLong = Literal["refuse", "chunk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """What a model made of a text.

    Attributes:
        text: the translation; that of a text in parts is those of its parts, one after another.
        n_tokens: of the text that was translated.
        parts: in which it was read.
        logprob: natural logarithm of the probability that the model gives it, all parts together.
        ended: whether each part's translation came to an end by itself.
        alignments: of each part, where they were asked for.
    """

    text: str
    n_tokens: int
    parts: int
    logprob: float
    ended: bool
    alignments: tuple[Alignment, ...] | None = None


class Translator:
    """A language model that translates.

    Args:
        lm: the model; ``task.json`` beside it says how it was taught.
        to: the language to translate into, for a model that knows several: ``de``, or a marker
            such as ``<to-de>``. None for the one of ``task.json``.
        beams: width of the search; 1 takes the likeliest token always.
        length_penalty: see :class:`cutaway.generation.GenerationConfig`.
        max_tokens: tokens of a translation at most, of each part; fewer where the context ends.
        too_long: what becomes of a text that does not fit: it is refused, or translated sentence
            by sentence, as many at once as fit.
        layer: whose attention aligns words, averaged over its heads; None not to align.

    Raises:
        ConfigError: for a model that was not taught to translate, or an impossible setting.
        TokenizerError: for a model without a vocabulary, or without such a marker.
    """

    def __init__(
        self,
        lm: LanguageModel,
        *,
        to: str | None = None,
        beams: int = 5,
        length_penalty: float = 1.0,
        max_tokens: int = 200,
        too_long: TooLong = "refuse",
        layer: int | None = None,
    ) -> None:
        if too_long not in ("refuse", "chunk"):
            raise ConfigError(f"too_long is {too_long!r}.", "Known: refuse, chunk.")
        self.lm, self.too_long, self.layer = lm, too_long, layer
        self.format = _format_of(lm, to)
        self.marker = self.format.marker_id(lm.tokenizer)
        how = {"max_new_tokens": max_tokens, "overflow": "stop", "beams": beams}
        more = {"length_penalty": length_penalty} if beams > 1 else {"temperature": 0.0}
        self.config = GenerationConfig.from_dict({**how, **more})
        if layer is not None and not 0 <= layer < lm.config.n_layer:
            raise ConfigError(
                f"layer is {layer}.", f"Layers count from 0 to {lm.config.n_layer - 1}."
            )

    @property
    def room(self) -> int:
        """Tokens of the longest text that is taken.

        A decoder has its context for both texts, so a text gets half of it.
        """
        n_ctx = self.lm.config.n_ctx
        return n_ctx - 1 if self._has_encoder else (n_ctx - 1) // 2

    @property
    def protocol(self) -> str:
        """How translations are made, in a few words."""
        config, n = self.config, f"{self.config.max_new_tokens} tokens at most"
        stacks = "encoder-decoder" if self._has_encoder else f"decoder, {self.format.mask} mask"
        return f"{stacks}, {self.lm.dtype}; {how_chosen(config)}, {n}"

    def __call__(self, text: str) -> Translation:
        """The translation of one text.

        Raises:
            ContextLengthError: if it is too long, and that is to be refused.
            DataError: if it is empty.
        """
        [translation] = self.attempts([text])
        if isinstance(translation, CutawayError):
            raise translation
        return translation

    def attempts(self, texts: Sequence[str]) -> list[Translation | CutawayError]:
        """The translation of each text, or why there is none: one bad text ends no other."""
        return attempted(texts, read=self._parts, write=self._written, join=self._joined)

    def _written(self, sources: list[Ids]) -> list[Completion]:
        between = [self.lm.tokenizer.eot] if self._has_encoder else []
        prompts = [[*source, *between, self.marker] for source in sources]
        if self.config.beams == 1:
            return self.lm.generate(prompts, config=self.config)
        return searched(self.lm, prompts, self.config)

    def _joined(self, _text: str, parts: list[Ids], written: list[Completion]) -> Translation:
        alignments = None
        if self.layer is not None:
            alignments = tuple(
                align(self.lm, source, completion, marker=self.marker, layer=self.layer)
                for source, completion in zip(parts, written, strict=True)
            )
        return Translation(
            text=" ".join(filter(None, (completion.text.strip() for completion in written))),
            n_tokens=sum(map(len, parts)),
            parts=len(parts),
            logprob=sum(sum(completion.logprobs) for completion in written),
            ended=all(completion.finish_reason == "end_of_text" for completion in written),
            alignments=alignments,
        )

    def _parts(self, text: str) -> list[Ids]:
        """The ids of a text, in parts that fit.

        Raises:
            ContextLengthError: if it does not fit and is to be refused.
            DataError: if it is empty.
        """
        text = text.strip()
        if not text:
            raise DataError("The text is empty.", "Give a text to translate.")
        ids = self.lm.encode(text)
        if len(ids) <= self.room:
            return [ids]
        if self.too_long == "chunk":
            return in_parts(self.lm, text, self.room)
        raise ContextLengthError(
            f"The text has {len(ids):,} tokens, and there is room for {self.room:,} in the "
            f"model's {self.lm.config.n_ctx:,} positions.",
            "Shorten it, or have it translated in parts (--chunk).",
            n_tokens=len(ids),
            room=self.room,
        )

    @property
    def _has_encoder(self) -> bool:
        return isinstance(self.lm.config, TransformerConfig)


def _format_of(lm: LanguageModel, to: str | None) -> TaskFormat:
    """How the model was taught to translate.

    Raises:
        ConfigError: if it was not.
    """
    task = lm.task
    if task is None or task.task in ("summarization", "classification"):
        was = "was not taught pairs" if task is None else f"was taught {task.task}"
        raise ConfigError(
            f"{lm.name} {was}, so it cannot translate.",
            "Train one (recipes/translation.toml), or teach one (cutaway finetune).",
        )
    if to is None:
        return task
    marker = to if to.startswith("<") else f"<to-{to}>"
    if task.mask == "prefix" and marker != task.marker:
        raise ConfigError(
            f"{lm.name} reads its source both ways up to {task.marker}, not to {marker}.",
            "Leave the language out.",
        )
    return replace(task, marker=marker)
