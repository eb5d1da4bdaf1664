"""How a word becomes tokens: the merges of its bytes, one by one.

This is Sennrich et al. 2016 written out (a list of parts, a heap of pairs), independent of the
engine that encodes, and made to be drawn.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush

from cutaway.tokenizers.engine import members

__all__ = ["MergeStep", "WordMerges", "merge_steps", "split_words"]


@dataclass(frozen=True, slots=True)
class MergeStep:
    """Two neighbours become one.

    Attributes:
        id: the token they become; also the merge's rank, for the lowest goes first.
        start: byte of the word where the left part begins.
        left: the left part.
        right: the right part.
    """

    id: int
    start: int
    left: bytes
    right: bytes


@dataclass(frozen=True, slots=True)
class WordMerges:
    """A word of the text, from its bytes to its tokens.

    Attributes:
        text: the word, with the blank before it.
        start: character of the text where it begins.
        end: character of the text behind it.
        steps: the merges, in order.
        ids: the tokens it ends as; what ``encode`` gives.
    """

    text: str
    start: int
    end: int
    steps: tuple[MergeStep, ...]
    ids: tuple[int, ...]

    def states(self) -> Iterator[tuple[bytes, ...]]:
        """The parts of the word: single bytes at first, then after each step.

        >>> from cutaway.tokenizers import Tokenizer
        >>> [word] = Tokenizer.gpt2().merges(" low")
        >>> for parts in word.states():
        ...     print(*parts)
        b' ' b'l' b'o' b'w'
        b' l' b'o' b'w'
        b' l' b'ow'
        b' low'
        """
        if len(self.ids) == 1 and not self.steps:  # one byte, or a special token
            yield (self.text.encode(),)
            return
        parts = {i: bytes([byte]) for i, byte in enumerate(self.text.encode())}
        yield tuple(parts.values())
        for step in self.steps:
            parts[step.start] = step.left + step.right
            del parts[step.start + len(step.left)]
            yield tuple(parts.values())


def merge_steps(
    word: bytes, ranks: Mapping[bytes, int]
) -> tuple[tuple[MergeStep, ...], tuple[int, ...]]:
    """The merges that turn the bytes of a word into tokens, and the tokens.

    The pair with the lowest rank goes first, of equal ones the leftmost. n bytes take
    O(n log n) time.
    """
    ends = list(range(1, len(word) + 1))  # where the part that begins at i ends
    befores = list(range(-1, len(word) - 1))  # where the part before it begins
    heap: list[tuple[int, int, int, int]] = []  # rank, start, middle, end

    def consider(start: int) -> None:
        middle = ends[start]
        if middle < len(word):
            rank = ranks.get(word[start : ends[middle]])
            if rank is not None:
                heappush(heap, (rank, start, middle, ends[middle]))

    for start in range(len(word)):
        consider(start)
    steps: list[MergeStep] = []
    while heap:
        rank, start, middle, end = heappop(heap)
        if ends[start] != middle or ends[middle] != end:
            continue  # one of the two has been merged with another since
        steps.append(MergeStep(rank, start, word[start:middle], word[middle:end]))
        ends[start], ends[middle] = end, 0
        if end < len(word):
            befores[end] = start
        consider(start)
        if start:
            consider(befores[start])
    ids: list[int] = []
    start = 0
    while start < len(word):
        ids.append(ranks[word[start : ends[start]]])
        start = ends[start]
    return tuple(steps), tuple(ids)


# GPT2_PATTERN for a text whose characters stand for their class.
_WORDS = re.compile(
    r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+", re.ASCII
)


def split_words(text: str) -> Iterator[tuple[int, int]]:
    """Where each word of the text begins and ends, in characters; words leave no gap."""
    strange = "".join(sorted({char for char in text if char > "\x7f"}))
    shadow = dict.fromkeys(map(ord, strange), "!")
    for char_class, stand_in in ((r"\p{L}", "A"), (r"\p{N}", "0"), (r"\s", "\t")):
        shadow.update(dict.fromkeys(map(ord, members(strange, char_class)), stand_in))
    for match in _WORDS.finditer(text.translate(shadow)):
        yield match.span()
