"""Reading ``.safetensors`` as a stranger's file: the header is checked before anything is believed.

The format: 8 bytes of header length, a JSON object of names to dtype, shape and offsets, and the
data without gap or overlap. The header of GPT-2 XL has less than 100 KB; more than 1 MB is refused.
"""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from cutaway.checkpoints.stored import StoredTensor
from cutaway.errors import CorruptCheckpoint

__all__ = ["read_safetensors"]

_MAX_HEADER = 1 << 20
_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def read_safetensors(path: Path) -> dict[str, StoredTensor]:
    """The tensors of a file, none of them in memory yet.

    Raises:
        CorruptCheckpoint: if the header is damaged or does not describe exactly the data.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        n = int.from_bytes(head, "little")
        if len(head) < 8 or n > min(_MAX_HEADER, size - 8):
            raise _corrupt(path, f"its header claims {n:,} bytes of a file of {size:,}")
        header = _parse(path, file.read(n))
    header.pop("__metadata__", None)
    start, tensors, spans = 8 + n, dict[str, StoredTensor](), list[tuple[int, int]]()
    for name, entry in header.items():
        dtype, shape, span = _entry(path, name, entry)
        spans.append(span)
        read = _reader(path, dtype, shape, start + span[0])
        tensors[name] = StoredTensor(shape, span[1] - span[0], read)
    end = 0
    for begin, stop in sorted(spans):
        if begin != end:
            raise _corrupt(path, f"its tensors overlap or leave a gap at byte {begin:,}")
        end = stop
    if start + end != size:
        raise _corrupt(path, f"it has {size:,} bytes, its header describes {start + end:,}")
    return tensors


def _parse(path: Path, raw: bytes) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError("a name occurs twice")
        return dict(pairs)

    try:
        header = json.loads(raw, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise _corrupt(path, f"its header is no JSON: {error}") from None
    if not isinstance(header, dict):
        raise _corrupt(path, "its header is no JSON object")
    return cast("dict[str, Any]", header)


def _entry(
    path: Path, name: str, entry: Any
) -> tuple[torch.dtype, tuple[int, ...], tuple[int, int]]:
    try:
        dtype, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
        numbers = [*shape, begin, end]
    except (TypeError, KeyError, ValueError):
        raise _corrupt(path, f"the entry of {name!r} is damaged") from None
    if any(type(number) is not int or not 0 <= number < 1 << 48 for number in numbers):
        raise _corrupt(path, f"the entry of {name!r} has an impossible number")
    if dtype not in _DTYPES:
        raise _corrupt(path, f"{name!r} has the unknown dtype {dtype!r}")
    if math.prod(shape) * _DTYPES[dtype].itemsize != end - begin:
        raise _corrupt(path, f"{name!r} of shape {tuple(shape)} does not fill its bytes")
    return _DTYPES[dtype], tuple(shape), (begin, end)


def _reader(
    path: Path, dtype: torch.dtype, shape: tuple[int, ...], offset: int
) -> Callable[[], Tensor]:
    n_bytes = math.prod(shape) * dtype.itemsize

    def read() -> Tensor:
        raw = np.fromfile(path, dtype=np.uint8, count=n_bytes, offset=offset)
        if len(raw) != n_bytes:
            raise _corrupt(path, "it was cut while it was read")
        return torch.from_numpy(raw).view(dtype).reshape(shape)

    return read


def _corrupt(path: Path, why: str) -> CorruptCheckpoint:
    return CorruptCheckpoint(f"{path} is damaged: {why}.", "Fetch or copy the file again.")
