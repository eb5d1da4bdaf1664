"""How well a model predicts music: nats for each event of performances, for each note of chorales.

Huang et al. 2019, "Music Transformer", tables 2 and 3. A figure says nothing without what was
counted and how far the model could look back, so both are part of every result.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any, Literal

import numpy as np

from cutaway.data.music import NamedChorale
from cutaway.errors import ConfigError, ContextLengthError, DataError
from cutaway.evals.figures import Figure
from cutaway.generation import LanguageModel
from cutaway.generation.scoring import check_stride, score_ids
from cutaway.models import MusicTransformerConfig, TransformerDecoderConfig, new_model
from cutaway.music.augment import from_first_note
from cutaway.music.events import EVENTS, encode_array
from cutaway.music.grid import VOICES, encode_chorale
from cutaway.music.notes import Performance
from cutaway.music.vocabulary import chorale_tokenizer, performance_tokenizer

__all__ = [
    "ChoraleNll",
    "PartNll",
    "PerformanceNll",
    "chorale_nll",
    "kind_of_music",
    "performance_nll",
    "with_context",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartNll:
    """Some of the tokens that were scored.

    Attributes:
        tokens: how many.
        nll: negative log-likelihood of all of them, in nats.
    """

    tokens: int
    nll: float

    @property
    def per_token(self) -> float:
        """Nats; 0 where there are no such tokens."""
        return self.nll / self.tokens if self.tokens else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Both, and the mean, ready for JSON."""
        return {**asdict(self), "per_token": self.per_token}


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceNll:
    """The figures of :func:`performance_nll`.

    Attributes:
        pieces: performances.
        notes: that are played in them.
        seconds: of all of them.
        kinds: NOTE_ON, NOTE_OFF, TIME_SHIFT and SET_VELOCITY, each with its events.
        n_ctx: events that one window reads.
        stride: events between the starts of two windows.
        limit: performances that were taken at most; None for all.
    """

    pieces: int
    notes: int
    seconds: float
    kinds: Mapping[str, PartNll]
    n_ctx: int
    stride: int
    limit: int | None = None

    @property
    def events(self) -> int:
        """All events."""
        return sum(part.tokens for part in self.kinds.values())

    @property
    def nll(self) -> float:
        """Of all of them, in nats."""
        return math.fsum(part.nll for part in self.kinds.values())

    @property
    def per_event(self) -> float:
        """Nats for an event: the figure of the paper's table 3."""
        return self.nll / self.events

    @property
    def protocol(self) -> str:
        """How the number came about, in one line to be printed with it."""
        some = "" if self.limit is None else f"; the first {self.limit:,} performances"
        return (
            "NLL in nats over events, summed over performances, each from <|endoftext|>, whose own "
            "prediction at the end is not counted, and from its first note on; 388 events, times "
            "in steps of 10 ms, pedal as longer notes; windows of "
            f"{self.n_ctx} events, stride {self.stride} (at least "
            f"{self.n_ctx - self.stride} events of context past the first window){some}"
        )

    @property
    def figures(self) -> list[Figure]:
        """The figures to be shown."""
        n = self.events
        each = [
            Figure(f"  {kind}", f"{part.per_token:.4f}", f"{part.tokens / n:.1%} of the events")
            for kind, part in self.kinds.items()
        ]
        return [
            *each,
            Figure("nats per event", f"{self.per_event:.4f}", f"{n:,} events"),
            Figure("  per note", f"{self.nll / self.notes:.4f}", f"{self.notes:,} notes"),
            Figure("  per second", f"{self.nll / self.seconds:.3f}", f"{self.seconds:,.0f} s"),
        ]

    def to_dict(self) -> dict[str, Any]:
        """All fields and figures, ready for JSON."""
        return {
            "protocol": self.protocol,
            "per_event": self.per_event,
            "per_note": self.nll / self.notes,
            "per_second": self.nll / self.seconds,
            "nll": self.nll,
            "events": self.events,
            "kinds": {kind: part.to_dict() for kind, part in self.kinds.items()},
            "pieces": self.pieces,
            "notes": self.notes,
            "seconds": self.seconds,
            "n_ctx": self.n_ctx,
            "stride": self.stride,
            "limit": self.limit,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoraleNll:
    """The figures of :func:`chorale_nll`.

    Attributes:
        chorales: that were scored.
        steps: sixteenth notes of all of them.
        voices: soprano, alto, tenor and bass, each with its tokens.
        limit: chorales that were taken at most; None for all.
    """

    chorales: int
    steps: int
    voices: Mapping[str, PartNll]
    limit: int | None = None

    @property
    def tokens(self) -> int:
        """Four of each step."""
        return sum(part.tokens for part in self.voices.values())

    @property
    def nll(self) -> float:
        """Of all of them, in nats."""
        return math.fsum(part.nll for part in self.voices.values())

    @property
    def per_token(self) -> float:
        """Nats for a note or a silence of one voice: the figure of the paper's table 2."""
        return self.nll / self.tokens

    @property
    def protocol(self) -> str:
        """How the number came about, in one line to be printed with it."""
        some = "" if self.limit is None else f"; the first {self.limit:,} chorales"
        return (
            "NLL in nats over tokens, of each sixteenth note soprano, alto, tenor, bass; 128 "
            "pitches and silence, a note that is held not told from one that is struck again; "
            "every token from all before it in the whole chorale, the first from <|endoftext|>; "
            f"the end of a chorale is not counted{some}"
        )

    @property
    def figures(self) -> list[Figure]:
        """The figures to be shown."""
        each = [Figure(f"  {v}", f"{part.per_token:.4f}") for v, part in self.voices.items()]
        of = f"{self.tokens:,} tokens of {self.chorales:,} chorales"
        return [
            *each,
            Figure("nats per token", f"{self.per_token:.4f}", of),
            Figure("  per step", f"{self.nll / self.steps:.4f}", f"{self.steps:,} steps"),
        ]

    def to_dict(self) -> dict[str, Any]:
        """All fields and figures, ready for JSON."""
        return {
            "protocol": self.protocol,
            "per_token": self.per_token,
            "per_step": self.nll / self.steps,
            "nll": self.nll,
            "tokens": self.tokens,
            "voices": {voice: part.to_dict() for voice, part in self.voices.items()},
            "chorales": self.chorales,
            "steps": self.steps,
            "limit": self.limit,
        }


def kind_of_music(lm: LanguageModel) -> Literal["performance", "chorales"]:
    """What a model writes.

    Raises:
        ConfigError: if its vocabulary is none of music.
    """
    found = lm.tokenizer_or_none
    if found == performance_tokenizer():
        return "performance"
    if found == chorale_tokenizer():
        return "chorales"
    raise ConfigError(
        f"{lm.name} has no vocabulary of music.",
        'Name a model of a recipe with task.kind = "performance" or "chorales".',
    )


def with_context(lm: LanguageModel, n_ctx: int) -> LanguageModel:
    """The same model with more positions than it was trained with.

    Raises:
        ConfigError: if it has weights for each position, and so none for more.
    """
    config = lm.config
    if n_ctx <= config.n_ctx:
        return lm
    if not isinstance(config, MusicTransformerConfig | TransformerDecoderConfig):
        raise ConfigError(
            f"context is {n_ctx}, and {lm.name} has {config.n_ctx} positions, each with weights.",
            "Give at most as many; a music-transformer takes more, for it has sinusoids.",
        )
    longer = new_model(replace(config, n_ctx=n_ctx))
    longer.load_state_dict(lm.model.state_dict())
    return LanguageModel(longer, lm.tokenizer, name=lm.name, fingerprint=lm.fingerprint)


def performance_nll(
    lm: LanguageModel,
    performances: Iterable[Performance],
    *,
    context: int | None = None,
    stride: int | None = None,
    limit: int | None = None,
) -> PerformanceNll:
    """Measures a model on performances: mean negative log-likelihood of their events.

    Each performance is scored by itself, its first event predicted from ``<|endoftext|>``; silence
    in front of its first note is left out. One that is longer than the context is read in windows
    that start ``stride`` events apart; every event counts once. With ``stride`` equal to the
    context windows do not overlap, as where the paper's authors measured (tensor2tensor's
    ``split_in_eval``).

    Args:
        lm: a model of performances.
        performances: read once, one at a time.
        context: events of a window; the model's positions unless given, and more than those where
            the model has no weights for them.
        stride: 1 to ``context``; half of it unless given.
        limit: take only the first so many.

    Raises:
        ConfigError: for another model, or an impossible context or stride.
        DataError: if there is no performance with a note.
    """
    if kind_of_music(lm) != "performance":
        raise ConfigError(f"{lm.name} is a model of chorales.", "Measure it on chorales.")
    if context is not None and context < 1:
        raise ConfigError(f"context is {context}.", "Give 1 or more.")
    n_ctx = lm.config.n_ctx if context is None else context
    stride, reader = check_stride(stride, n_ctx=n_ctx), with_context(lm, n_ctx).reader
    sums, counts = np.zeros(len(EVENTS)), np.zeros(len(EVENTS), np.int64)
    firsts = [block.first_id for block in EVENTS]
    pieces = notes = 0
    seconds = 0.0
    for performance in map(from_first_note, islice(performances, limit)):
        ids = encode_array(performance).tolist()
        if not ids:
            continue
        logprobs = score_ids(reader, ids, before=lm.tokenizer.eot, stride=stride, n_ctx=n_ctx)
        kinds = np.searchsorted(firsts, ids, side="right") - 1
        sums -= np.bincount(kinds, logprobs, len(firsts))
        counts += np.bincount(kinds, minlength=len(firsts))
        pieces, notes, seconds = pieces + 1, notes + len(performance), seconds + performance.seconds
    if not pieces:
        raise DataError("There is no performance to measure.", "Give a file with notes in it.")
    return PerformanceNll(
        pieces=pieces,
        notes=notes,
        seconds=seconds,
        kinds=_parts([block.name for block in EVENTS], counts.tolist(), sums.tolist()),
        n_ctx=n_ctx,
        stride=stride,
        limit=limit,
    )


def chorale_nll(
    lm: LanguageModel, chorales: Iterable[NamedChorale], *, limit: int | None = None
) -> ChoraleNll:
    """Measures a model on chorales: mean negative log-likelihood of their tokens.

    Each chorale is read whole (teacher forcing): soprano, alto, tenor and bass of each sixteenth
    note in turn, every token from all before it.

    Args:
        lm: a model of chorales.
        chorales: read once, one at a time.
        limit: take only the first so many.

    Raises:
        ConfigError: for another model.
        ContextLengthError: for a chorale that the model has no room for, with its place.
        DataError: if there is no chorale.
    """
    if kind_of_music(lm) != "chorales":
        raise ConfigError(f"{lm.name} is a model of performances.", "Measure it on MIDI files.")
    n_ctx, sums, n_chorales, steps = lm.config.n_ctx, np.zeros(len(VOICES)), 0, 0
    for chorale, where in islice(chorales, limit):
        ids = encode_chorale(chorale)
        if len(ids) > n_ctx:
            raise ContextLengthError(
                f"{where} has {len(ids):,} tokens, the model {n_ctx:,} positions.",
                "Chorales are measured whole: take a model with room for them.",
            )
        logprobs = score_ids(lm.reader, ids, before=lm.tokenizer.eot, stride=n_ctx)
        sums -= np.reshape(logprobs, (-1, len(VOICES))).sum(axis=0)
        n_chorales, steps = n_chorales + 1, steps + chorale.n_steps
    if not steps:
        raise DataError("There is no chorale to measure.", "Name a part of the file that has some.")
    return ChoraleNll(
        chorales=n_chorales,
        steps=steps,
        voices=_parts(VOICES, [steps] * len(VOICES), sums.tolist()),
        limit=limit,
    )


def _parts(names: Sequence[str], tokens: Sequence[int], nll: Sequence[float]) -> dict[str, PartNll]:
    return {
        name: PartNll(tokens=n, nll=loss) for name, n, loss in zip(names, tokens, nll, strict=True)
    }
