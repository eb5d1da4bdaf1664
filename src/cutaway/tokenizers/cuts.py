"""Where a text may be cut without changing its tokens.

Merges never cross the border of a word, and where white space begins after something else a word
always ends (GPT2_PATTERN has white space only at the start of a word, or alone). The other sure
place is before the last blank of a run, where a word follows: the run gives that blank up.
"""

import re
from collections.abc import Iterator

__all__ = ["PART", "last_cut", "parts", "sound"]

PART = 1 << 18  # characters; a longer text is cut into parts of about this many

# White_Space of Unicode: what `\s` means to the engines, and not quite what it means to Python.
_SPACE = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_CUT = re.compile(rf"(?<=[^{_SPACE}])[{_SPACE}]|(?<=[{_SPACE}])[{_SPACE}](?=[^{_SPACE}])")


def parts(text: str) -> Iterator[str]:
    """The text in parts that can be encoded one by one; most texts are one part.

    A part longer than ``PART`` and a few words holds no place to cut: it is a run of white space,
    or has none, or the one and then the other.
    """
    start = 0
    while len(text) - start > PART:
        cut = _CUT.search(text, start + PART)
        if cut is None:
            break
        yield text[start : cut.start()]
        start = cut.start()
    yield text[start:] if start else text


def last_cut(text: str) -> int:
    """The last place to cut, 0 if there is none."""
    reach = 256
    while True:
        begin = max(0, len(text) - reach)
        cuts = [cut.start() for cut in _CUT.finditer(text, begin)]
        if cuts or begin == 0:
            return cuts[-1] if cuts else 0
        reach *= 16


def sound(text: str) -> str:
    """The text with surrogate pairs joined and lone surrogates replaced, as tiktoken has it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
