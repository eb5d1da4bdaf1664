"""The tokenizer: one object, made once, never changed.

Ids of text are those of OpenAI's GPT-2 to the last one. The engine does the fast work; what is
here are the promises: bytes come back exactly, ``<|endoftext|>`` in a text stays text unless asked,
and every token knows its place in the text.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import Self, cast

from cutaway.errors import TokenizerError, nearest
from cutaway.files import atomic_write
from cutaway.tokenizers.alphabet import END_OF_TEXT
from cutaway.tokenizers.cuts import sound
from cutaway.tokenizers.document import tokenizer_json
from cutaway.tokenizers.engine import Engine
from cutaway.tokenizers.explain import WordMerges, merge_steps, split_words
from cutaway.tokenizers.layouts import Words, holds_gpt2, read_vocabulary
from cutaway.tokenizers.places import Span, char_of_byte
from cutaway.tokenizers.specials import checked_specials, new_specials, pieces
from cutaway.tokenizers.splits import Merges, merges_of
from cutaway.tokenizers.stream import StreamDecoder
from cutaway.tokenizers.train import train_ranks
from cutaway.tokenizers.vocabulary import checked_ranks, gpt2_merges, gpt2_ranks

__all__ = ["Span", "Tokenizer"]

_NONE: Mapping[str, int] = MappingProxyType({})


class Tokenizer:
    """Byte-level BPE with GPT-2's words.

    Attributes:
        ranks: the ordinary entries: bytes to id. The lower id is merged first.
        eot: the id of ``<|endoftext|>``.
        specials: other special tokens by name, such as the marker behind a text to be translated;
            mostly none.

    >>> tokenizer = Tokenizer.gpt2()
    >>> tokenizer.encode("The robot must obey")
    [464, 9379, 1276, 22389]
    >>> tokenizer.decode([464, 9379])
    'The robot'
    """

    def __init__(
        self,
        ranks: Mapping[bytes, int],
        *,
        eot: int | None = None,
        specials: Mapping[str, int] = _NONE,
    ) -> None:
        others = checked_specials(specials, ranks)
        entries, self.eot = checked_ranks(ranks, eot=eot, others=others.values())
        self.ranks: Mapping[bytes, int] = MappingProxyType(entries)
        self.specials: Mapping[str, int] = MappingProxyType(others)
        self._merges: Callable[[], Merges] = partial(merges_of, entries)

    @classmethod
    def gpt2(cls) -> "Tokenizer":
        """GPT-2's own 50,257 entries; no network, one object for all callers."""
        return cls._packaged()

    @staticmethod
    @cache
    def _packaged() -> "Tokenizer":
        return Tokenizer(gpt2_ranks())._with(gpt2_merges)

    @classmethod
    def from_ranks(
        cls,
        ranks: Mapping[bytes, int],
        *,
        eot: int | None = None,
        specials: Mapping[str, int] = _NONE,
    ) -> Self:
        """A tokenizer with the given entries.

        Args:
            ranks: bytes to id, the 256 single bytes among them.
            eot: the id of ``<|endoftext|>``; the next free one if not given.
            specials: other special tokens and their ids.

        Raises:
            TokenizerError: if a byte is missing, ids repeat or leave a gap, or a name cannot be
                that of a special token.
        """
        return cls(ranks, eot=eot, specials=specials)

    @classmethod
    def train(cls, texts: Iterable[str], *, vocab_size: int, specials: Iterable[str] = ()) -> Self:
        """Learns a vocabulary from texts: the same for the same texts, in any order.

        See :func:`cutaway.tokenizers.train.train_ranks` for the rule, ties included.

        Args:
            texts: of one language, or of several that are to share their entries.
            vocab_size: all entries, ``<|endoftext|>`` and ``specials`` included.
            specials: names of other special tokens; they have the last ids.

        Raises:
            TokenizerError: if the texts are no strings or hold too little for that many entries.
        """
        names = [specials] if isinstance(specials, str) else list(specials)
        ranks = train_ranks(texts, vocab_size=vocab_size, n_special=1 + len(names))
        return cls(ranks, specials=new_specials(names, ranks, first_id=len(ranks) + 1))

    def with_specials(self, names: Iterable[str]) -> Self:
        """The same vocabulary with further special tokens behind it; those it has stay.

        >>> Tokenizer.gpt2().with_specials(["<to-de>"]).specials["<to-de>"]
        50257
        """
        given = [names] if isinstance(names, str) else names
        names = [name for name in given if name not in self.specials]
        added = new_specials(names, self.ranks, first_id=self.vocab_size)
        if not added:
            return self
        specials = {**self.specials, **added}
        return type(self)(self.ranks, eot=self.eot, specials=specials)._with(self._merges)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Reads ``tokenizer.json``, ``vocab.json`` and ``merges.txt``, or OpenAI's two files.

        A vocabulary of named words (of music, say) comes as the
        :class:`~cutaway.tokenizers.WordTokenizer` that it is.

        Args:
            path: their directory, or one of the files.

        Raises:
            TokenizerError: if there is none, or it is damaged or of another kind.
        """
        if cls is Tokenizer and holds_gpt2(Path(path)):
            return cast(Self, cls._packaged())
        read = read_vocabulary(Path(path))
        if isinstance(read, Words):
            from cutaway.tokenizers.words import WordTokenizer  # it is made of this class

            return cast(Self, WordTokenizer(read.names, specials=read.specials))
        return cls(read.ranks, eot=read.eot, specials=read.specials)._with(lambda: read.merges)

    def save(self, directory: str | Path) -> None:
        """Writes ``tokenizer.json``, which ``transformers`` and ``tokenizers`` read too.

        Raises:
            ResourceError: if the disk is full; a previous file is as it was.
            TokenizerError: if an entry is not made of two earlier ones: no such file can say that.
        """
        document = self._document()
        folder = Path(directory)
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(folder / "tokenizer.json") as file:
            file.write(document.encode())

    def _document(self) -> str:
        return tokenizer_json(self.ranks, self._merges(), eot=self.eot, specials=self.specials)

    def _with(self, merges: Callable[[], Merges]) -> Self:
        """Spares the search for the merges where they are known."""
        self._merges = merges
        return self

    @property
    def vocab_size(self) -> int:
        """All entries, ``<|endoftext|>`` and other special ones included."""
        return len(self.ranks) + 1 + len(self.specials)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over all entries in the order of their ids, and the ids of special tokens."""
        digest = hashlib.sha256(f"cutaway bpe {self.eot}\n".encode())
        for token in sorted(self.ranks, key=self.ranks.__getitem__):
            digest.update(len(token).to_bytes(4, "little") + token)
        for name, id in self.specials.items():
            digest.update(f"\nspecial {id} {name}".encode())
        return digest.hexdigest()

    @cached_property
    def _engine(self) -> Engine:
        return Engine(self.ranks, self._merges, eot=self.eot, specials=self.specials)

    @cached_property
    def _all_specials(self) -> dict[str, int]:
        return {END_OF_TEXT: self.eot, **self.specials}

    @cached_property
    def _tokens(self) -> dict[int, bytes]:
        special = {id: name.encode() for name, id in self._all_specials.items()}
        return {id: token for token, id in self.ranks.items()} | special

    def special(self, name: str) -> int:
        """The id of a special token.

        Raises:
            TokenizerError: if the vocabulary has none of that name, with the nearest.
        """
        if name not in self._all_specials:
            raise TokenizerError(
                f"The vocabulary has no special token {name!r}.",
                nearest(name, self._all_specials),
            )
        return self._all_specials[name]

    def is_special(self, id: int) -> bool:
        """Whether an id stands for no text: that of ``<|endoftext|>`` or of another special."""
        return id == self.eot or id in self.specials.values()

    def encode(self, text: str, *, allow_special: bool = False) -> list[int]:
        """The ids of a text.

        Args:
            text: any text; lone surrogates, which no UTF-8 can hold, count as U+FFFD.
            allow_special: lets ``<|endoftext|>`` and the names of other special tokens in the text
                become those tokens. Never do that with text that a stranger wrote.
        """
        text = sound(text)
        if not (allow_special and any(name in text for name in self._all_specials)):
            return self._engine.encode(text)
        ids: list[int] = []
        for start, end, special in pieces(text, self._all_specials):
            ids += self._engine.encode(text[start:end]) if special is None else [special]
        return ids

    def encode_bytes(self, data: bytes) -> list[int]:
        """The ids of any bytes: of the text they are, or of broken UTF-8 as tiktoken takes it.

        Words can only be told in text. So from the word before the first broken byte on, all that
        follows counts as one word; ids of long data with a broken byte early on are fewer and
        stranger than those of its text. The bytes come back exactly all the same.
        """
        return self._engine.encode_bytes(bytes(data))

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of every text, as :meth:`encode` gives them; the fast way for many."""
        return self._engine.encode_batch([sound(text) for text in texts])

    def encode_flat(self, texts: Sequence[str]) -> tuple[bytes, bytes]:
        """The ids of many texts in two buffers, for whole corpora; all cores take part.

        Returns:
            The ids of all texts in a row, uint32, and ``len(texts) + 1`` offsets, uint64, both in
            the machine's byte order: text ``i`` has the ids from offset ``i`` to ``i + 1``.
        """
        return self._engine.encode_flat([sound(text) for text in texts])

    def encode_with_offsets(self, text: str, *, allow_special: bool = False) -> list[Span]:
        """The tokens of a text and the characters and bytes that each covers; see :meth:`encode`.

        >>> [span] = Tokenizer.gpt2().encode_with_offsets("hello")
        >>> span.start, span.end
        (0, 5)
        """
        places = char_of_byte(text)
        spans: list[Span] = []
        start = 0
        for id in self.encode(text, allow_special=allow_special):
            end = start + len(self._tokens[id])
            spans.append(Span(id, places[start], places[end - 1] + 1, start, end))
            start = end
        return spans

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids; bytes that are no UTF-8 come out as U+FFFD.

        Raises:
            TokenizerError: for an id outside the vocabulary.
        """
        return self.decode_bytes(ids).decode(errors="replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The exact bytes of ids.

        Raises:
            TokenizerError: for an id outside the vocabulary.
        """
        tokens = self._tokens
        try:
            return b"".join([tokens[id] for id in ids])
        except (KeyError, TypeError) as error:
            raise self._unknown(error) from error

    def token_bytes(self, id: int) -> bytes:
        """The bytes of one token; those of a special one are its name.

        Raises:
            TokenizerError: for an id outside the vocabulary.
        """
        try:
            return self._tokens[id]
        except (KeyError, TypeError) as error:
            raise self._unknown(error) from error

    def id_of(self, data: bytes) -> int | None:
        """The id of the token with these :meth:`token_bytes`; None if there is none.

        >>> Tokenizer.gpt2().id_of(b" robot")
        9379
        """
        ids = [id for name, id in self._all_specials.items() if name.encode() == data]
        return min([*ids, *([self.ranks[data]] if data in self.ranks else [])], default=None)

    def stream_decoder(self) -> StreamDecoder:
        """A decoder for ids that arrive one by one."""
        return StreamDecoder(self.token_bytes)

    def merges(self, text: str, *, allow_special: bool = False) -> list[WordMerges]:
        """How each word of the text becomes tokens, merge by merge; see :meth:`encode`.

        A special token is a word of its own, which no merge makes.

        >>> [word] = Tokenizer.gpt2().merges("dog")
        >>> [(step.left, step.right) for step in word.steps]
        [(b'o', b'g'), (b'd', b'og')]
        """
        text = sound(text)
        words: list[WordMerges] = []
        named = self._all_specials if allow_special else {}
        for begin, stop, special in pieces(text, named) if named else [(0, len(text), None)]:
            if special is not None:
                words.append(WordMerges(text[begin:stop], begin, stop, (), (special,)))
                continue
            for start, end in split_words(text[begin:stop]):
                word = text[begin + start : begin + end]
                steps, ids = merge_steps(word.encode(), self.ranks)
                words.append(WordMerges(word, begin + start, begin + end, steps, ids))
        return words

    def _unknown(self, error: Exception) -> TokenizerError:
        value = error.args[0] if isinstance(error, KeyError) else error
        return TokenizerError(
            f"No token has the id {value!r}.", f"Ids go from 0 to {self.vocab_size - 1}."
        )

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuilt, (dict(self.ranks), self.eot, dict(self.specials))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tokenizer):
            return NotImplemented
        mine, theirs = (self.eot, self.specials), (other.eot, other.specials)
        return mine == theirs and self.ranks == other.ranks

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return f"<Tokenizer of {self.vocab_size:,} entries, {self.fingerprint[:12]}>"


def _rebuilt(ranks: dict[bytes, int], eot: int, specials: dict[str, int]) -> Tokenizer:
    return Tokenizer(ranks, eot=eot, specials=specials)
