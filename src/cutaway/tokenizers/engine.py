"""The fast way from text to ids: a thin coat over the BPE library, so that it can be exchanged."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from tiktoken import _tiktoken  # pyright: ignore[reportAttributeAccessIssue]

from cutaway.tokenizers.alphabet import END_OF_TEXT

__all__ = ["Engine", "members"]

# The words of GPT2_PATTERN, cut without going back over what was read: possessive, and a run of
# spaces is given up one by one only where a word follows it.
_PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"


class Engine:
    """Encodes with a fixed vocabulary; special tokens are not its business."""

    def __init__(self, ranks: Mapping[bytes, int], *, eot: int) -> None:
        self._core = _tiktoken.CoreBPE(dict(ranks), {END_OF_TEXT: eot}, _PATTERN)

    def encode(self, text: str) -> list[int]:
        """The ids of a text without lone surrogates."""
        return self._core.encode_ordinary(text)

    def encode_bytes(self, data: bytes) -> list[int]:
        """The ids of any bytes."""
        return self._core._encode_bytes(data)

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of every text."""
        return [self._core.encode_ordinary(text) for text in texts]


def members(text: str, char_class: str) -> set[str]:
    r"""The characters of ``text`` that the engine counts to a class: ``\p{L}``, ``\p{N}``, ``\s``.

    Every library has its own year of Unicode (17,144 letters apart between two of them when this
    was written), so the explanation asks the engine and no other.
    """
    return set(bytes(_finder(char_class).encode_ordinary(text)).decode())


@cache
def _finder(char_class: str) -> Any:
    # With the 256 bytes as vocabulary, the ids of a text are the bytes that the pattern matched.
    return _tiktoken.CoreBPE({bytes([byte]): byte for byte in range(256)}, {}, char_class)
