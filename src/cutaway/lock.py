"""One process at a time in a directory, also where the file system's locks do nothing.

The holder locks the file ``.lock`` (``flock``, which ends with the process however it ends) and
writes into it who it is. Between processes of one machine the lock decides. Network file systems
may grant it to two machines, and some file systems have none; so the holder also touches the file
every few seconds, and whoever finds another machine's name in it, or gets no answer from the lock,
watches the file for a while before it takes it over. A holder that stood still for so long sees at
:meth:`Lock.check`, before it writes the next checkpoint, that the file is no longer its own.
"""

import json
import logging
import os
import platform
import secrets
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from cutaway.errors import ResourceError
from cutaway.files import HOST

__all__ = ["Lock", "alone"]

logger = logging.getLogger("cutaway")

BEAT, WATCH = 4.0, 15.0  # seconds between two touches; seconds without one that mean an end


class Lock:
    """A directory that is this process's own.

    Args:
        path: of the lock file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._token = secrets.token_hex(8)
        self._over = threading.Event()
        self._beat = threading.Thread(target=self._touch, name="lock", daemon=True)

    def check(self) -> None:
        """Sees that nobody has taken the directory over.

        Raises:
            ResourceError: if somebody has.
        """
        found = _holder(self.path)
        if found.get("token", self._token) != self._token:
            raise ResourceError(
                f"{self.path.parent} was taken over by {_name(found)} while this process stood "
                "still.",
                "Nothing more is written here; let the other one go on.",
            )

    def hold(self) -> None:
        """Says in the file who holds it, and goes on touching it until :meth:`release`."""
        who = {"token": self._token, "host": HOST, "name": platform.node(), "process": os.getpid()}
        with suppress(OSError):  # on a full disk the lock holds, only the name is missing
            self.path.write_bytes(json.dumps(who).encode())
        self._beat.start()

    def release(self) -> None:
        """Ends the touching; the file stays, empty."""
        self._over.set()
        self._beat.join(timeout=1.0)
        with suppress(OSError):
            if _holder(self.path).get("token") == self._token:
                os.truncate(self.path, 0)

    def _touch(self) -> None:
        while not self._over.wait(BEAT):
            with suppress(OSError):
                os.utime(self.path)


@contextmanager
def alone(folder: Path, doing: str) -> Generator[Lock]:
    """Holds ``folder`` for this process while the block runs.

    Args:
        folder: a directory that is there.
        doing: what for, such as ``training in``; for the message to another process.

    Raises:
        ResourceError: if another process holds it, or the lock file cannot be made.
    """
    lock = Lock(folder / ".lock")
    try:
        file = _opened(lock.path)
    except BlockingIOError:
        raise _refusal(folder, doing, lock.path) from None
    except OSError as error:
        raise ResourceError(
            f"{lock.path} cannot be opened: {error}.", "See to the disk."
        ) from error
    try:
        holder = _holder(lock.path)
        other = holder.get("host", HOST) != HOST or (holder and not file.is_locked)
        if other and _is_touched(lock.path, holder):
            raise _refusal(folder, doing, lock.path)
        lock.hold()
        try:
            yield lock
        finally:
            lock.release()
    finally:
        with suppress(OSError):  # what was done is done
            file.at.close()


class _Opened(NamedTuple):
    at: IO[bytes]
    is_locked: bool  # False where the system or the file system has no locks


def _opened(path: Path) -> _Opened:
    """The file, locked; raises BlockingIOError if it is by another."""
    while True:
        file = path.open("a+b")
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise
        except (ImportError, OSError):
            return _Opened(file, is_locked=False)
        with suppress(FileNotFoundError):
            if os.path.samestat(path.stat(), os.fstat(file.fileno())):
                return _Opened(file, is_locked=True)
        file.close()  # it was removed by the one that held it before


def _holder(path: Path) -> dict[str, Any]:
    """Who last held it; empty if nobody does, or what is there is no name."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return cast(dict[str, Any], found) if isinstance(found, dict) else {}


def _is_touched(path: Path, holder: dict[str, Any]) -> bool:
    """Whether the holder still is; looked at by opening, which a network file system must ask for.

    The times that are compared are the file's own, so clocks of machines need not agree.
    """
    logger.warning(
        "%s was held by %s; watching for %.0f s whether it still is",
        path.parent,
        _name(holder),
        WATCH,
    )
    before, end = _touched_at(path), time.monotonic() + WATCH
    while time.monotonic() < end:
        time.sleep(min(0.5, WATCH / 10))
        if _touched_at(path) != before:
            return True
    return False


def _touched_at(path: Path) -> int:
    with path.open("rb") as file:
        return os.fstat(file.fileno()).st_mtime_ns


def _name(holder: dict[str, Any]) -> str:
    return (
        f"process {holder.get('process', '?')} on {str(holder.get('name', 'this machine'))[:80]!r}"
    )


def _refusal(folder: Path, doing: str, path: Path) -> ResourceError:
    return ResourceError(
        f"Another process is {doing} {folder}: {_name(_holder(path))}.",
        "Wait for it, or stop it.",
    )
