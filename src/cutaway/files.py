"""Writing files so that a reader finds the old one or the new one, never a half.

A file is written beside its destination under a temporary name, flushed to disk, and renamed over
it; the directory is flushed after that. What fails on the way leaves the previous file as it was.
"""

import errno
import hashlib
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from cutaway.errors import ResourceError

__all__ = ["atomic_write", "fsync_directory", "sha256_of"]

_FULL = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def atomic_write(path: Path) -> Generator[BinaryIO]:
    """Opens a file that takes the place of ``path`` when the block ends without an error.

    Raises:
        ResourceError: if the disk is full; ``path`` is as it was before.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
        fsync_directory(path.parent)
    except OSError as error:
        if error.errno in _FULL:
            raise ResourceError(
                f"No space left on the disk while writing {path}.",
                "The previous file, if any, is unchanged. Free some space and try again.",
            ) from error
        raise
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def fsync_directory(directory: Path) -> None:
    """Makes renames inside ``directory`` survive a loss of power, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
