"""Writing files so that a reader finds the old one or the new one, never a half.

A file is written beside its destination under a temporary name, flushed to disk, and renamed over
it; the directory is flushed after that. What fails on the way leaves the previous file as it was.
"""

import errno
import filecmp
import hashlib
import os
import platform
import re
import secrets
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NoReturn

from cutaway.errors import ConfigError, CutawayError, ResourceError

__all__ = [
    "atomic_write",
    "cache_directory",
    "fsync_directory",
    "replace_directory",
    "replace_together",
    "sha256_of",
    "sweep",
]

_FULL = {errno.ENOSPC, errno.EDQUOT}
# In the names of folders that are being filled, beside the process: who can tell if it is alive.
HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:8]


@contextmanager
def atomic_write(path: Path) -> Generator[BinaryIO]:
    """Opens a file that takes the place of ``path`` when the block ends without an error.

    Raises:
        ResourceError: if the disk is full or refuses; ``path`` is as it was before (or already the
            new one, if all that failed was the last flush of the directory).
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        fsync_directory(path.parent)
    except OSError as error:
        _explain(error, path)
    finally:
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def replace_together(directory: Path) -> Generator[Path]:
    """Yields an empty folder; the files put there take their places in ``directory`` at the end.

    A new directory appears whole. In an existing one the files of the same names are replaced and
    the others stay; if that fails on the way, those already replaced are put back. What processes
    of this machine left that were killed before the end is removed.

    Raises:
        ConfigError: if ``directory`` is a file.
        ResourceError: if the disk is full or refuses; ``directory`` is as it was before.
    """
    with _staged(directory, directory if directory.is_dir() else directory.parent) as stage:
        yield stage
        _take_places(stage, directory)


@contextmanager
def replace_directory(directory: Path) -> Generator[Path]:
    """Yields an empty folder, directories and all, that becomes ``directory`` at the end.

    One that is there is set aside first and removed when the new one is in its place, so that no
    reader ever finds files of both; if the process ends between the two, there is none.

    Raises:
        ConfigError: if ``directory`` is a file.
        ResourceError: if the disk is full or refuses; ``directory`` is as it was before.
    """
    with _staged(directory, directory.parent) as stage:
        yield stage
        _flush(stage)
        stage.chmod(0o755)
        aside = stage.with_name(stage.name.removesuffix(".tmp") + ".old.tmp")
        had_one = directory.is_dir()
        if had_one:
            directory.replace(aside)
        try:
            _appear(stage, directory)
        except BaseException:
            if had_one:
                aside.replace(directory)
            raise
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _staged(directory: Path, beside: Path) -> Generator[Path]:
    """Yields a new folder in ``beside``; what is put there is on the disk when the block goes on.

    The folder is gone at the end, unless the block gave it another name.
    """
    if directory.exists() and not directory.is_dir():
        raise ConfigError(f"{directory} is a file.", "Name a directory to write into.")
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        _sweep(beside, directory.name)
        prefix = f".{directory.name}.{HOST}-{os.getpid()}."
        stage = Path(tempfile.mkdtemp(prefix=prefix, suffix=".tmp", dir=beside))
    except OSError as error:
        _explain(error, directory)
    try:
        yield stage
    except OSError as error:
        _explain(error, directory)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Removes what processes left in ``folder`` that ended while writing, whosever they were.

    A directory that was set aside and not replaced gets its name back. The caller is the only
    process that writes there.
    """
    for path in folder.glob(".*.tmp"):
        _clear(path)


def _sweep(beside: Path, name: str) -> None:
    """Removes the stages of processes that are no more; each is as large as what was written."""
    stage = re.compile(rf"\.{re.escape(name)}\.{HOST}-([0-9]+)\.[^.]+(\.old)?\.tmp")
    for path in list(beside.iterdir()):
        found = stage.fullmatch(path.name)
        if found and path.is_dir() and not path.is_symlink() and not _is_alive(int(found[1])):
            _clear(path)


def _clear(path: Path) -> None:
    aside = re.fullmatch(r"\.(.+)\.[0-9a-f]{8}-[0-9]+\.[^.]+\.old\.tmp", path.name)
    with suppress(OSError):
        if path.is_symlink() or not path.is_dir():
            path.unlink()
        elif aside and not path.with_name(aside[1]).exists():
            path.replace(path.with_name(aside[1]))
        else:
            shutil.rmtree(path)


def _is_alive(process: int) -> bool:
    if os.name != "posix":
        return True  # there os.kill is no question
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # another user's
        return True
    return True


def _flush(stage: Path) -> None:
    """Brings everything below ``stage`` to the disk."""
    for path in stage.rglob("*"):
        if path.is_dir():
            fsync_directory(path)
        else:
            with path.open("rb") as file:
                os.fsync(file.fileno())
    fsync_directory(stage)


def _appear(stage: Path, directory: Path) -> None:
    stage.replace(directory)
    try:
        fsync_directory(directory.parent)
    except OSError:
        directory.replace(stage)
        raise


def _take_places(stage: Path, directory: Path) -> None:
    _flush(stage)
    if not directory.is_dir():
        stage.chmod(0o755)
        _appear(stage, directory)
        return
    new = [path for path in sorted(stage.iterdir()) if not _is_same(path, directory / path.name)]
    previous = stage / "previous"
    previous.mkdir()
    for path in new:
        if (directory / path.name).exists():
            _keep(directory / path.name, previous / path.name)
    placed: list[str] = []
    try:
        for path in new:
            path.replace(directory / path.name)
            placed.append(path.name)
        fsync_directory(directory)
    except BaseException:
        for name in placed:
            with suppress(OSError):
                _put_back(previous / name, directory / name)
        raise


def _is_same(new: Path, old: Path) -> bool:
    """Whether a small file is there already: then it need not be replaced."""
    small = new.stat().st_size <= 1 << 24
    return small and old.is_file() and filecmp.cmp(new, old, shallow=False)


def _keep(path: Path, place: Path) -> None:
    try:
        place.hardlink_to(path)
    except OSError:  # a file system without links
        shutil.copyfile(path, place)


def _put_back(kept: Path, place: Path) -> None:
    if kept.exists():
        kept.replace(place)
    else:
        place.unlink()


def _explain(error: OSError, path: Path) -> NoReturn:
    if isinstance(error, CutawayError):  # from inside the block, and clear already
        raise error
    if error.errno in _FULL:
        raise ResourceError(
            f"No space left on the disk while writing {path}.",
            "What was there before is unchanged. Free some space and try again.",
        ) from error
    raise ResourceError(
        f"{path} cannot be written: {error}.",
        "What was there before is unchanged. See to the disk and the permissions.",
    ) from error


def fsync_directory(directory: Path) -> None:
    """Makes renames inside ``directory`` survive a loss of power, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def cache_directory() -> Path:
    """Where what can be made or fetched again is kept for this user."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "cutaway"


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
