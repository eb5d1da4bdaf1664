"""How a text is to be continued: one frozen set of settings, checked when it is made."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal, Self, TypedDict, Unpack, cast

from cutaway.errors import ConfigError, nearest

__all__ = ["DEFAULT_NEW_TOKENS", "GenerationConfig", "GenerationSettings", "Overflow"]

Overflow = Literal["error", "stop", "slide"]

DEFAULT_NEW_TOKENS = 50
"""Tokens added when no length is asked for."""


class GenerationSettings(TypedDict, total=False):
    """The fields of :class:`GenerationConfig` as keyword arguments."""

    temperature: float
    top_k: int
    top_p: float
    min_p: float
    typical_p: float
    repetition_penalty: float
    no_repeat_ngram: int
    logit_bias: Mapping[int, float]
    stop: str | tuple[str, ...] | list[str]
    stop_ids: tuple[int, ...] | list[int]
    max_new_tokens: int | None
    overflow: Overflow
    logprobs: int | None
    beams: int
    length_penalty: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationConfig:
    """How the next token is chosen, and when the text ends.

    The filters work in this order: logit bias, repetition penalty, n-grams, temperature, top-k,
    top-p, min-p, typical. Each says in :mod:`cutaway.generation.filters` what it keeps.

    Attributes:
        temperature: divides the logits; 0 takes the best token every time (greedy).
        top_k: draw among the k best (the article's default, 40); 0 for all.
        top_p: draw from the smallest set of best tokens that holds this share of probability.
        min_p: drop tokens less likely than this share of the best one's probability.
        typical_p: draw from the tokens whose surprise is nearest the expected, up to this mass.
        repetition_penalty: divides the scores of tokens already in the text; 1 for none.
        no_repeat_ngram: no run of so many tokens occurs twice; 0 for no such rule. Neither this nor
            the penalty counts a source, which a model that was taught pairs has before its marker.
        logit_bias: token id -> what is added to its logit; minus infinity bans it.
        stop: the text ends before the first of these strings.
        stop_ids: the text ends before the first of these tokens.
        max_new_tokens: length to add. None: up to 50, and fewer where the context ends.
        overflow: when the text outgrows the context: ``"error"`` refuses a prompt or a length
            that cannot fit, ``"stop"`` ends there, ``"slide"`` goes on with the recent tokens.
        logprobs: how many of the likeliest tokens to report at each step; None for none.
        beams: search with so many beams instead of drawing; 1 for no search.
        length_penalty: beams are ranked by ``sum of log-probabilities / length ** penalty``.

    >>> GenerationConfig(top_k=0, top_p=0.9).replace(temperature=0.7).temperature
    0.7
    """

    temperature: float = 1.0
    top_k: int = 40
    top_p: float = 1.0
    min_p: float = 0.0
    typical_p: float = 1.0
    repetition_penalty: float = 1.0
    no_repeat_ngram: int = 0
    logit_bias: Mapping[int, float] = field(default_factory=dict[int, float])
    stop: str | tuple[str, ...] | list[str] = ()
    stop_ids: tuple[int, ...] | list[int] = ()
    max_new_tokens: int | None = None
    overflow: Overflow = "error"
    logprobs: int | None = None
    beams: int = 1
    length_penalty: float = 0.0

    def __post_init__(self) -> None:
        self._check_numbers()
        self._check_collections()
        if self.overflow not in ("error", "stop", "slide"):
            raise ConfigError(
                f"overflow is {self.overflow!r}.", "It must be 'error', 'stop' or 'slide'."
            )
        if self.beams > 1:
            self._check_beams()

    @property
    def is_greedy(self) -> bool:
        """Whether the best token is taken every time."""
        return self.temperature == 0.0

    @property
    def n_new(self) -> int:
        """Tokens to add where the context does not end first."""
        return DEFAULT_NEW_TOKENS if self.max_new_tokens is None else self.max_new_tokens

    def replace(self, **changes: Unpack[GenerationSettings]) -> Self:
        """The same settings with some changed.

        Raises:
            ConfigError: for an impossible value, or a name that does not exist.
        """
        _check_names(changes)
        return replace(self, **changes)

    def to_dict(self) -> dict[str, object]:
        """All fields, ready for TOML or JSON."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {**fields, "logit_bias": dict(self.logit_bias)}

    def __reduce__(self) -> tuple[object, ...]:
        return type(self).from_dict, (self.to_dict(),)  # a read-only mapping cannot be pickled

    @classmethod
    def from_dict(cls, fields: Mapping[str, object]) -> Self:
        """Builds settings from all or some of their fields.

        Raises:
            ConfigError: for a field that does not exist, with the nearest that does.
        """
        _check_names(fields)
        return cls(**fields)  # type: ignore[arg-type]

    def _check_numbers(self) -> None:
        _number("temperature", self.temperature, least=0.0)
        _number("top_p", self.top_p, above=0.0, most=1.0)
        _number("min_p", self.min_p, least=0.0, most=1.0)
        _number("typical_p", self.typical_p, above=0.0, most=1.0)
        _number("repetition_penalty", self.repetition_penalty, above=0.0)
        _number("length_penalty", self.length_penalty)
        _whole("top_k", self.top_k, least=0)
        _whole("no_repeat_ngram", self.no_repeat_ngram, least=0)
        _whole("beams", self.beams, least=1)
        if self.max_new_tokens is not None:
            _whole("max_new_tokens", self.max_new_tokens, least=1)
        if self.logprobs is not None:
            _whole("logprobs", self.logprobs, least=0)

    def _check_collections(self) -> None:
        """Checks the fields with many values and keeps copies that nobody can change."""
        if not isinstance(self.logit_bias, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError(
                f"logit_bias is {self.logit_bias!r}.", "It must map token ids to numbers."
            )
        for token, bias in self.logit_bias.items():
            _whole("a token id in logit_bias", token, least=0)
            if not _is_number(bias) or math.isnan(bias) or bias == math.inf:
                raise ConfigError(
                    f"logit_bias[{token}] is {bias!r}.", "It must be a number; -inf bans the token."
                )
        stop = (self.stop,) if isinstance(self.stop, str) else _members("stop", self.stop)
        for text in stop:
            if not isinstance(text, str) or not text:
                raise ConfigError(f"A stop string is {text!r}.", "It must be a text, not empty.")
        for token in _members("stop_ids", self.stop_ids):
            _whole("a token id in stop_ids", token, least=0)
        object.__setattr__(self, "logit_bias", MappingProxyType(dict(self.logit_bias)))
        object.__setattr__(self, "stop", stop)
        object.__setattr__(self, "stop_ids", tuple(self.stop_ids))

    def _check_beams(self) -> None:
        """Refuses settings that a search would have to ignore."""
        for name, neutral in (("top_p", 1.0), ("min_p", 0.0), ("typical_p", 1.0)):
            if getattr(self, name) != neutral:
                raise ConfigError(
                    f"beams={self.beams} and {name}={getattr(self, name)} exclude each other.",
                    f"Beams look for the likeliest text, {name} draws: leave one of them out.",
                )
        if self.temperature not in (0.0, 1.0):
            raise ConfigError(
                f"beams={self.beams} and temperature={self.temperature} exclude each other.",
                "Beams look for the likeliest text and draw nothing: leave one of them out.",
            )
        if self.overflow == "slide":
            raise ConfigError(
                f"beams={self.beams} cannot slide past the context.",
                "Use overflow='error' or 'stop', or beams=1.",
            )


def _check_names(fields: Mapping[str, object]) -> None:
    known = GenerationConfig.__slots__
    for name in fields:
        if name not in known:
            raise ConfigError(f"Unknown generation setting {name!r}.", nearest(name, known))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(
    name: str,
    value: float,
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    most: float = math.inf,
) -> None:
    if _is_number(value) and math.isfinite(value) and least <= value <= most and value > above:
        return
    low = f"[{least:g}" if least > -math.inf else f"({above:g}"
    high = f"{most:g}]" if most < math.inf else "inf)"
    raise ConfigError(f"{name} is {value!r}.", f"It must be a number in {low}, {high}.")


def _members(name: str, values: object) -> tuple[object, ...]:
    if not isinstance(values, tuple | list):
        raise ConfigError(f"{name} is {values!r}.", "It must be a list.")
    return tuple(cast("Sequence[object]", values))


def _whole(name: str, value: object, *, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(f"{name} is {value!r}.", f"It must be a whole number, {least} or more.")
