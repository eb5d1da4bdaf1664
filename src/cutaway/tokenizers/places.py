"""Where tokens stand in a text."""

import re
from typing import NamedTuple

__all__ = ["Span", "char_of_byte"]


class Span(NamedTuple):
    """A token and its place in the text.

    Attributes:
        id: the token.
        start: the first character that it holds bytes of.
        end: behind the last character that it holds bytes of. A token may hold only part of a
            character; neighbours then share it.
        start_byte: where it begins in the text's UTF-8.
        end_byte: where it ends; tokens leave no gap between bytes.
    """

    id: int
    start: int
    end: int
    start_byte: int
    end_byte: int


def char_of_byte(text: str) -> list[int]:
    """For each byte of the text's UTF-8, the character it belongs to."""
    pairs = re.finditer("[\ud800-\udbff][\udc00-\udfff]", text)
    halves = {i for pair in pairs for i in range(*pair.span())}  # of characters of four bytes
    places: list[int] = []
    for i, char in enumerate(text):
        n_bytes = 1 + (char >= "\x80") + (char >= "\u0800") + (char >= "\U00010000")
        places += [i] * (2 if i in halves else n_bytes)
    return places
