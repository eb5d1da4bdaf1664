"""Special tokens: entries that stand for no text, such as the marker between a text and its sum.

A vocabulary has one by birth, ``<|endoftext|>``, and may have more. None of them is ever made from
a text that spells its name, unless the caller says that the text may do so.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from cutaway.errors import TokenizerError
from cutaway.tokenizers.alphabet import END_OF_TEXT, from_letters
from cutaway.tokenizers.vocabulary import MAX_ENTRIES

__all__ = ["checked_names", "checked_specials", "new_specials", "pieces"]

_MAX_LENGTH = 64  # characters of a name


def new_specials(
    names: Iterable[str], ranks: Mapping[bytes, int], *, first_id: int
) -> dict[str, int]:
    """Ids for new special tokens, in their order.

    Raises:
        TokenizerError: for a name that cannot be one, or that comes twice.
    """
    if isinstance(names, str):
        raise TokenizerError(
            f"The special tokens are one string, {names!r}.", "Give a list of names."
        )
    found: dict[str, int] = {}
    for id, name in enumerate(names, start=first_id):
        if name in found:
            raise TokenizerError(f"The special token {name!r} is named twice.", "Name it once.")
        found[name] = id
    return checked_specials(found, ranks)


def checked_specials(specials: Mapping[str, int], ranks: Mapping[bytes, int]) -> dict[str, int]:
    """A copy in the order of the ids, if every name can be one of a special token.

    Files write ordinary and special entries into one table, so no name may be that of an ordinary
    entry; and a name that holds blanks or cannot be printed would not be found again in a text.

    Raises:
        TokenizerError: naming the first that cannot.
    """
    for name in specials:
        if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TokenizerError(
                f"A special token is of the type {type(name).__name__}.", "Give its name."
            )
        if len(name) < 2 or not _can_be_found(name):
            raise TokenizerError(
                f"{name[:_MAX_LENGTH]!r} cannot be the name of a special token.",
                f"Take 2 to {_MAX_LENGTH} characters that print, without blanks, such as <to-de>.",
            )
        if name == END_OF_TEXT:
            raise TokenizerError(
                f"{END_OF_TEXT} is in every vocabulary.", "Leave it out of the special tokens."
            )
        if _is_entry(name, ranks):
            raise TokenizerError(
                f"{name!r} is an ordinary entry of the vocabulary.",
                "Choose a name that no text becomes, such as <to-de>.",
            )
    return dict(sorted(specials.items(), key=_id))


def checked_names(names: Sequence[str]) -> tuple[str, ...]:
    """The words of a vocabulary that has nothing but words, if each can be found again in a text.

    Raises:
        TokenizerError: if there are none or too many, or naming the first that cannot be one.
    """
    if isinstance(names, str) or not 0 < len(names) <= MAX_ENTRIES:
        raise TokenizerError(
            f"{repr(names)[:80]} is no list of words.", f"Name 1 to {MAX_ENTRIES:,} words."
        )
    seen: set[str] = set()
    for name in names:
        wrong = not isinstance(name, str) or not _can_be_found(name)  # pyright: ignore[reportUnnecessaryIsInstance]
        if wrong or name == END_OF_TEXT or name in seen:
            why = "comes twice" if not wrong and name in seen else "cannot be a word"
            raise TokenizerError(
                f"{repr(name)[:80]} {why} of a vocabulary.",
                f"Take different words of 1 to {_MAX_LENGTH} characters that print, no blanks.",
            )
        seen.add(name)
    return tuple(names)


def _can_be_found(name: str) -> bool:
    return 0 < len(name) <= _MAX_LENGTH and name.isprintable() and " " not in name


def _id(item: tuple[str, int]) -> int:
    id = item[1]
    return id if type(id) is int else -1  # what is none is refused with all other ids


def _is_entry(name: str, ranks: Mapping[bytes, int]) -> bool:
    """Whether files would write an ordinary entry so, or a text of that name is one."""
    try:
        written = from_letters([name])[0]
    except TokenizerError:
        written = b""
    return written in ranks or name.encode() in ranks


def pieces(text: str, specials: Mapping[str, int]) -> Iterator[tuple[int, int, int | None]]:
    """A text cut at the names of special tokens.

    Of names that begin at one place the longest is taken. Yields where a piece begins and ends, in
    characters, and the id of the special token that it names; None for text between them, which
    may be empty.
    """
    longest_first = sorted(specials, key=lambda name: (-len(name), name))
    start = 0
    for match in re.finditer("|".join(map(re.escape, longest_first)), text):
        yield start, match.start(), None
        yield match.start(), match.end(), specials[match.group()]
        start = match.end()
    yield start, len(text), None
