"""GPT-2's two conventions: how text is cut into words, and how bytes are written down as letters.

Vocabulary files hold text, and bytes are not text, so OpenAI's ``encoder.py`` gives each of the
256 bytes a printable letter: bytes that print keep theirs, the other 68 take the letters from
U+0100 on. A space is written ``Ġ`` (U+0120), a newline ``Ċ`` (U+010A).
"""

from collections.abc import Iterable, Mapping, Sequence

from cutaway.errors import TokenizerError

__all__ = ["BYTE_ORDER", "END_OF_TEXT", "GPT2_PATTERN", "from_letters", "to_letters"]

END_OF_TEXT = "<|endoftext|>"

# Contractions, letters, digits, anything else that is not space, and space; the blank before a
# word belongs to the word. (Radford et al. 2019, section 2.2: no merges across categories.)
GPT2_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

_PRINTABLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_OTHERS = [byte for byte in range(256) if byte not in _PRINTABLE]

# GPT-2 numbers the bytes in this order: first those that print.
BYTE_ORDER: tuple[int, ...] = (*_PRINTABLE, *_OTHERS)

_LETTERS = {byte: chr(byte) for byte in _PRINTABLE}
_LETTERS.update({byte: chr(0x100 + i) for i, byte in enumerate(_OTHERS)})
# Letters to bytes, by way of latin-1: what is no letter of the alphabet becomes U+FFFF, which
# latin-1 refuses, as it refuses all that lies above U+00FF.
_TO_LATIN: Mapping[int, str] = dict.fromkeys(_OTHERS, "\uffff") | {
    ord(letter): chr(byte) for byte, letter in _LETTERS.items()
}
_ALPHABET = frozenset(_LETTERS.values())
_SEPARATOR = "\u0400"  # not in the alphabet


def to_letters(tokens: Iterable[bytes]) -> list[str]:
    """Writes bytes in GPT-2's printable letters.

    >>> to_letters([b" the"])
    ['Ġthe']
    """
    words = [token.decode("latin-1") for token in tokens]
    # All at once is many times faster than one by one.
    return _SEPARATOR.join(words).translate(_LETTERS).split(_SEPARATOR) if words else []


def from_letters(words: Sequence[str]) -> list[bytes]:
    """Reads words written in GPT-2's printable letters.

    Raises:
        TokenizerError: if a word has any other letter.

    >>> from_letters(["Ġthe"])
    [b' the']
    """
    try:
        plain = _SEPARATOR.join(words).translate(_TO_LATIN)
        tokens = [word.encode("latin-1") for word in plain.split(_SEPARATOR)] if words else []
    except UnicodeEncodeError:
        tokens = []
    if len(tokens) != len(words):
        word = next(word for word in words if not set(word) <= _ALPHABET)
        raise TokenizerError(
            f"The entry {word[:40]!r} is not written in GPT-2's letters for bytes.",
            "Only byte-level vocabularies in GPT-2's layout can be read.",
        )
    return tokens
