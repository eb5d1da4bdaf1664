"""Test sets as they are published: plain, packed, or one file in an archive.

Nothing is unpacked to disk.
"""

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import BinaryIO, cast

from cutaway.errors import DataError

__all__ = ["open_published", "read_lines", "read_whole"]

_TARS = (".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")
_DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError)


@contextmanager
def open_published(path: Path, *, member: str = "*") -> Generator[BinaryIO]:
    """The bytes of a test set; ``.gz``, ``.xz`` and ``.bz2`` are unpacked on the way.

    Args:
        path: the file, or a ``.zip`` or ``.tar`` (packed or not) that has it.
        member: which file of an archive, as a pattern without regard to case; the first that fits.

    Raises:
        DataError: if the file is absent, damaged, or an archive without such a file.
    """
    try:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive, _in_zip(archive, path, member) as file:
                yield file
        elif path.name.lower().endswith(_TARS):
            with tarfile.open(path) as archive, _in_tar(archive, path, member) as file:
                yield file
        else:
            with _opened(path) as file:
                yield file
    except FileNotFoundError:
        raise DataError(f"No test set at {path}.", "Check the path.") from None
    except IsADirectoryError:
        raise DataError(f"{path} is a directory.", "Give the file in it.") from None
    except _DAMAGE as error:
        raise DataError(f"{path} cannot be read: {error}.", "Fetch or unpack it again.") from None


def read_lines(path: Path, *, member: str = "*") -> Iterator[tuple[int, str]]:
    """The lines of a test set without their line feeds, each with its number from 1.

    Raises:
        DataError: if the file is absent, damaged, empty, or a line is not UTF-8.
    """
    number = 0
    with open_published(path, member=member) as file:
        for number, line in enumerate(file, start=1):
            try:
                yield number, line.decode().removesuffix("\n").removesuffix("\r")
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{path}, line {number}, cannot be read: {error}.", "It must be UTF-8."
                ) from None
    if not number:
        raise DataError(f"{path} is empty.", "Fetch or unpack it again.")


def read_whole(path: Path, *, member: str = "*") -> bytes:
    """All bytes of a test set.

    Raises:
        DataError: if the file is absent, damaged or empty.
    """
    with open_published(path, member=member) as file:
        data = file.read()
    if not data:
        raise DataError(f"{path} is empty.", "Fetch or unpack it again.")
    return data


def _opened(path: Path) -> BinaryIO:
    match path.suffix:
        case ".gz":
            return cast(BinaryIO, gzip.open(path))
        case ".xz":
            return cast(BinaryIO, lzma.open(path))
        case ".bz2":
            return cast(BinaryIO, bz2.open(path))
        case _:
            return path.open("rb")


def _in_zip(archive: zipfile.ZipFile, path: Path, member: str) -> BinaryIO:
    names = [info.filename for info in archive.infolist() if not info.is_dir()]
    for name in names:
        if fnmatch(name.lower(), member.lower()):
            try:
                return cast(BinaryIO, archive.open(name))
            except (RuntimeError, NotImplementedError) as error:  # encrypted, or packed otherwise
                raise DataError(f"{path} cannot be read: {error}.", "Unpack it.") from None
    raise _absent(path, member, names)


def _in_tar(archive: tarfile.TarFile, path: Path, member: str) -> BinaryIO:
    names: list[str] = []
    for entry in archive:
        if entry.isfile() and fnmatch(entry.name.lower(), member.lower()):
            return cast(BinaryIO, archive.extractfile(entry))
        names.append(entry.name)
    raise _absent(path, member, names)


def _absent(path: Path, member: str, names: list[str]) -> DataError:
    some = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    return DataError(f"{path} has no file {member}.", f"It has {some or 'nothing'}.")
