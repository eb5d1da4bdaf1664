"""Where one sentence ends and the next begins: by rule, with nothing learnt and nothing fetched."""

import re

__all__ = ["RULE", "sentences"]

RULE = (
    "sentences end at a line break, and behind . ! or ? (with any quotes and brackets that close) "
    "where white space and then no small letter follows"
)
"""The rule in words, for protocols."""

_CLOSING = "\"'\u201d\u2019\u00bb)\\]"
# Initials and titles would end a sentence by the rule alone.
_NO_END = re.compile(r"(?:^|[\s(])(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|vs|No|Fig|Sec|Eq)\.$")
_LONGEST = 8  # characters, more than any of them and one before it
_GAP = re.compile(rf"\n+|(?<=[.!?])[{_CLOSING}]*\s+(?![a-z])")


def sentences(text: str) -> list[str]:
    """The sentences of a text, without white space at their ends.

    >>> sentences('He said "Stop." Dr. A. Bee did not. 3.5 e.g. of it')
    ['He said "Stop."', 'Dr. A. Bee did not.', '3.5 e.g. of it']
    """
    found: list[str] = []
    start = 0
    for gap in _GAP.finditer(text):
        end = gap.start() + len(gap[0].rstrip())
        if "\n" not in gap[0] and _NO_END.search(text[max(start, end - _LONGEST) : end]):
            continue
        found.append(text[start:end].strip())
        start = gap.end()
    found.append(text[start:].strip())
    return [sentence for sentence in found if sentence]
