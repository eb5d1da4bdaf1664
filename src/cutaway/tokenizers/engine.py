"""The fast way from text to ids: a thin coat over two libraries, so that they can be exchanged.

tiktoken is ready in an instant and defines what ids of broken UTF-8 are; fastokens needs half a
second for GPT-2's vocabulary and then is several times as fast. So short work is done by the one,
and once a lot of text has come, all text is done by the other. Their ids are equal: the tests
compare them all over Unicode and on megabytes of mixed text.
"""

from array import array
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from itertools import accumulate, chain
from typing import Any

from cutaway.tokenizers.cuts import PART, last_cut, parts
from cutaway.tokenizers.document import tokenizer_json

__all__ = ["WORDS", "Engine", "members"]

# The words of GPT2_PATTERN, cut without going back over what was read: possessive, and a run of
# spaces is given up one by one only where a word follows it.
WORDS = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"

_MUCH = 2_000_000  # characters after which loading the bulk library pays


class Engine:
    """Encodes with a fixed vocabulary; special tokens are not its business.

    Args:
        ranks: bytes to id.
        merges: gives the merges of the vocabulary; asked only when a lot of text comes.
        eot: the id that is left for end-of-text.
        specials: other special tokens, whose ids are left too.
    """

    def __init__(
        self,
        ranks: Mapping[bytes, int],
        merges: Callable[[], Sequence[tuple[bytes, bytes]]],
        *,
        eot: int,
        specials: Mapping[str, int],
    ) -> None:
        self._ranks = ranks
        self._eot, self._specials = eot, specials
        self._merges = merges
        self._seen = 0

    @cached_property
    def _core(self) -> Any:
        return _tiktoken().CoreBPE(dict(self._ranks), {}, WORDS)

    @cached_property
    def _bulk(self) -> Any:
        try:
            from fastokens import Tokenizer as Bulk

            document = tokenizer_json(
                self._ranks, self._merges(), eot=self._eot, specials=self._specials, special=False
            )
            return Bulk.from_json_str(document)
        except (ImportError, ValueError):
            return None  # no wheel for this machine, or entries that no list of merges reaches

    def _bulk_for(self, n_chars: int) -> Any:
        """The bulk library, if it is worth its time by now; no id depends on the choice."""
        self._seen += n_chars
        return self._bulk if self._seen >= _MUCH else None

    def encode(self, text: str) -> list[int]:
        """The ids of a text without lone surrogates."""
        bulk = self._bulk_for(len(text))
        if bulk is None:
            first, *rest = map(self._core.encode_ordinary, parts(text))
        else:
            first, *rest = [bulk.encode(part).ids for part in parts(text)]
        return [*first, *chain.from_iterable(rest)] if rest else first

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of every text."""
        bulk = self._bulk_for(sum(map(len, texts)))
        if bulk is None or any(len(text) > PART for text in texts):
            return [self.encode(text) for text in texts]
        return [encoding.ids for encoding in bulk.encode_batch(list(texts))]

    def encode_flat(self, texts: Sequence[str]) -> tuple[bytes, bytes]:
        """The ids of all texts in a row as uint32, and where each begins and ends as uint64.

        No Python object is made for a token, and all cores work; other threads run meanwhile.
        """
        cut = [list(parts(text)) for text in texts]
        pieces = list(chain.from_iterable(cut))
        bulk = self._bulk_for(sum(map(len, pieces)))
        if bulk is None:
            rows = [self.encode(text) for text in texts]
            ends = array("Q", accumulate(map(len, rows), initial=0))
            return array("I", chain.from_iterable(rows)).tobytes(), ends.tobytes()
        ids, ends = bulk.encode_batch_flat(pieces)
        if len(pieces) > len(texts):
            every = array("Q")
            every.frombytes(ends)
            ends = array("Q", [every[n] for n in accumulate(map(len, cut), initial=0)]).tobytes()
        return ids, ends

    def encode_bytes(self, data: bytes) -> list[int]:
        """The ids of any bytes."""
        try:
            return self.encode(data.decode())
        except UnicodeDecodeError as error:
            text = data[: error.start].decode()
            broken = data[error.start :]
        # All words but the last are cut off, so that the library sees no more than it must.
        cut = last_cut(text)
        return self.encode(text[:cut]) + self._core._encode_bytes(text[cut:].encode() + broken)


def members(text: str, char_class: str) -> set[str]:
    r"""The characters of ``text`` that the engine counts to a class: ``\p{L}``, ``\p{N}``, ``\s``.

    Every library has its own year of Unicode (17,144 letters apart between two of them when this
    was written), so the explanation asks the engine and no other.
    """
    return set(bytes(_finder(char_class).encode_ordinary(text)).decode())


@cache
def _finder(char_class: str) -> Any:
    # With the 256 bytes as vocabulary, the ids of a text are the bytes that the pattern matched.
    return _tiktoken().CoreBPE({bytes([byte]): byte for byte in range(256)}, {}, char_class)


def _tiktoken() -> Any:
    from tiktoken import _tiktoken  # pyright: ignore[reportAttributeAccessIssue]

    return _tiktoken
