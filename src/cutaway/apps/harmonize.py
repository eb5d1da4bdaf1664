"""Alto, tenor and bass to a given soprano, by a model of Bach's chorales.

A model of chorales reads each sixteenth note as four tokens, soprano to bass
(:mod:`cutaway.music.grid`). Here the soprano is put in as it is given, and the model draws the
three below it, which has no sight of the soprano to come (Huang et al. 2019, section 4.1, models
the same order; Coconet, Huang et al. 2017, is the one that looks ahead). So several are drawn, and
the likeliest is taken: among harmonisations of one soprano the probability of all four voices
together orders them as that of three given one does.
"""

import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Self

import numpy as np

from cutaway.apps.attempts import how_drawn
from cutaway.apps.piano import check_vocabulary
from cutaway.errors import ConfigError, DataError
from cutaway.generation import GenerationConfig, LanguageModel
from cutaway.generation.choosing import choose
from cutaway.generation.draw import DrawKey, check_seed
from cutaway.generation.rows import Rows
from cutaway.music.grid import SILENCE, VOICES, Chorale, chorale_names, decode_chorale

__all__ = ["Harmonization", "Harmonizer"]

_N_VOICES = len(VOICES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Harmonization:
    """A soprano with three voices below it.

    Attributes:
        chorale: the four voices.
        logprob: natural logarithm of the probability of all four, as the model sees it.
        others: that of each harmonisation that was drawn, best first.
        crossings: steps at which a voice is above the one over it.
        seed: that gives this one again.
    """

    chorale: Chorale
    logprob: float
    others: tuple[float, ...]
    crossings: int
    seed: int

    @property
    def nll(self) -> float:
        """Nats per token, the soprano's among them."""
        return -self.logprob / self.chorale.voices.size


class Harmonizer:
    """A language model that puts three voices below a soprano.

    Args:
        lm: the model, taught chorales.
        n: harmonisations to draw, of which the likeliest is taken.
        temperature: see :class:`cutaway.generation.GenerationConfig`; so is the next.
        top_p: 1 for all pitches.

    Raises:
        ConfigError: for a model that was not taught chorales, or an impossible setting.
        TokenizerError: for a model without a vocabulary.
    """

    def __init__(
        self, lm: LanguageModel, *, n: int = 8, temperature: float = 1.0, top_p: float = 1.0
    ) -> None:
        check_vocabulary(lm, chorale_names(), "chorales", "recipes/jsb.toml")
        if not isinstance(n, int) or isinstance(n, bool) or n < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError(f"n is {n!r}.", "It must be a whole number, 1 or more.")
        if lm.config.n_ctx < 4 * _N_VOICES:
            raise ConfigError(
                f"{lm.name} has {lm.config.n_ctx} positions.",
                f"A harmonisation needs {4 * _N_VOICES}, four sixteenth notes, or more.",
            )
        self.lm, self.n = lm, n
        self.config = GenerationConfig(
            temperature=temperature,
            top_k=0,
            top_p=top_p,
            logit_bias={lm.tokenizer.eot: -math.inf},
        )

    @property
    def protocol(self) -> str:
        """How voices are chosen, in a few words."""
        how = how_drawn(self.config)
        return f"{self.lm.dtype}, {how}; the likeliest of {self.n} by the model's own probability"

    def __call__(self, soprano: Sequence[int | None], *, seed: int | None = None) -> Harmonization:
        """Harmonises a soprano.

        Args:
            soprano: the pitch of each sixteenth note, 0 to 127, None for silence.
            seed: the same seed gives the same voices; None takes a fresh one, which is reported.

        Raises:
            ConfigError: for an impossible seed.
            DataError: for an empty soprano, or a pitch that does not exist.
        """
        harmonizing = self.begin(soprano, seed=seed)
        for _ in harmonizing:
            pass
        return harmonizing.best

    def begin(self, soprano: Sequence[int | None], *, seed: int | None = None) -> "Harmonizing":
        """As a call, step by step; arguments are checked at once."""
        given = [_token(pitch, step) for step, pitch in enumerate(soprano)]
        if all(token == SILENCE for token in given):
            raise DataError(
                "The soprano is empty." if not given else "The soprano is silent throughout.",
                "Give at least one pitch.",
            )
        return Harmonizing(self.lm, given, n=self.n, config=self.config, seed=check_seed(seed))


class Harmonizing(Iterator[int]):
    """Harmonisations while they are written: yields the steps that are through, of :attr:`total`.

    All are written step by step at once, as many as the machine takes well; where that is fewer
    than there are, some wait for the others. Leaving the loop loses nothing that is whole.
    """

    def __init__(
        self,
        lm: LanguageModel,
        soprano: list[int],
        *,
        n: int,
        config: GenerationConfig,
        seed: int,
    ) -> None:
        self._lm, self._soprano, self._config, self._seed = lm, soprano, config, seed
        self._done: list[tuple[float, list[int]]] = []
        self._steps = self._all(n)
        self.total = n * len(soprano)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> int:
        return next(self._steps)

    @property
    def best(self) -> Harmonization:
        """The likeliest of those that are whole.

        Raises:
            DataError: if none is.
        """
        if not self._done:
            raise DataError("No harmonisation is whole yet.", "Let it work for longer.")
        ranked = sorted(self._done, key=lambda pair: -pair[0])
        logprob, ids = ranked[0]
        chorale = decode_chorale(ids)
        return Harmonization(
            chorale=chorale,
            logprob=logprob,
            others=tuple(score for score, _ in ranked),
            crossings=_crossings(chorale),
            seed=self._seed,
        )

    def _all(self, n: int) -> Generator[int]:
        n_total = _N_VOICES * len(self._soprano) + 1
        at_once = self._lm.reader.max_rows(n_total)
        for start in range(0, n, at_once):
            indices = range(start, min(start + at_once, n))
            texts = _Texts(self._lm, indices, config=self._config, seed=self._seed)
            try:
                for step, token in enumerate(self._soprano):
                    texts.add([token] * len(indices))
                    for _ in range(_N_VOICES - 1):
                        texts.add(texts.chosen())
                    yield start * len(self._soprano) + (step + 1) * len(indices)
            finally:
                texts.close()
            self._done += zip(texts.logprobs, texts.ids, strict=True)


class _Texts:
    """Chorales that are written at once, each from the end of text on."""

    def __init__(
        self, lm: LanguageModel, indices: range, *, config: GenerationConfig, seed: int
    ) -> None:
        self._reader, self._eot = lm.reader, lm.tokenizer.eot
        self._config, self._seed, self._indices = config, seed, indices
        self.ids: list[list[int]] = [[] for _ in indices]
        self.logprobs = [0.0] * len(indices)
        self._read = 0  # tokens of each that left the window
        self._rows: Rows | None = None

    def add(self, tokens: Sequence[int]) -> None:
        """Adds a token to each, given or chosen."""
        rows = self._at_hand()
        sums = rows.log_sums()
        for row, token in enumerate(tokens):
            self.logprobs[row] += float(rows.logits[row][token]) - float(sums[row])
            self.ids[row].append(token)
        self._forward(tokens)

    def chosen(self) -> list[int]:
        """The next token of each, drawn."""
        rows = self._at_hand()
        return [
            choose(
                rows.logits[row],
                ids,
                config=self._config,
                key=DrawKey(self._seed, index, len(ids)),
            )
            for row, (index, ids) in enumerate(zip(self._indices, self.ids, strict=True))
        ]

    def close(self) -> None:
        """Gives back what was held."""
        if self._rows is not None:
            self._rows.close()
            self._rows = None

    def _at_hand(self) -> Rows:
        if self._rows is None:
            self._rows = self._opened()
        return self._rows

    def _forward(self, tokens: Sequence[int]) -> None:
        """Reads the tokens just added, or moves on by whole steps where the context is full."""
        n_ctx, n = self._reader.config.n_ctx, len(self.ids[0])
        if 1 + n - self._read <= n_ctx:
            self._at_hand().step(tokens)
            return
        self.close()
        self._read += max(n_ctx // 2 // _N_VOICES, 1) * _N_VOICES

    def _opened(self) -> Rows:
        """The texts read anew: the end of text, and the steps that are still in the window."""
        windows = [[self._eot, *ids[self._read :]] for ids in self.ids]
        return self._reader.rows(windows, n_total=self._reader.config.n_ctx, exact=True)


def _token(pitch: int | None, step: int) -> int:
    if pitch is None:
        return SILENCE
    if not isinstance(pitch, int) or isinstance(pitch, bool) or not 0 <= pitch <= 127:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DataError(
            f"Step {step} of the soprano is {pitch!r}.", "A pitch is a whole number from 0 to 127."
        )
    return pitch


def _crossings(chorale: Chorale) -> int:
    """Steps at which some voice that sounds is above one over it that sounds."""
    crossed = np.zeros(chorale.n_steps, dtype=np.bool_)
    for upper, lower in combinations(chorale.voices, 2):
        crossed |= (upper != SILENCE) & (lower != SILENCE) & (lower > upper)
    return int(crossed.sum())
