"""Texts that were cut into words before they were published, as they were written.

The GPT-2 paper used such rules ("invertible de-tokenizers", section 3.1) without publishing them.
These are our own, so figures compare with the paper's only roughly.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["NEWS", "PENN", "TREEBANK", "WIKITEXT", "Detokenizer"]

_Rules = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Detokenizer:
    """Rules that join words again, applied one after the other.

    Attributes:
        name: of the kind of text they are for.
        told: what they join and what they keep, in words, for a protocol.
        rules: patterns and what takes their place.
    """

    name: str
    told: str
    rules: tuple[tuple[re.Pattern[str], str], ...]

    def __call__(self, text: str) -> str:
        """The text as it was written, as far as that can be told."""
        text = text.strip()
        for pattern, replacement in self.rules:
            text = pattern.sub(replacement, text)
        return text


def _detokenizer(name: str, told: str, *rules: _Rules) -> Detokenizer:
    patterns = [(re.compile(pattern), new) for group in rules for pattern, new in group]
    return Detokenizer(name, told, tuple(patterns))


# For texts of WikiText and news the order is: pairs of quotation marks before what they enclose
# is joined to them, and single ones after clitics, which begin with the same character.
_DOUBLE_QUOTES: _Rules = [(r'" ([^"]*?) "', r'"\1"')]
_NOT: _Rules = [(r" (?i:n't)\b", "n't")]
_CLITICS: _Rules = [(r" '((?i:s|t|re|ve|m|ll|d))\b", r"'\1")]
_PLURAL: _Rules = [(r"(?<=s) ' (?=\w)", "' ")]  # the possessive of a plural
_SINGLE_QUOTES: _Rules = [(r"(?:(?<= )|^)' ((?:(?! ' ).)+?) '(?= |$)", r"'\1'")]
_PUNCTUATION: _Rules = [(r""" (?=[,.;:!?)\]%](?: |$|["')\]]))""", "")]
_BRACKETS: _Rules = [(r"(?<=[(\[]) ", "")]
_CURRENCY: _Rules = [("(?<=[$\u00a3\u20ac\u00a5#]) (?=\\d)", "")]
_SLASHES: _Rules = [(r"(?<=\w) / (?=\w)", "/")]

WIKITEXT = _detokenizer(
    "WikiText",
    "joined: @-@ @,@ @.@, clitics, punctuation, brackets, pairs of quotation marks, times, signs "
    "of currency and percent, slashes, headings; kept: <unk>, dashes, line breaks",
    [(r"(?<==) (?==)", "")],  # headings
    [(r" @([-,.])@ ", r"\1")],  # inside numbers and compounds
    _DOUBLE_QUOTES,
    _NOT,
    _CLITICS,
    _PLURAL,
    _SINGLE_QUOTES,
    [(r"(?<=\d) : (?=\d\d\b)", ":")],  # times
    _PUNCTUATION,
    _BRACKETS,
    _CURRENCY,
    _SLASHES,
)
"""For WikiText-2 and WikiText-103 (Merity et al. 2016)."""

NEWS = _detokenizer(
    "news",
    "joined: clitics, punctuation, brackets, pairs of quotation marks, signs of currency and "
    "percent, slashes; kept: dashes",
    [(r"\b(https?) : / / ", r"\1://")],
    _DOUBLE_QUOTES,
    _NOT,
    _CLITICS,
    _PLURAL,
    _SINGLE_QUOTES,
    _PUNCTUATION,
    _BRACKETS,
    _CURRENCY,
    _SLASHES,
)
"""For the One Billion Word benchmark (Chelba et al. 2013): ``didn 't``, ``the country 's``."""

PENN = _detokenizer(
    "Penn Treebank",
    r"joined: clitics, possessives, signs of currency and percent; \/ and \* without backslash; "
    "N as 1; kept: <unk>, lower case, no punctuation",
    [(r"\\([/*])", r"\1")],
    [(r"(?<!\S)N(?!\S)", "1")],
    _NOT,
    _CLITICS,
    [(r"(?<=s) '(?!\S)", "'")],
    _CURRENCY,
    [(r"(?<=\d) %", "%")],
)
"""For Mikolov's version of the Penn Treebank, where every number is ``N`` and no mark is left.

No word of it is a number, so ``1`` says the same as ``N`` and can be turned back.
"""

TREEBANK = _detokenizer(
    "Treebank",
    "`` and '' as quotation marks, -LRB- and the like as brackets; joined: clitics, punctuation, "
    "brackets, signs of currency and percent; kept: dashes",
    [(r"`` ?", '"'), (r" ?''", '"'), (r"(?<!\S)` (?=\S)", "'")],
    [(r"-(?i:lrb)- ?", "("), (r" ?-(?i:rrb)-", ")")],
    [(r"-(?i:lsb)- ?", "["), (r" ?-(?i:rsb)-", "]")],
    [(r"-(?i:lcb)- ?", "{"), (r" ?-(?i:rcb)-", "}")],
    _NOT,
    _CLITICS,
    [(r"\b((?i:gon|wan)) na\b", r"\1na"), (r"\b((?i:got)) ta\b", r"\1ta")],
    [(r""" '(?=[\s)\]}"]|$)""", "'")],  # a possessive, or the end of what ` began
    [(r" (?=(?:[,;:!?)\]}%]|\.{1,4})(?:\s|$|[\"')\]},]))", "")],
    _BRACKETS,
    _CURRENCY,
)
"""For texts cut as in the Penn Treebank: CBT (Hill et al. 2016) and LAMBADA's own files."""
