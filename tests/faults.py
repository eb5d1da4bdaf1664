"""Every call to the system is made to fail in turn: a disk that is full, broken, or a sudden end.

What counts: opening (also to read), each write of a file's buffer, flushing to the disk, renaming,
closing what was written, making and removing directories and links. The k-th of them fails; the
work is done again with k = 1, 2, ... until nothing fails any more.
"""

import errno
import io
import os
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest

__all__ = ["CALLS", "FAULTS", "Faults", "each_fault", "installed"]

CALLS = ("open", "fsync", "replace", "rename", "mkdir", "link", "chmod", "rmdir", "unlink")
# SHORT: half of a write arrives, the next finds the disk full. DEATH: the process is no more.
FAULTS = ("ENOSPC", "EIO", "SHORT", "DEATH")


class Faults:
    """Counts what a piece of work asks of the system, and fails one of it.

    Args:
        at: which call fails, counted from 1; 0 for none.
        kind: one of :data:`FAULTS`.
    """

    def __init__(self, at: int, kind: str) -> None:
        self.at, self.kind = at, kind
        self.n_calls = 0
        self.what: str | None = None  # the call that failed
        self._is_full = False

    def pass_or_fail(self, what: str) -> None:
        """Counts a call; raises if it is the one."""
        self.n_calls += 1
        if self._is_full and what == "write":
            self._is_full = False
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.n_calls != self.at:
            return
        self.what = what
        if self.kind == "DEATH":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.kind == "SHORT" and what == "write":
            self._is_full = True
            raise _Short
        code = errno.EIO if self.kind == "EIO" else errno.ENOSPC
        raise OSError(code, os.strerror(code))


class _Short(Exception):
    """Not an error: a write that takes half."""


class _Flaky(io.FileIO):
    """A file whose writes are counted, and its closing."""

    faults: Faults

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        try:
            self.faults.pass_or_fail("write")
        except _Short:
            return super().write(view[: (len(view) + 1) // 2])
        return super().write(view)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self.faults.pass_or_fail("close")


def _opened(faults: Faults, path: Any, mode: str, **text: Any) -> Any:
    raw = _Flaky(path, mode.replace("b", "").replace("t", ""))
    raw.faults = faults
    file = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
    return file if "b" in mode else io.TextIOWrapper(file, encoding=text.get("encoding") or "utf-8")


@contextmanager
def installed(faults: Faults, *, reads: bool = True) -> Generator[None]:
    """Lets the system fail while the block runs; also where a file is opened to be read."""

    def failing(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            faults.pass_or_fail(name)
            return real(*args, **kwargs)

        return call

    real_open = io.open

    def opening(
        path: Any, mode: str = "r", buffering: int = -1, encoding: str | None = None, *rest: Any
    ) -> Any:
        writes = bool(set(mode) & set("wxa+"))
        if writes or reads:
            faults.pass_or_fail("open")
        if writes:
            return _opened(faults, path, mode, encoding=encoding)
        return real_open(path, mode, buffering, encoding, *rest)

    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, failing(name, getattr(os, name)))
        # Slow, and no test can see what it does: it is counted and not done.
        patch.setattr(os, "fsync", failing("fsync", lambda _: None))
        patch.setattr(io, "open", opening)
        yield


def each_fault(
    prepare: Callable[[], None],
    work: Callable[[], None],
    check: Callable[[Exception | None], None],
    *,
    kinds: tuple[str, ...] = ("ENOSPC", "EIO", "SHORT"),
    errors: type[Exception] | tuple[type[Exception], ...],
    reads: bool = True,
    most: int = 2_000,
) -> dict[str, int]:
    """Does the work with the first, second, ... call failing, until none fails.

    Args:
        prepare: before each try.
        work: may raise one of ``errors``; anything else fails the test.
        check: after each try, with what was raised.
        kinds: of faults; not DEATH, which needs a process of its own.
        errors: that the work may end with.
        reads: whether opening a file to read it may fail.
        most: tries of a kind, so that a test ends.

    Returns:
        How often each kind of call failed.
    """
    seen: dict[str, int] = {}
    for kind in kinds:
        for at in range(1, most):
            prepare()
            faults, caught = Faults(at, kind), None
            with installed(faults, reads=reads):
                try:
                    work()
                except errors as error:
                    caught = error
            check(caught)
            if faults.what is None:
                assert caught is None
                break
            seen[faults.what] = seen.get(faults.what, 0) + 1
        else:
            pytest.fail("the work never ends without a fault")
    return seen
