"""Reading what ``torch.save`` wrote without running anything that is in it.

Such a file is a zip archive: a pickle ``data.pkl`` that describes the objects, and one entry of raw
numbers for each storage. A pickle is a program, and loading one runs it. Here the program may use
only the instructions that plain containers and tensors need, and may name only the few functions
in :data:`_ALLOWED`, which are answered by harmless ones of our own: nothing of torch is called.
"""

import io
import math
import pickle
import pickletools
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cutaway.checkpoints.stored import StoredTensor
from cutaway.errors import CorruptCheckpoint, UnsafeCheckpoint

__all__ = ["read_torch_archive"]

_MAX_PICKLE = 1 << 26
_STORAGES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
_INSTRUCTIONS = frozenset(
    {
        *("PROTO", "FRAME", "STOP", "MARK", "NONE", "NEWTRUE", "NEWFALSE"),
        *("EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE", "EMPTY_SET"),
        *("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
        *("SETITEM", "SETITEMS", "APPEND", "APPENDS", "ADDITEMS"),
        *("BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET", "MEMOIZE"),
        *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
        *("BINUNICODE", "SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES"),
        *("GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD", "BINPERSID"),
    }
)


@dataclass(frozen=True, slots=True)
class _Storage:
    entry: str
    dtype: torch.dtype
    n_values: int


def read_torch_archive(path: Path) -> Any:
    """The objects of a file, tensors as :class:`StoredTensor` that are not in memory yet.

    Raises:
        UnsafeCheckpoint: if the file would run anything, or is an old pickle without an archive.
        CorruptCheckpoint: if it is damaged.
    """
    if not zipfile.is_zipfile(path):
        raise UnsafeCheckpoint(
            f"{path} is no archive of torch 1.6 or newer.",
            "If you trust it, load it with torch and save it again.",
        )
    try:
        with zipfile.ZipFile(path) as archive:
            entries = _entries(archive, path)
            names = [name for name in entries if name.endswith("/data.pkl")]
            if len(names) != 1 or entries[names[0]].file_size > _MAX_PICKLE:
                raise _corrupt(path, f"{len(names)} pickles, or one of more than 64 MB")
            program = archive.read(names[0])
        root = names[0].removesuffix("data.pkl")
        _check_program(program, path)
        return _Reader(program, path, root, entries).load()
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError) as error:
        raise _corrupt(path, str(error)) from None
    except (pickle.UnpicklingError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise _corrupt(path, f"its pickle is damaged ({error})") from None
    except (MemoryError, RecursionError) as error:
        raise _corrupt(path, f"its pickle is impossible ({type(error).__name__})") from None


def _entries(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    """The entries by name; torch stores them as they are, so none is larger than the file."""
    size = path.stat().st_size
    entries: dict[str, zipfile.ZipInfo] = {}
    for entry in archive.infolist():
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > size:
            raise _corrupt(path, f"the entry {entry.filename!r} is compressed or too large")
        if entry.filename in entries:
            raise _corrupt(path, f"the entry {entry.filename!r} occurs twice")
        entries[entry.filename] = entry
    return entries


def _check_program(program: bytes, path: Path) -> None:
    """Refuses every instruction that containers of tensors do not need."""
    for instruction, argument, _ in pickletools.genops(io.BytesIO(program)):
        if instruction.name not in _INSTRUCTIONS:
            raise UnsafeCheckpoint(
                f"{path}: its pickle uses {instruction.name}, which no state of a model needs.",
                "Do not load it.",
            )
        if instruction.name in ("LONG_BINPUT", "LONG_BINGET") and int(argument or 0) > len(program):
            raise _corrupt(path, f"its pickle has a memo of {argument:,} places")


class _Reader(pickle.Unpickler):
    """Runs a checked program with the functions below in the place of those it names."""

    def __init__(
        self, program: bytes, path: Path, root: str, entries: dict[str, zipfile.ZipInfo]
    ) -> None:
        super().__init__(io.BytesIO(program), encoding="utf-8")
        self._path, self._root, self._entries = path, root, entries

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        name = f"{module_name}.{global_name}"
        if name == "collections.OrderedDict":
            return OrderedDict
        if name == "torch._utils._rebuild_tensor_v2":
            return self._tensor
        if name == "torch._utils._rebuild_parameter":
            return _parameter
        if module_name == "torch" and global_name in _STORAGES:
            return _STORAGES[global_name]
        raise UnsafeCheckpoint(f"{self._path}: its pickle calls {name}.", "Do not load it.")

    def persistent_load(self, pid: Any, /) -> _Storage:
        kind, dtype, key, _location, n_values = pid
        entry = f"{self._root}data/{key}"
        if kind != "storage" or not isinstance(dtype, torch.dtype) or entry not in self._entries:
            raise _corrupt(self._path, f"the storage {key!r} is missing")
        if type(n_values) is not int or n_values * dtype.itemsize != self._entries[entry].file_size:
            raise _corrupt(self._path, f"the storage {key!r} has another size than it claims")
        return _Storage(entry, dtype, n_values)

    def _tensor(
        self, storage: Any, offset: Any, shape: Any, stride: Any, *_rest: object
    ) -> StoredTensor:
        numbers = [offset, *shape, *stride]
        if (
            not isinstance(storage, _Storage)
            or len(shape) != len(stride)
            or any(type(n) is not int or not 0 <= n < 1 << 48 for n in numbers)
        ):
            raise _corrupt(self._path, "a tensor has no sound storage, shape or stride")
        last = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=True))
        n_values = math.prod(shape)
        # More values than the storage holds would be a broadcast: 3 bytes could claim terabytes.
        if n_values > storage.n_values or (n_values and last >= storage.n_values):
            raise _corrupt(self._path, f"a tensor of shape {tuple(shape)} leaves its storage")
        read = self._numbers(storage, offset, tuple(shape), tuple(stride))
        return StoredTensor(tuple(shape), n_values * storage.dtype.itemsize, read)

    def _numbers(
        self, storage: _Storage, offset: int, shape: tuple[int, ...], stride: tuple[int, ...]
    ) -> Callable[[], Tensor]:
        path = self._path

        def read() -> Tensor:
            try:
                with zipfile.ZipFile(path) as archive:
                    raw = bytearray(archive.read(storage.entry))
            except (zipfile.BadZipFile, OSError, EOFError) as error:
                raise _corrupt(path, f"{storage.entry}: {error}") from None
            if not raw:
                return torch.empty(shape, dtype=storage.dtype)
            values = torch.frombuffer(raw, dtype=storage.dtype)
            return values.as_strided(shape, stride, offset)

        return read


def _parameter(data: Any, *_rest: object) -> Any:
    return data


def _corrupt(path: Path, why: str) -> CorruptCheckpoint:
    return CorruptCheckpoint(f"{path} is damaged: {why}.", "Fetch or copy the file again.")
