"""Stop strings, found wherever the borders of the tokens fall."""

from collections.abc import Sequence

__all__ = ["StopStrings"]


class StopStrings:
    """Lets text through up to the first stop string.

    The text ends before the stop string that is complete first, character by character; of those
    complete at the same character, before the longest. That depends on the text alone, not on
    the pieces it comes in. What may turn out to be the start of a stop string is held back.

    >>> stop = StopStrings(["END"])
    >>> [stop.push(piece) for piece in ("so ", "E", "N", "E", "ND and more")]
    ['so ', '', '', 'EN', '']
    >>> stop.found
    'END'
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self.held = ""
        self.found: str | None = None

    def push(self, text: str) -> str:
        """Takes the next piece and returns what is certain to stand before any stop string."""
        if self.found is not None:
            return ""
        text = self.held + text
        ends = [(at + len(stop), at, stop) for stop in self._stops if (at := text.find(stop)) >= 0]
        if ends:
            _, at, self.found = min(ends)
            self.held = ""
            return text[:at]
        n_held = self._n_unsure(text)
        self.held = text[len(text) - n_held :]
        return text[: len(text) - n_held]

    def flush(self) -> str:
        """What was held back, once no more text comes."""
        held, self.held = self.held, ""
        return held

    def _n_unsure(self, text: str) -> int:
        """Length of the longest end of ``text`` that is the start of a stop string."""
        longest = max(map(len, self._stops), default=1) - 1
        for n in range(min(longest, len(text)), 0, -1):
            if any(stop.startswith(text[-n:]) for stop in self._stops):
                return n
        return 0
