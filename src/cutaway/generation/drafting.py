"""Guesses of what a text goes on with, which the engine then reads all at once.

Several tokens read together cost little more than one (Leviathan, Kalman and Matias 2023). A guess
is taken only where the token that is chosen anyway, by its scores and its own draw, is the one that
was guessed. The engine's bits do not depend on how a text is cut into pieces, and a draw depends on
its position alone, so the text is the same with and without guesses, greedy or drawn: what changes
is how often the model is asked.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from cutaway.engine import Engine, Piece
from cutaway.errors import ConfigError
from cutaway.generation.prefixes import n_common

__all__ = ["DraftModel", "Drafter", "DrafterMaker", "PromptLookup"]


class Drafter(Protocol):
    """Guesses how one text goes on."""

    def propose(self, history: Sequence[int], n_most: int) -> list[int]:
        """The tokens that may come next, at most ``n_most``; none if nothing is likely."""
        ...


class PromptLookup:
    """Guesses that what stood behind the last words once comes again (Saxena 2023).

    Good where a text repeats its prompt: summaries, edits, questions about a passage.

    Args:
        n_guess: tokens to guess at once.
        longest: n-grams of this length are looked for first, then shorter ones, down to 2.

    >>> PromptLookup(3).propose([7, 8, 9, 4, 5, 7, 8], n_most=9)
    [9, 4, 5]
    """

    def __init__(self, n_guess: int = 8, *, longest: int = 4) -> None:
        if n_guess < 1 or longest < 2:
            raise ConfigError(
                f"n_guess is {n_guess}, longest {longest}.", "At least 1 and 2, please."
            )
        self.n_guess, self.longest = n_guess, longest
        self._places: dict[tuple[int, ...], int] = {}  # n-gram -> where its last one but now ended
        self._seen: list[int] = []  # the history that the places are of, but for its last token

    def propose(self, history: Sequence[int], n_most: int) -> list[int]:
        """What followed the last place where the text's end stood before."""
        self._learn(history)
        for n in range(self.longest, 1, -1):
            end = self._places.get(tuple(history[-n:])) if len(history) > n else None
            if end is not None:
                return list(history[end : end + min(self.n_guess, n_most)])
        return []

    def _learn(self, history: Sequence[int]) -> None:
        """Notes the n-grams that end before the last token."""
        if list(history[: len(self._seen)]) != self._seen:
            self._places, self._seen = {}, []
        for end in range(max(len(self._seen), 1), len(history)):
            for n in range(2, min(self.longest, end) + 1):
                self._places[tuple(history[end - n : end])] = end
        self._seen = list(history[:-1])


class DraftModel:
    """Guesses with a smaller model of the same vocabulary, which takes its best token each time.

    Args:
        engine: the smaller model; it is asked from within reads of the larger one, by one caller.
        n_guess: tokens to guess at once.
    """

    def __init__(self, engine: Engine, n_guess: int = 4) -> None:
        self._engine, self.n_guess = engine, n_guess
        self._text, self._held = engine.new_text(), list[int]()

    def propose(self, history: Sequence[int], n_most: int) -> list[int]:
        """The model's own greedy continuation; none where its context ends."""
        n_most = min(n_most, self.n_guess, self._engine.config.n_ctx - len(history))
        if n_most < 1:
            return []
        n_same = n_common(self._held, history[:-1])
        self._text.truncate(n_same)
        new, guesses = list(history[n_same:]), list[int]()
        self._held = [*self._held[:n_same], *new]
        while True:
            guesses.append(int(self._engine.read([Piece(self._text, new)])[0].argmax()))
            if len(guesses) == n_most:
                return guesses
            new = guesses[-1:]
            self._held += new


DrafterMaker = Callable[[], Drafter]
"""Makes a drafter for one text."""
