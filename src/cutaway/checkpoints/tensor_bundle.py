"""TensorFlow's checkpoint files (a *tensor bundle*), read without TensorFlow.

``prefix.index`` is a sorted table in LevelDB's format: blocks of entries whose keys share prefixes,
each with a checksum; a block that lists the blocks; a footer. Under the empty key is a header,
under the name of each tensor its kind, shape and place in ``prefix.data-*``, as protocol buffers.
Sources: tensorflow/core/util/tensor_bundle, core/lib/io/table (and LevelDB's table_format.md),
core/protobuf/tensor_bundle.proto. Compressed blocks do not occur: TensorFlow writes none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import NoReturn

import numpy as np

from cutaway.checkpoints.crc32c import crc32c, masked
from cutaway.checkpoints.folder import Folder
from cutaway.checkpoints.mapped import read_bytes
from cutaway.checkpoints.protobuf import Fields, read_fields, read_varint
from cutaway.checkpoints.stored import Stored
from cutaway.errors import CorruptCheckpoint
from cutaway.numbers import BFLOAT16, FLOAT16, FLOAT32, UINT8, Array, Kind

__all__ = ["open_bundle"]

_MAGIC = 0xDB4775248B80FB57
_FOOTER_BYTES = 48
_TRAILER_BYTES = 5  # a block's compression and its checksum
_INDEX_BYTES = 4 << 20  # GPT-2 XL with Adam's slots needs 100 KB
_MAX_SHARDS = 64
_MAX_ENTRIES = 20_000  # GPT-2 XL with Adam's slots has 1,742
_KEY_BYTES = 1024
_MAX_ELEMENTS = 1 << 62
_KINDS = {1: FLOAT32, 14: BFLOAT16, 19: FLOAT16}  # types.proto
_ITEM_BYTES = {1: 4, 2: 8, 3: 4, 4: 1, 5: 2, 6: 1, 9: 8, 10: 1, 14: 2, 17: 2, 19: 2, 22: 4, 23: 8}


def open_bundle(folder: Folder, prefix: str) -> dict[str, Stored]:
    """The tensors of a bundle; the index is read, no data.

    Raises:
        CorruptCheckpoint: if the index is damaged or belies the size of the data.
        MissingWeights: if a file is missing.
    """
    index = folder.file(f"{prefix}.index")
    if index.stat().st_size > _INDEX_BYTES:
        _refuse(index, f"it has more than {_INDEX_BYTES:,} bytes")
    entries = dict(_Table(index, index.read_bytes()).entries())
    if b"" not in entries:
        _refuse(index, "it has no header")
    header = _fields(entries.pop(b""), index)
    n_shards = header.number(1, 1)
    if header.number(2, 0) != 0:
        _refuse(index, "its numbers are big-endian")
    if not 1 <= n_shards <= _MAX_SHARDS:
        _refuse(index, f"it has {n_shards} data files")
    shards = [
        folder.file(f"{prefix}.data-{shard:05d}-of-{n_shards:05d}") for shard in range(n_shards)
    ]
    return {_name(key, index): _entry(key, value, index, shards) for key, value in entries.items()}


def _name(key: bytes, index: Path) -> str:
    try:
        return key.decode("ascii")
    except UnicodeDecodeError:
        _refuse(index, f"the name {key[:40]!r} is not ASCII")


def _entry(key: bytes, value: bytes, index: Path, shards: list[Path]) -> Stored:
    fields = _fields(value, index)
    kind, shard = fields.number(1, 0), fields.number(3, 0)
    offset, n_bytes, crc = fields.number(4, 0), fields.number(5, 0), fields.number(6, 0)
    dims = [_fields(dim, index) for dim in _fields(fields.message(2), index).messages(2)]
    shape = tuple(dim.number(1, 0) for dim in dims)
    if fields.messages(7):
        _refuse(index, f"{key!r} is stored in slices")
    if kind not in _ITEM_BYTES or len(shape) > 8 or prod(shape) > _MAX_ELEMENTS:
        return Stored((0,), None, lambda: np.empty(0))  # text and the like: never a weight
    if shard >= len(shards) or prod(shape) * _ITEM_BYTES[kind] != n_bytes:
        _refuse(index, f"{key[:60]!r} does not fill its {n_bytes:,} bytes")
    if offset + n_bytes > shards[shard].stat().st_size:
        _refuse(shards[shard], f"it ends before {key[:60]!r}")
    place = _Place(shards[shard], offset, n_bytes, crc, key)
    dtype = _KINDS.get(kind)
    return Stored(shape, dtype, lambda: place.read(shape, UINT8 if dtype is None else dtype))


@dataclass(frozen=True, slots=True)
class _Place:
    path: Path
    offset: int
    n_bytes: int
    crc: int
    key: bytes

    def read(self, shape: tuple[int, ...], dtype: Kind) -> Array:
        data = read_bytes(self.path, self.offset, self.n_bytes)
        if masked(crc32c(data)) != self.crc:
            _refuse(self.path, f"the checksum of {self.key[:60]!r} is wrong")
        return data.view(dtype).reshape(shape)


@dataclass(frozen=True, slots=True)
class _Table:
    """A sorted table in memory."""

    path: Path
    data: bytes

    def entries(self) -> Iterator[tuple[bytes, bytes]]:
        """All keys and values, ascending."""
        footer = self.data[-_FOOTER_BYTES:]
        if len(footer) < _FOOTER_BYTES or int.from_bytes(footer[40:], "little") != _MAGIC:
            _refuse(self.path, "it does not end as a table does")
        at = self._handle(footer, 0)[2]  # behind the handle of the meta index, which is empty
        last: bytes | None = None
        end = count = 0
        for _, handle in self._block(*self._handle(footer, at)[:2]):
            offset, n_bytes, _ = self._handle(handle, 0)
            if offset < end:  # so that no block is read again and again
                _refuse(self.path, "its blocks overlap or are out of order")
            end = offset + n_bytes
            for key, value in self._block(offset, n_bytes):
                count += 1
                if last is not None and key <= last:
                    _refuse(self.path, f"the key {key[:40]!r} is out of order")
                if count > _MAX_ENTRIES:
                    _refuse(self.path, f"it has more than {_MAX_ENTRIES:,} entries")
                last = key
                yield key, value

    def _handle(self, data: bytes, at: int) -> tuple[int, int, int]:
        offset, at = self._varint(data, at)
        n_bytes, at = self._varint(data, at)
        return offset, n_bytes, at

    def _block(self, offset: int, n_bytes: int) -> Iterator[tuple[bytes, bytes]]:
        end = offset + n_bytes
        if end + _TRAILER_BYTES > len(self.data) - _FOOTER_BYTES or n_bytes < 4:
            _refuse(self.path, "a block lies outside of it")
        block, trailer = self.data[offset:end], self.data[end : end + _TRAILER_BYTES]
        if masked(crc32c(block + trailer[:1])) != int.from_bytes(trailer[1:], "little"):
            _refuse(self.path, "the checksum of a block is wrong")
        if trailer[0] != 0:
            _refuse(self.path, "a block is compressed")
        n_restarts = int.from_bytes(block[-4:], "little")
        end = len(block) - 4 - 4 * n_restarts
        if end < 0:
            _refuse(self.path, "a block has no room for its restarts")
        return self._pairs(block[:end])

    def _pairs(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        key, at = b"", 0
        while at < len(data):
            n_shared, at = self._varint(data, at)
            n_own, at = self._varint(data, at)
            n_value, at = self._varint(data, at)
            if n_shared > len(key) or at + n_own + n_value > len(data):
                _refuse(self.path, "an entry reaches out of its block")
            if n_shared + n_own > _KEY_BYTES:  # shared prefixes can unfold to any size
                _refuse(self.path, f"a key has {n_shared + n_own:,} bytes")
            key = key[:n_shared] + data[at : at + n_own]
            at += n_own
            yield key, data[at : at + n_value]
            at += n_value

    def _varint(self, data: bytes, at: int) -> tuple[int, int]:
        try:
            return read_varint(data, at)
        except ValueError as error:
            _refuse(self.path, str(error))


def _fields(data: bytes, path: Path) -> Fields:
    try:
        return read_fields(data)
    except ValueError as error:
        _refuse(path, str(error))


def _refuse(path: Path, reason: str) -> NoReturn:
    raise CorruptCheckpoint(
        f"{path} is not a sound TensorFlow checkpoint: {reason}.",
        "The file is truncated or damaged; fetch it again.",
    )
