"""Files of ``torch.save`` since 2020, read without torch's help and without running anything.

They are zip archives in which nothing is compressed: a pickle of the structure, and for each
storage an entry with its numbers. Entries are read where they lie, so no file can unfold into more
than its size. Sources: `torch/serialization.py`; PKWARE's APPNOTE 6.3.9 for the archive.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO, NoReturn, TypeGuard, cast

import numpy as np
from numpy.typing import NDArray

from cutaway.checkpoints.folder import regular_file
from cutaway.checkpoints.mapped import read_bytes
from cutaway.checkpoints.pickle_machine import (
    MAX_BYTES,
    ORDERED_DICT,
    Call,
    ForbiddenName,
    Global,
    PickleError,
    Reference,
    read_pickle,
)
from cutaway.checkpoints.stored import Stored
from cutaway.errors import CorruptCheckpoint, UnsafeCheckpoint
from cutaway.numbers import BFLOAT16, FLOAT16, FLOAT32, INT8, UINT8, Array, Kind

__all__ = ["TorchFile"]

_MAX_ENTRIES = 10_000
_DIRECTORY_BYTES = 4 << 20
_UNKNOWN32, _UNKNOWN16 = 0xFFFFFFFF, 0xFFFF
_REBUILD = Global("torch._utils", "_rebuild_tensor_v2")
_PARAMETER = Global("torch._utils", "_rebuild_parameter")
_STORAGES: dict[Global, Kind] = {
    Global("torch", "FloatStorage"): FLOAT32,
    Global("torch", "HalfStorage"): FLOAT16,
    Global("torch", "BFloat16Storage"): BFLOAT16,
    Global("torch", "DoubleStorage"): np.dtype(np.float64),
    Global("torch", "LongStorage"): np.dtype(np.int64),
    Global("torch", "IntStorage"): np.dtype(np.int32),
    Global("torch", "ShortStorage"): np.dtype(np.int16),
    Global("torch", "CharStorage"): INT8,
    Global("torch", "ByteStorage"): UINT8,
    Global("torch", "BoolStorage"): np.dtype(np.bool),
}
_ALLOWED = frozenset({_REBUILD, _PARAMETER, ORDERED_DICT, *_STORAGES})


@dataclass(frozen=True, slots=True)
class _Entry:
    start: int
    n_bytes: int
    crc: int


class TorchFile:
    """An open file: what was saved, and its tensors on demand.

    Attributes:
        root: what was saved; a tensor in it is a record that :meth:`tensor` understands.

    Raises:
        CorruptCheckpoint: if the archive or the pickle is damaged.
        UnsafeCheckpoint: if the pickle names what no table of tensors needs.
    """

    def __init__(self, path: Path) -> None:
        self.path = regular_file(path)
        self.spare = self.path.stat().st_size  # how much may be read that is in no tensor
        try:
            with self.path.open("rb") as file:
                self.entries = dict(_entries(file, self.path.stat().st_size))
        except (ValueError, struct.error) as error:
            _refuse(self.path, str(error))
        pickles = [name for name in self.entries if name.endswith("/data.pkl")]
        if len(pickles) != 1:
            _refuse(self.path, f"it holds {len(pickles)} pickles, not one")
        self.folder = pickles[0].removesuffix("data.pkl")
        if self.small(f"{self.folder}byteorder", b"little") != b"little":
            _refuse(self.path, "its numbers are big-endian")
        try:
            self.root = read_pickle(self.small(pickles[0]), allowed=_ALLOWED)
        except ForbiddenName as error:
            raise UnsafeCheckpoint(
                f"{self.path} holds more than tensors and plain values: {error}.",
                "Loading it in full could run code. Save it again with plain values only.",
            ) from error
        except PickleError as error:
            _refuse(self.path, f"its pickle cannot be read: {error}")

    def small(self, name: str, default: bytes | None = None) -> bytes:
        """The content of a small entry."""
        entry = self.entries.get(name)
        if entry is None and default is not None:
            return default
        if entry is None or entry.n_bytes > MAX_BYTES:
            _refuse(self.path, f"its entry {name[:80]!r} is missing or too large")
        return bytes(self._read(name, entry))

    def tensor(self, value: object) -> Stored | None:
        """The tensor that a record stands for, or None if it stands for none.

        Raises:
            CorruptCheckpoint: if the record contradicts the archive.
        """
        if isinstance(value, Call) and value.function == _PARAMETER and value.arguments:
            value = value.arguments[0]
        if not isinstance(value, Call) or value.function != _REBUILD or len(value.arguments) < 4:
            return None
        reference, offset, shape, stride = value.arguments[:4]
        dtype, entry, name = self._storage(reference)
        if not _are_counts(shape) or not _are_counts(stride) or len(shape) > 8:
            _refuse(self.path, "a tensor has an impossible shape")
        unused = entry.n_bytes - prod(shape) * dtype.itemsize
        self.spare -= max(0, unused)
        if offset != 0 or unused < 0 or self.spare < 0:
            _refuse(self.path, f"a tensor of shape {shape} does not fill its storage in order")
        if not _is_dense(shape, stride):  # a window of a causal mask may be; a weight may not
            return Stored(shape, dtype, lambda: self._not_dense(shape))
        place = (self.path, entry.start)
        return Stored(shape, dtype, lambda: self._tensor(name, entry, shape, dtype), place)

    def _not_dense(self, shape: tuple[int, ...]) -> NoReturn:
        _refuse(self.path, f"a tensor of shape {shape} does not fill its storage in order")

    def _storage(self, reference: object) -> tuple[Kind, _Entry, str]:
        id = reference.id if isinstance(reference, Reference) else None
        if not isinstance(id, tuple) or len(cast(tuple[object, ...], id)) != 5:
            _refuse(self.path, "a tensor has no storage")
        kind, storage, key, _, n_elements = cast(tuple[object, ...], id)
        if kind != "storage" or not isinstance(storage, Global) or storage not in _STORAGES:
            _refuse(self.path, "a tensor has a storage of an unknown kind")
        dtype, name = _STORAGES[storage], f"{self.folder}data/{key if isinstance(key, str) else ''}"
        entry = self.entries.get(name)
        if entry is None or type(n_elements) is not int:
            _refuse(self.path, f"the storage {name[:80]!r} is missing")
        if n_elements * dtype.itemsize != entry.n_bytes:
            _refuse(self.path, f"the storage {name[:80]!r} has another size than it should")
        return dtype, entry, name

    def _tensor(self, name: str, entry: _Entry, shape: tuple[int, ...], dtype: Kind) -> Array:
        n_bytes = prod(shape) * dtype.itemsize
        data = self._read(name, entry)
        if n_bytes < entry.n_bytes:  # nanoGPT crops positions so: the first rows of a storage
            data = data[:n_bytes].copy()
        return data.view(dtype).reshape(shape)

    def _read(self, name: str, entry: _Entry) -> NDArray[np.uint8]:
        data = read_bytes(self.path, entry.start, entry.n_bytes)
        if zlib.crc32(data.data) != entry.crc:
            _refuse(self.path, f"the checksum of {name[:80]!r} is wrong")
        return data


def _are_counts(value: object) -> TypeGuard[tuple[int, ...]]:
    items = cast(tuple[object, ...], value) if isinstance(value, tuple) else (None,)
    return all(type(n) is int and n >= 0 for n in items)


def _is_dense(shape: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    """Whether the elements follow one another; along an axis of one nobody ever steps."""
    steps = [prod(shape[axis + 1 :]) for axis in range(len(shape))]
    return len(shape) == len(stride) and all(
        n == 1 or given == step for n, given, step in zip(shape, stride, steps, strict=True)
    )


def _entries(file: BinaryIO, size: int) -> Iterator[tuple[str, _Entry]]:
    """The entries of an archive by name; raises ValueError or struct.error if it is damaged."""
    count, n_bytes, offset = _end_of_directory(file, size)
    if count > _MAX_ENTRIES or n_bytes > _DIRECTORY_BYTES or offset + n_bytes > size:
        raise ValueError("its table of contents is impossible")
    file.seek(offset)
    directory, at = file.read(n_bytes), 0
    seen: set[str] = set()
    for _ in range(count):
        fields = struct.unpack_from("<4s6H3I5H2I", directory, at)
        signature, flags, method, crc = fields[0], fields[3], fields[4], fields[7]
        packed, unpacked, place = fields[8], fields[9], fields[16]
        n_name, n_extra, n_comment = fields[10:13]
        at += 46
        name = directory[at : at + n_name].decode("utf-8", "replace")
        extra = directory[at + n_name : at + n_name + n_extra]
        at += n_name + n_extra + n_comment
        unpacked, packed, place = _in_64_bits(extra, unpacked, packed, place)
        if signature != b"PK\1\2" or name in seen:
            raise ValueError("its table of contents is damaged")
        if flags & 1 or method != 0 or packed != unpacked:
            raise ValueError(f"its entry {name[:80]!r} is compressed or encrypted")
        seen.add(name)
        start = _data_start(file, place)
        if start + packed > offset:
            raise ValueError(f"its entry {name[:80]!r} reaches out of it")
        yield name, _Entry(start, packed, crc)


def _end_of_directory(file: BinaryIO, size: int) -> tuple[int, int, int]:
    """Number of entries, length and place of the table of contents."""
    end = size - 22
    file.seek(max(0, end))
    fields = struct.unpack("<4s4H2IH", file.read(22))
    if fields[0] != b"PK\5\6" or fields[7] != 0:
        raise ValueError("it does not end as an archive does")
    count, n_bytes, offset = fields[4], fields[5], fields[6]
    if count != _UNKNOWN16 and _UNKNOWN32 not in (n_bytes, offset):
        return count, n_bytes, offset
    file.seek(max(0, end - 20))
    signature, _, place, _ = struct.unpack("<4sIQI", file.read(20))
    if signature != b"PK\6\7" or place > end:
        raise ValueError("it has no 64-bit table of contents where it should")
    file.seek(place)
    wide = struct.unpack("<4sQ2H2I4Q", file.read(56))
    if wide[0] != b"PK\6\6":
        raise ValueError("it has no 64-bit table of contents where it should")
    return wide[7], wide[8], wide[9]


def _in_64_bits(extra: bytes, *numbers: int) -> list[int]:
    """Numbers that did not fit in 32 bits are in the field 1 of an entry's extras, in order."""
    at, wide = 0, b""
    while at + 4 <= len(extra):
        kind, n_bytes = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            wide = extra[at + 4 : at + 4 + n_bytes]
        at += 4 + n_bytes
    found = iter(struct.unpack(f"<{len(wide) // 8}Q", wide[: len(wide) // 8 * 8]))
    return [next(found, number) if number == _UNKNOWN32 else number for number in numbers]


def _data_start(file: BinaryIO, place: int) -> int:
    """Where the data of an entry begins, behind a header of its own."""
    file.seek(place)
    header = struct.unpack("<4s5H3I2H", file.read(30))
    if header[0] != b"PK\3\4":
        raise ValueError("an entry has no header")
    return place + 30 + header[9] + header[10]


def _refuse(path: Path, reason: str) -> NoReturn:
    raise CorruptCheckpoint(
        f"{path} is not a sound file of torch.save: {reason}.",
        "The file is truncated or damaged, or saved by a torch older than 1.6.",
    )
