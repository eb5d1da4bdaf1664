"""Compiling the engine's library while somebody else answers: in a process of its own, once.

    python -m cutaway.engine.background

is that process. It goes on when the one that started it has ended, so that a short command is not
held up, and the next one finds the library.
"""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from cutaway.engine.compiling import build, library_path
from cutaway.errors import EngineUnavailable

__all__ = ["is_ready", "start"]

_BUILDING, _FAILED = ".building", ".failed"
_SECONDS_BUILDING = 330  # a marker that is older was left by a process that was killed
_SECONDS_FAILED = 24 * 3600  # then it is tried again


def is_ready() -> bool:
    """Whether the library is there.

    Raises:
        EngineUnavailable: if there is no compiler that could make it.
    """
    return library_path().exists()


def start() -> None:
    """Sees to it that the library is being compiled.

    Raises:
        EngineUnavailable: if there is no compiler, it failed lately, or nothing can be written.
    """
    path = library_path()
    reason = _young(path.with_suffix(_FAILED), _SECONDS_FAILED)
    if reason:
        raise EngineUnavailable(
            reason.partition("\n")[0],
            "Once that is mended, dtype='int8' tries again at once, else it is tried tomorrow.",
            reason=reason,
        )
    marker = path.with_suffix(_BUILDING)
    if _young(marker, _SECONDS_BUILDING) is not None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        marker.unlink(missing_ok=True)
        marker.touch(exist_ok=False)
        _spawn([sys.executable, "-m", "cutaway.engine.background"])
    except FileExistsError:  # another process was quicker
        return
    except (OSError, NotImplementedError) as error:
        raise EngineUnavailable(
            f"The engine cannot be built: {error}.",
            "See to the permissions of that folder, or choose another with XDG_CACHE_HOME.",
            reason=str(error),
        ) from error


def _spawn(command: list[str]) -> int:
    """Starts a process that nobody waits for, in a session of its own: Ctrl-C does not reach it."""
    quiet = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_RDWR, 0o600) for stream in range(3)]
    return os.posix_spawn(command[0], command, os.environ, file_actions=quiet, setsid=True)


def main() -> None:
    """Compiles, and leaves word for the next one if that fails."""
    with suppress(AttributeError, OSError):  # no such call on this system
        os.nice(10)  # somebody is waiting for the model's first words meanwhile
    path = library_path()
    failed = path.with_suffix(_FAILED)
    try:
        build()
        failed.unlink(missing_ok=True)
    except EngineUnavailable as error:
        failed.write_text(error.what, encoding="utf-8")
    finally:
        path.with_suffix(_BUILDING).unlink(missing_ok=True)


def _young(path: Path, seconds: float) -> str | None:
    """What a file says, if it is there and not too old."""
    with suppress(OSError):
        if time.time() - path.stat().st_mtime < seconds:
            return path.read_text(encoding="utf-8", errors="replace")
    return None


if __name__ == "__main__":
    main()
