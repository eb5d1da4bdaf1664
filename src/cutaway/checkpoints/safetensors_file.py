"""The safetensors format, read with its header in doubt, written in one pass.

A file is the length of the header (8 bytes, little-endian), the header (JSON: for each tensor its
dtype, shape and place), and the data. The format's own rules are checked here before a tensor is
touched: the places follow one another from 0 to the end of the file, with no hole and no overlap,
and each is as long as its shape says. Source: the format section of huggingface/safetensors.
"""

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import NamedTuple, NoReturn, cast

import numpy as np

from cutaway.checkpoints.folder import parse_json
from cutaway.checkpoints.pieces import Writer
from cutaway.checkpoints.raw import raw_bytes
from cutaway.checkpoints.stored import Stored, in_file
from cutaway.errors import CorruptCheckpoint
from cutaway.numbers import BFLOAT16, FLOAT16, FLOAT32, INT8, UINT8, Kind

__all__ = ["Laid", "in_order", "open_safetensors", "write_safetensors"]

_HEADER_BYTES = 1 << 20  # GPT-2 XL needs 70 KB
_MAX_ELEMENTS = 1 << 62
# Bits of one element. Weights are of the first three kinds, codes of I8 and U8; the others are at
# most dropped.
_BITS = {
    "F32": 32, "F16": 16, "BF16": 16, "F64": 64, "F8_E4M3": 8, "F8_E5M2": 8, "BOOL": 8,
    "I8": 8, "U8": 8, "I16": 16, "U16": 16, "I32": 32, "U32": 32, "I64": 64, "U64": 64,
}  # fmt: skip
_DTYPES = {
    "F32": FLOAT32, "F16": FLOAT16, "BF16": BFLOAT16, "I8": INT8, "U8": UINT8,
}  # fmt: skip
# Kinds that the state of an optimizer may have besides.
_KINDS = _DTYPES | {
    "F64": np.dtype(np.float64), "BOOL": np.dtype(np.bool_),
    "I16": np.dtype(np.int16), "I32": np.dtype(np.int32), "I64": np.dtype(np.int64),
}  # fmt: skip
_NAMES = {kind: name for name, kind in _KINDS.items()}


def open_safetensors(path: Path) -> dict[str, Stored]:
    """The tensors of a file; only its header is read.

    Raises:
        CorruptCheckpoint: if the header breaks a rule of the format or belies the file's size.
    """
    start, places = _places(path)
    return {
        name: in_file(path, start + first, shape, _DTYPES[dtype])
        if dtype in _DTYPES
        else Stored(shape, None, lambda: np.empty(0))
        for (first, _, shape, dtype), name in places
    }


class Laid(NamedTuple):
    """A tensor of a file that is read from its beginning to its end; ``kind`` as in the file."""

    name: str
    shape: tuple[int, ...]
    kind: Kind


def in_order(path: Path) -> tuple[int, list[Laid]]:
    """The number of bytes before the first tensor, and the tensors, which follow without a gap.

    Raises:
        CorruptCheckpoint: as :func:`open_safetensors`, and for a kind of number no tensor has.
    """
    start, places = _places(path)
    for (_, _, _, dtype), name in places:
        if dtype not in _KINDS:
            _refuse(path, f"{name[:80]!r} is of the kind {dtype}")
    return start, [Laid(name, shape, _KINDS[dtype]) for (_, _, shape, dtype), name in places]


# Where a tensor lies: first byte, byte after the last, shape, dtype.
_Place = tuple[int, int, tuple[int, ...], str]


def _places(path: Path) -> tuple[int, list[tuple[_Place, str]]]:
    """Where the data begins, and the places of the tensors from there, one after another."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 10 or length > size - 8:
            _refuse(path, f"its header should have {length:,} bytes, the file has {size:,}")
        if length > _HEADER_BYTES:
            _refuse(path, f"its header has {length:,} bytes; at most {_HEADER_BYTES:,} are read")
        data = file.read(length)
    if not data.startswith(b"{"):
        _refuse(path, "its header does not start with '{'")
    header = parse_json(data, f"the header of {path}")
    _check_metadata(header.pop("__metadata__", {}), path)
    places = sorted((_place(name, entry, path), name) for name, entry in header.items())
    _check_order(places, path, n_bytes=size - 8 - length)
    return 8 + length, places


def _place(name: str, entry: object, path: Path) -> _Place:
    fields = cast(dict[str, object], entry) if isinstance(entry, dict) else {}
    if fields.keys() != {"dtype", "shape", "data_offsets"}:
        _refuse(path, f"{name[:80]!r} needs dtype, shape and data_offsets")
    dtype, shape, offsets = fields["dtype"], _counts(fields["shape"]), fields["data_offsets"]
    ends = _counts(offsets)
    if not isinstance(dtype, str) or dtype not in _BITS:
        _refuse(path, f"{name[:80]!r} is of the unknown kind {str(dtype)[:40]!r}")
    if shape is None or len(shape) > 8 or prod(shape) > _MAX_ELEMENTS:
        _refuse(path, f"{name[:80]!r} has an impossible shape")
    if ends is None or len(ends) != 2:
        _refuse(path, f"{name[:80]!r} has impossible offsets")
    if ends[1] - ends[0] != prod(shape) * _BITS[dtype] // 8:
        _refuse(path, f"{name[:80]!r}: {dtype} {shape} does not fill its {ends[1] - ends[0]} bytes")
    return ends[0], ends[1], shape, dtype


def _counts(value: object) -> tuple[int, ...] | None:
    items = tuple(cast(list[object], value)) if isinstance(value, list) else None
    if items is None or not all(type(n) is int and 0 <= n < 1 << 63 for n in items):
        return None
    return cast(tuple[int, ...], items)


def _check_order(places: list[tuple[_Place, str]], path: Path, *, n_bytes: int) -> None:
    end = 0
    for (first, last, _, _), name in places:
        if first != end:
            kind = "overlaps the tensor before it" if first < end else "leaves a hole before it"
            _refuse(path, f"{name[:80]!r} {kind}, at byte {first:,}")
        end = last
    if end != n_bytes:
        _refuse(path, f"its tensors end at byte {end:,}, its data at {n_bytes:,}")


def _check_metadata(metadata: object, path: Path) -> None:
    if not isinstance(metadata, dict) or not all(
        isinstance(value, str) for value in cast(dict[str, object], metadata).values()
    ):
        _refuse(path, "its metadata is not text")


def _refuse(path: Path, reason: str) -> NoReturn:
    raise CorruptCheckpoint(
        f"{path} is not a sound safetensors file: {reason}.",
        "The file is truncated or damaged; fetch it again.",
    )


def write_safetensors(file: Writer, tensors: Mapping[str, Stored]) -> None:
    """Writes tensors, one at a time; wide ones first, so that all are aligned.

    The mark ``format: pt`` is transformers' wish.

    Args:
        file: to write.
        tensors: each is read when its turn comes, and is then of the kind that it says.
    """
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    kinds = {name: tensor.dtype or FLOAT32 for name, tensor in tensors.items()}
    ordered = sorted(tensors, key=lambda name: -kinds[name].itemsize)
    end = 0
    for name in ordered:
        start, end = end, end + tensors[name].n_elements * kinds[name].itemsize
        header[name] = {
            "dtype": _NAMES[kinds[name]],
            "shape": list(tensors[name].shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the data is aligned
    file.write(len(text).to_bytes(8, "little") + text)
    for name in ordered:
        file.write(raw_bytes(tensors[name].read()))
