"""Piano playing by a model of performances: from nothing, or going on from what was played.

A performance is a text of events (:mod:`cutaway.music.events`), so a model plays as others write:
event by event, each of them drawn, and past its context with the recent ones
(:mod:`cutaway.generation.window`). Music Transformer, Huang et al. 2019, section 4.2: "primed"
and "unconditioned" samples.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Self

from cutaway.apps.attempts import how_drawn
from cutaway.apps.keyboard import Keyboard
from cutaway.errors import ConfigError, DataError
from cutaway.generation import Completion, GenerationConfig, LanguageModel, TextStream
from cutaway.generation.window import window_start
from cutaway.music.events import encode, event_names
from cutaway.music.notes import MAX_SECONDS, Performance
from cutaway.tokenizers import WordTokenizer

__all__ = ["Finish", "Pianist", "Played", "Playing", "beginning_of"]

Finish = Literal["seconds", "events", "end"]

_EVENTS_A_SECOND = 200
_EVENTS_AT_LEAST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What a model played.

    Attributes:
        performance: the new notes, behind those that it went on from, if there were some.
        new: the new notes alone, from 0 seconds on.
        seconds: of new music.
        events: that were drawn.
        logprob: natural logarithm of their probability, before any filter.
        struck: sounding keys that were struck again, as any piano allows.
        silent: NOTE_OFF events of keys that did not sound; they do nothing.
        empty: notes that ended in the moment in which they began; they are left out.
        held: notes that sounded when the playing ended; they end there.
        finish: why it ended: ``"seconds"`` or ``"events"`` as many as asked for, ``"end"`` the
            model came to an end; None while unfinished.
        seed: that gives this playing again.
    """

    performance: Performance
    new: Performance
    seconds: float
    events: int
    logprob: float
    struck: int
    silent: int
    empty: int
    held: int
    finish: Finish | None
    seed: int | None


class Pianist:
    """A language model that plays the piano.

    Args:
        lm: the model, taught performances.
        temperature: see :class:`cutaway.generation.GenerationConfig`; so are the next two.
        top_k: 0 for all events.
        top_p: 1 for all events.
        may_end: whether the model may end a performance before it is as long as asked for.

    Raises:
        ConfigError: for a model that was not taught performances, or an impossible setting.
        TokenizerError: for a model without a vocabulary.
    """

    def __init__(
        self,
        lm: LanguageModel,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        may_end: bool = False,
    ) -> None:
        check_vocabulary(lm, event_names(), "performances", "recipes/piano.toml")
        self.lm, self.may_end = lm, may_end
        self.config = GenerationConfig(
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            overflow="slide",
            logit_bias={} if may_end else {lm.tokenizer.eot: -float("inf")},
        )

    @property
    def protocol(self) -> str:
        """How events are chosen, in a few words."""
        end = "" if self.may_end else "; the end is not drawn"
        return f"{self.lm.dtype}, {how_drawn(self.config)}{end}"

    def play(
        self,
        prime: Performance | None = None,
        *,
        seconds: float = 30.0,
        max_events: int | None = None,
        seed: int | None = None,
    ) -> "Playing":
        """Plays, event by event; arguments are checked at once.

        Args:
            prime: to go on from; None to begin.
            seconds: of new music; the last note may be cut.
            max_events: after which it ends in any case, should time not go on. None: 200 for each
                second, and 1,000.
            seed: the same seed gives the same music; None takes a fresh one, which is reported.

        Raises:
            ConfigError: for an impossible length or seed.
            DataError: for a prime without notes.
        """
        most = MAX_SECONDS - (prime.seconds if prime else 0.0)
        if not 0 < seconds <= most:
            raise ConfigError(
                f"seconds is {seconds!r}.", f"It must be a number above 0, and at most {most:g}."
            )
        if max_events is None:
            max_events = round(_EVENTS_A_SECOND * seconds) + _EVENTS_AT_LEAST
        keyboard, eot = Keyboard(), self.lm.tokenizer.eot
        ids = [eot, *self._read(prime)]  # as a piece begins that models learn from
        for event in ids[1:]:
            keyboard.press(event)
        keyboard.mark()
        start = window_start(len(ids), self.lm.config.n_ctx)  # what is before has no effect
        config = self.config.replace(max_new_tokens=max_events)
        stream = self.lm.stream(ids[start:], seed=seed, config=config)
        return Playing(stream, keyboard, prime, seconds=seconds, end=eot)

    def samples(self, n: int, *, events: int, seed: int | None = None) -> list[Played]:
        """``n`` performances from nothing, of so many events at most, many at once.

        Raises:
            ConfigError: for an impossible number or seed.
        """
        config, eot = self.config.replace(max_new_tokens=events), self.lm.tokenizer.eot
        made = self.lm.generate([eot], n=n, seed=seed, config=config)
        return [_sampled(one, eot) for one in (made if isinstance(made, list) else [made])]

    def _read(self, prime: Performance | None) -> list[int]:
        if prime is None:
            return []
        if not prime.notes:
            raise DataError(
                f"{prime.source or 'The beginning'} has no notes to go on from.",
                "Give another MIDI file, or none.",
            )
        return encode(prime)


class Playing(Iterator[float]):
    """A performance while it is played: yields the seconds of new music after each event.

    Leaving the loop, closing it or Ctrl-C loses nothing: :attr:`played` is what there is.
    """

    def __init__(
        self,
        stream: TextStream,
        keyboard: Keyboard,
        prime: Performance | None,
        *,
        seconds: float,
        end: int,
    ) -> None:
        self._stream, self._keyboard, self._prime = stream, keyboard, prime
        self._limit, self._end = seconds, end
        self._finish: Finish | None = None
        self._events, self._logprob = 0, 0.0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> float:
        if self._finish is not None:
            raise StopIteration
        event = next(self._stream, None)
        if event is None:  # closed by someone
            raise StopIteration
        [token] = event.ids
        self._events, self._logprob = self._events + 1, self._logprob + event.logprob
        if token == self._end:
            self._finish = "end"
        else:
            self._keyboard.press(token)
        if self._keyboard.seconds >= self._limit:
            self._finish = "seconds"
        elif event.finish_reason is not None and self._finish is None:
            self._finish = "events"
        if self._finish is not None:
            self._stream.close()
        return self.seconds

    @property
    def seconds(self) -> float:
        """Of new music so far."""
        return min(self._keyboard.seconds, self._limit)

    @property
    def n_notes(self) -> int:
        """New notes so far, those that still sound included."""
        return self._keyboard.n_notes

    def close(self) -> None:
        """Plays no more."""
        self._stream.close()

    @property
    def played(self) -> Played:
        """What was played so far; its ``finish`` is None until it is finished."""
        return _played(
            self._keyboard,
            self._prime,
            until=self._limit,
            events=self._events,
            logprob=self._logprob,
            finish=self._finish,
            seed=self._stream.completion.seed,
        )


def beginning_of(performance: Performance, seconds: float) -> Performance:
    """The notes that begin in the first seconds; those that go on end there.

    Raises:
        ConfigError: if ``seconds`` is not above 0.
        DataError: if no note begins by then.
    """
    if not seconds > 0:
        raise ConfigError(f"seconds is {seconds!r}.", "It must be a number above 0.")
    notes = [
        note._replace(end=min(note.end, seconds))
        for note in performance.notes
        if note.start < seconds
    ]
    if not notes:
        raise DataError(
            f"{performance.source or 'The performance'} has no note in its first {seconds:g} s.",
            "Take more of it.",
        )
    return Performance(notes, performance.source)


def check_vocabulary(lm: LanguageModel, words: Sequence[str], taught: str, recipe: str) -> None:
    """Refuses a model whose words are not those of the music that is to be made.

    Raises:
        ConfigError: naming what teaches one.
        TokenizerError: if it came without a vocabulary.
    """
    tokenizer = lm.tokenizer
    if isinstance(tokenizer, WordTokenizer) and tokenizer.names == tuple(words):
        return
    raise ConfigError(
        f"{lm.name} was not taught {taught}: its vocabulary holds other words.",
        f"Name a model that was, or train one ({recipe}).",
    )


def _sampled(completion: Completion, end: int) -> Played:
    keyboard = Keyboard()
    for event in completion.ids:
        if event != end:
            keyboard.press(event)
    return _played(
        keyboard,
        None,
        until=keyboard.seconds,
        events=len(completion.ids),
        logprob=sum(completion.logprobs),
        finish="end" if completion.finish_reason == "end_of_text" else "events",
        seed=completion.seed,
    )


def _played(
    keyboard: Keyboard,
    prime: Performance | None,
    *,
    until: float,
    events: int,
    logprob: float,
    finish: Finish | None,
    seed: int | None,
) -> Played:
    seconds = min(keyboard.seconds, until)
    notes, held = keyboard.notes(until=seconds)
    new = Performance(notes)
    return Played(
        performance=new if prime is None else _joined(prime, new),
        new=new,
        seconds=seconds,
        events=events,
        logprob=logprob,
        struck=keyboard.struck,
        silent=keyboard.silent,
        empty=keyboard.empty,
        held=held,
        finish=finish,
        seed=seed,
    )


def _joined(prime: Performance, new: Performance) -> Performance:
    """The notes of the prime as they were played, and the new ones from its last end on."""
    since = prime.seconds
    behind = [note._replace(start=since + note.start, end=since + note.end) for note in new.notes]
    return Performance([*prime.notes, *behind], prime.source)
