"""Bytes of a file as an array, without a copy where that is possible."""

import mmap
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from cutaway.errors import CorruptCheckpoint

__all__ = ["mapped_bytes", "read_bytes"]

_FEW = 1 << 16  # fewer bytes are read: a mapping takes a page of its own, and longer to make


def mapped_bytes(path: Path, offset: int, n_bytes: int) -> NDArray[np.uint8]:
    """``n_bytes`` of a file: many as a read-only view of the mapped file, few in memory.

    Each view has a mapping of its own: its pages are given back when nobody holds it any longer.
    Whoever cuts the file off while it is mapped ends the process, as with any mapped file.

    Raises:
        CorruptCheckpoint: if the file is shorter.
    """
    if n_bytes < _FEW:
        return read_bytes(path, offset, n_bytes)
    start = offset - offset % mmap.ALLOCATIONGRANULARITY
    try:
        with path.open("rb") as file:
            mapping = mmap.mmap(
                file.fileno(), offset + n_bytes - start, access=mmap.ACCESS_READ, offset=start
            )
    except OSError as error:
        raise CorruptCheckpoint(f"{path} cannot be read: {error}.") from error
    except ValueError:  # longer than the file
        _refuse(path)
    return np.frombuffer(mapping, np.uint8, n_bytes, offset - start)


def read_bytes(path: Path, offset: int, n_bytes: int) -> NDArray[np.uint8]:
    """``n_bytes`` of a file in memory.

    Raises:
        CorruptCheckpoint: if the file is shorter.
    """
    try:
        data = np.fromfile(path, np.uint8, n_bytes, offset=offset)
    except OSError as error:
        raise CorruptCheckpoint(f"{path} cannot be read: {error}.") from error
    return data if len(data) == n_bytes else _refuse(path)


def _refuse(path: Path) -> NoReturn:
    raise CorruptCheckpoint(f"{path} ends early.", "The file is truncated; fetch it again.")
