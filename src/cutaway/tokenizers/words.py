"""A vocabulary of named words: for what is no text but can be written down as one, such as music.

The text form is the names with a blank between: ``NOTE_ON_60 TIME_SHIFT_12 NOTE_OFF_60``. As with
GPT-2, the blank before a word belongs to the word, so that texts of parts, joined, are the text of
the whole. Unlike there, most texts have no ids: a word that is not in the list is an error.
"""

import hashlib
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn, Self

from cutaway.errors import TokenizerError
from cutaway.tokenizers.alphabet import END_OF_TEXT
from cutaway.tokenizers.bpe import Tokenizer
from cutaway.tokenizers.document import words_json
from cutaway.tokenizers.explain import WordMerges
from cutaway.tokenizers.places import Span
from cutaway.tokenizers.specials import checked_names, new_specials

__all__ = ["WordTokenizer"]


class WordTokenizer(Tokenizer):
    """A list of words, behind it ``<|endoftext|>``, and behind that other special tokens, if any.

    It offers all that :class:`Tokenizer` does, but for learning a vocabulary from texts.

    Attributes:
        names: the words; each has its place in the list as its id.

    >>> tokenizer = WordTokenizer(["NOTE_ON_60", "NOTE_OFF_60"])
    >>> tokenizer.encode("NOTE_ON_60 NOTE_OFF_60")
    [0, 1]
    >>> tokenizer.decode([0, 1])
    ' NOTE_ON_60 NOTE_OFF_60'
    >>> tokenizer.eot, tokenizer.vocab_size
    (2, 3)
    """

    def __init__(self, names: Sequence[str], *, specials: Iterable[str] = ()) -> None:
        self.names: tuple[str, ...] = checked_names(names)
        self.eot = len(self.names)
        ranks = {f" {name}".encode(): id for id, name in enumerate(self.names)}
        others = {name.encode(): id for id, name in enumerate(self.names)}
        added = new_specials(specials, others, first_id=self.eot + 1)
        self.ranks: Mapping[bytes, int] = MappingProxyType(ranks)
        self.specials: Mapping[str, int] = MappingProxyType(added)
        self._ids = {name: id for id, name in enumerate(self.names)}

    @classmethod
    def from_ranks(cls, ranks: Mapping[bytes, int], **given: Any) -> NoReturn:
        """No vocabulary of words is made so.

        Raises:
            TokenizerError: always.
        """
        raise TokenizerError(
            "A vocabulary of words is not made of bytes.", "Name them: WordTokenizer(names)."
        )

    @classmethod
    def train(cls, texts: Iterable[str], **given: Any) -> NoReturn:
        """No vocabulary of words is learned.

        Raises:
            TokenizerError: always.
        """
        raise TokenizerError(
            "A vocabulary of words is not learned from texts.", "Name them: WordTokenizer(names)."
        )

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Reads a ``tokenizer.json`` that :meth:`save` wrote.

        Raises:
            TokenizerError: if there is none, or it is damaged or of another kind.
        """
        read = Tokenizer.load(path)
        if not isinstance(read, cls):
            raise TokenizerError(
                f"The vocabulary of {path} has pieces of texts, not words.",
                "Read it with Tokenizer.load.",
            )
        return read

    def with_specials(self, names: Iterable[str]) -> Self:
        """The same words with further special tokens behind them; those it has stay."""
        given = [names] if isinstance(names, str) else names
        added = [name for name in given if name not in self.specials]
        return type(self)(self.names, specials=[*self.specials, *added]) if added else self

    def _document(self) -> str:
        return words_json(self.names, eot=self.eot, specials=self.specials)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over all names in the order of their ids, and the ids of special tokens."""
        lines = [f"cutaway words {self.eot}", *self.names]
        lines += [f"special {id} {name}" for name, id in self.specials.items()]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def encode(self, text: str, *, allow_special: bool = False) -> list[int]:
        """The ids of the words in a text; any blanks and line feeds may stand between them.

        Args:
            text: names of words.
            allow_special: lets names of special tokens become those tokens.

        Raises:
            TokenizerError: for a word that is not in the vocabulary, with its place.
        """
        try:
            return [self._ids[word] for word in text.split()]
        except KeyError:
            return [id for id, _ in self._found(text, allow_special=allow_special)]

    def encode_bytes(self, data: bytes) -> list[int]:
        """The ids of the words in a text in UTF-8.

        Raises:
            TokenizerError: if it is not UTF-8, or as for :meth:`encode`.
        """
        try:
            text = bytes(data).decode()
        except UnicodeDecodeError as error:
            raise TokenizerError(
                f"The text is not UTF-8: byte 0x{data[error.start]:02x} at {error.start:,}.",
                f"This vocabulary has words such as {self.names[0]}, and no other.",
            ) from None
        return self.encode(text)

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of every text, as :meth:`encode` gives them."""
        return [self.encode(text) for text in texts]

    def encode_flat(self, texts: Sequence[str]) -> tuple[bytes, bytes]:
        """The ids of many texts in two buffers; see :meth:`Tokenizer.encode_flat`."""
        ids, offsets = array("I"), array("Q", [0])
        for text in texts:
            ids.extend(self.encode(text))
            offsets.append(len(ids))
        return ids.tobytes(), offsets.tobytes()

    def encode_with_offsets(self, text: str, *, allow_special: bool = False) -> list[Span]:
        """The tokens of a text and the characters and bytes that each covers.

        Blanks belong to the word behind them; those at the end of the text to the last word.
        """
        spans: list[Span] = []
        start = start_byte = 0
        for id, end in self._found(text, allow_special=allow_special):
            end_byte = start_byte + len(text[start:end].encode())
            spans.append(Span(id, start, end, start_byte, end_byte))
            start, start_byte = end, end_byte
        return spans

    def merges(self, text: str, *, allow_special: bool = False) -> list[WordMerges]:
        """The words of the text: each is one token, which no merge makes."""
        return [
            WordMerges(text[span.start : span.end], span.start, span.end, (), (span.id,))
            for span in self.encode_with_offsets(text, allow_special=allow_special)
        ]

    def id_of(self, data: bytes) -> int | None:
        """The id of the word with these bytes, with or without the blank; None if there is none."""
        found = super().id_of(data)
        return super().id_of(b" " + data) if found is None else found

    def _found(self, text: str, *, allow_special: bool) -> Iterator[tuple[int, int]]:
        """The id of each word, and the character behind it."""
        named = self._all_specials if allow_special else {}
        longest_first = sorted(named, key=lambda name: (-len(name), name))
        special = "|".join(map(re.escape, longest_first)) or r"(?!)"
        words = re.compile(rf"\s*({special}|(?:(?!{special})\S)+)(?:\s+\Z)?")
        for match in words.finditer(text):
            word = match.group(1)
            id = named.get(word, self._ids.get(word))
            if id is None:
                self._refuse(word, match.start(1))
            yield id, match.end()

    def _refuse(self, word: str, place: int) -> NoReturn:
        close = get_close_matches(word[:80], self.names, n=1)
        if END_OF_TEXT in word:
            hint = f"{END_OF_TEXT} is no word; give its id, {self.eot}, where ids are taken."
        elif close:
            hint = f"Did you mean {close[0]!r}?"
        else:
            hint = f"It has words such as {self.names[0]} and {self.names[-1]}, blanks between."
        raise TokenizerError(
            f"The vocabulary has no word {word[:40]!r} (character {place:,} of the text).", hint
        )

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuilt, (self.names, tuple(self.specials))


def _rebuilt(names: tuple[str, ...], specials: tuple[str, ...]) -> WordTokenizer:
    return WordTokenizer(names, specials=specials)
