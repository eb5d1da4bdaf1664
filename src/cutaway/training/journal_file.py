"""The file of a run's journal: a line of JSON for each step and each event, at the end only.

A line is written at once and whole, so a kill leaves at most its last line cut off. While a run
goes on it holds a lock on the file; the system lets go of it however the process ends, so who
reads the journal can tell a run that is alive from one that was killed.
"""

import json
import logging
import math
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from cutaway.errors import ConfigError, ResourceError
from cutaway.files import atomic_write

try:
    import fcntl
except ImportError:  # not POSIX: there a run is told to be alive by how new its last line is
    fcntl = None

__all__ = ["JournalFile", "Kept", "drop_after", "is_held"]

logger = logging.getLogger("cutaway.training")

_PATIENCE = 1.0  # seconds: who only looks holds the lock for an instant


@dataclass(slots=True)
class Kept:
    """What a journal holds when a run begins or goes on.

    Attributes:
        is_new: whether it was empty.
        tokens: trained on so far.
        seconds: of steps so far.
        sent: the last step that was ever written, before later ones were dropped.
        kinds: of the events that are there of the very step behind which the run goes on.
    """

    is_new: bool = True
    tokens: int = 0
    seconds: float = 0.0
    sent: int = 0
    kinds: set[str] = field(default_factory=set[str])


class JournalFile:
    """Opens a journal to go on behind ``after`` steps.

    Args:
        path: of the file; its folder exists.
        after: steps that are kept. Lines behind them are dropped, as is a last line that was cut
            off, so no step stands in the file twice.

    Raises:
        ConfigError: if another process is writing it.
        ResourceError: if it cannot be opened.
    """

    def __init__(self, path: Path, *, after: int) -> None:
        self.path = path
        self._waiting, self._is_refused = b"", False
        try:
            path.touch()
            self._file: BinaryIO = path.open("r+b", buffering=0)
            self._lock()
            self.kept, end = _read(self._file.read(), after)
            self._file.truncate(end)
            self._file.seek(end)
        except OSError as error:
            raise ResourceError(
                f"{path} cannot be opened: {error}.", "See to the disk and the permissions."
            ) from error

    def write(self, entry: dict[str, Any]) -> None:
        """Adds a line; one that cannot be written waits for the next: a full disk ends no run."""
        line = json.dumps(entry, default=str, ensure_ascii=False, allow_nan=False)
        self._waiting += f"{line}\n".encode()
        try:
            _append(self._file, self._waiting)
        except OSError as error:
            if not self._is_refused:
                logger.warning("%s CANNOT BE WRITTEN: %s; its lines wait", self.path, error)
            self._is_refused = True
        else:
            self._waiting, self._is_refused = b"", False

    def close(self) -> None:
        """Closes the file, which lets go of the lock."""
        with suppress(OSError):  # nothing waits in it
            self._file.close()

    def _lock(self) -> None:
        if fcntl is None:
            return
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    self._file.close()
                    raise ConfigError(
                        f"Another process is training in {self.path.parent}.",
                        "Wait for it, stop it, or choose another directory with --out.",
                    ) from None
                time.sleep(0.02)
            except OSError:  # a file system without locks
                return
            else:
                return


def _append(file: BinaryIO, data: bytes) -> None:
    """All of it at the end of the file, or nothing."""
    end = file.tell()
    try:
        while data:
            data = data[file.write(data) :]
    except OSError:
        with suppress(OSError):
            file.truncate(end)
            file.seek(end)
        raise


def drop_after(path: Path, step: int) -> None:
    """Drops from a file of JSON lines those of later steps, and one that was cut off.

    Raises:
        ResourceError: if the file cannot be written anew.
    """
    data = path.read_bytes() if path.exists() else b""
    _, end = _read(data, step)
    if end < len(data):
        with atomic_write(path) as file:
            file.write(data[:end])


def is_held(path: Path) -> bool | None:
    """Whether a run is writing this journal now; None where the system cannot tell."""
    if fcntl is None:
        return None
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    return False


def finite(value: object) -> object:
    """JSON knows no number that is not finite; null takes its place."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _read(data: bytes, after: int) -> tuple[Kept, int]:
    """What is kept of a journal, and at which byte it ends."""
    kept, end, place = Kept(), None, 0
    for line in data.splitlines(keepends=True):
        entry: dict[str, Any] = {}
        with suppress(ValueError):  # a damaged line stays; who reads the journal names it
            found = json.loads(line)
            entry = cast(dict[str, Any], found) if isinstance(found, dict) else {}
        step = entry.get("step")
        kept.sent = max(kept.sent, *(n for n in (step, entry.get("sent"), 0) if type(n) is int))
        if not line.endswith(b"\n") or (type(step) is int and step > after):
            end = place if end is None else end
        if end is None:
            kept.is_new = False
            _take(entry, kept, after)
        place += len(line)
    return kept, place if end is None else end


def _take(entry: dict[str, Any], kept: Kept, after: int) -> None:
    if "event" in entry:
        if entry.get("step") == after:
            kept.kinds.add(str(entry["event"]))
    elif "loss" in entry:
        kept.tokens = int(entry.get("tokens") or 0)
        kept.seconds = float(entry.get("seconds") or 0.0)
