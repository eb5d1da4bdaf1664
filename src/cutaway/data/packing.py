"""Documents to ids, and ids to shards of whole documents."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cutaway.data.shards import ShardRecord, dtype_for, write_shard
from cutaway.errors import DataError
from cutaway.tokenizers import Tokenizer

__all__ = ["Encoded", "ShardPacker", "encode_documents"]


@dataclass(frozen=True, slots=True)
class Encoded:
    """Documents as ids, each closed by end-of-text.

    Attributes:
        tokens: all ids in a row, as they are stored.
        ends: behind the end-of-text of each document, ``(n,)``.
        n_bytes: of each document, ``(n,)``.
        not_utf8: which documents are no UTF-8, ``(n,)``.
        digests: of the documents.
    """

    tokens: NDArray[Any]
    ends: NDArray[np.int64]
    n_bytes: NDArray[np.int64]
    not_utf8: NDArray[np.bool_]
    digests: Sequence[bytes]


def encode_documents(
    documents: Sequence[bytes], digests: Sequence[bytes], tokenizer: Tokenizer
) -> Encoded:
    """Encodes documents; other threads run meanwhile."""
    texts, broken = _as_texts(documents)
    flat, offsets = tokenizer.encode_flat(texts)
    ids = np.frombuffer(flat, np.uint32)
    bounds = np.frombuffer(offsets, np.uint64).astype(np.int64)
    for i in broken:
        found = tokenizer.encode_bytes(documents[i])
        ids = np.insert(ids, bounds[i], np.array(found, np.uint32))
        bounds[i + 1 :] += len(found)
    closed = np.insert(ids, bounds[1:], tokenizer.eot)
    not_utf8 = np.zeros(len(documents), np.bool_)
    not_utf8[broken] = True
    return Encoded(
        tokens=closed.astype(np.dtype(dtype_for(tokenizer.vocab_size)).newbyteorder("<")),
        ends=bounds[1:] + np.arange(1, len(documents) + 1),
        n_bytes=np.array([len(document) for document in documents], np.int64),
        not_utf8=not_utf8,
        digests=digests,
    )


def _as_texts(documents: Sequence[bytes]) -> tuple[list[str], list[int]]:
    """Documents as texts, and which are none; in the place of those stands an empty text."""
    texts: list[str] = []
    broken: list[int] = []
    for i, document in enumerate(documents):
        try:
            texts.append(document.decode())
        except UnicodeDecodeError:
            texts.append("")
            broken.append(i)
    return texts, broken


class ShardPacker:
    """Fills the shards of one split with whole documents and writes each when it is full.

    A shard is full once it holds ``shard_tokens`` or more; only the last may hold fewer. So what
    is in a shard follows from the documents alone, not from the batches they come in.

    Args:
        folder: the prepared directory.
        split: its name.
        shard_tokens: tokens that fill a shard.
        done: shards that are there already, all of them full.
    """

    def __init__(
        self, folder: Path, split: str, *, shard_tokens: int, done: Sequence[ShardRecord]
    ) -> None:
        self.records = list(done)
        self._folder, self._split, self._shard_tokens = folder, split, shard_tokens
        self._chain = blake2b(digest_size=16)
        self._borders: dict[int, ShardRecord] = {}
        n_documents = 0
        for record in done:
            n_documents += record.n_documents
            self._borders[n_documents] = record
        self._n_done, self._n_passed = n_documents, 0
        self._empty()

    def _empty(self) -> None:
        self._tokens: list[NDArray[Any]] = []
        self._starts: list[NDArray[np.int64]] = []
        self._n_tokens = self._n_bytes = self._n_not_utf8 = 0

    def is_done(self, digest: bytes) -> bool:
        """Whether the next document is in a finished shard; to be asked in their order.

        Raises:
            DataError: if the finished shards were made of other documents.
        """
        if self._n_passed == self._n_done:
            return False
        self._chain.update(digest)
        self._n_passed += 1
        record = self._borders.get(self._n_passed)
        if record is not None and record.chain != self._chain.hexdigest():
            raise self._changed(record.name)
        return True

    def _changed(self, name: str) -> DataError:
        return DataError(
            f"The sources have changed since {self._folder / name} was made of them.",
            "Put them back as they were, or choose another --out.",
        )

    def add(self, encoded: Encoded) -> None:
        """Takes the next documents, in their order.

        Raises:
            ResourceError: if the disk is full or refuses.
        """
        first = 0
        while first < len(encoded.ends):
            begin = int(encoded.ends[first - 1]) if first else 0
            missing = self._shard_tokens - self._n_tokens
            last = int(np.searchsorted(encoded.ends, begin + missing)) + 1
            last = min(last, len(encoded.ends))
            self._take(encoded, first, last, begin)
            if self._n_tokens >= self._shard_tokens:
                self._write()
            first = last

    def _take(self, encoded: Encoded, first: int, last: int, begin: int) -> None:
        end = int(encoded.ends[last - 1])
        starts = np.concatenate([[begin], encoded.ends[first : last - 1]]) - begin
        self._tokens.append(encoded.tokens[begin:end])
        self._starts.append(starts + self._n_tokens)
        self._n_tokens += end - begin
        self._n_bytes += int(encoded.n_bytes[first:last].sum())
        self._n_not_utf8 += int(encoded.not_utf8[first:last].sum())
        self._chain.update(b"".join(encoded.digests[first:last]))

    def _write(self) -> None:
        record = write_shard(
            self._folder,
            self._tokens,
            np.concatenate(self._starts),
            name=f"{self._split}-{len(self.records):05d}",
            n_bytes=self._n_bytes,
            n_not_utf8=self._n_not_utf8,
            chain=self._chain.hexdigest(),
        )
        self.records.append(record)
        self._empty()

    def finish(self) -> None:
        """Writes the last shard, if anything is left for it.

        Raises:
            DataError: if there are fewer documents than finished shards were made of.
            ResourceError: if the disk is full or refuses.
        """
        if self._n_passed < self._n_done:
            raise self._changed(self.records[-1].name)
        if self._n_tokens:
            self._write()
