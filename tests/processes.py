"""Running the command in a process of its own: with pipes, or on a terminal."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Result", "environment", "kills", "run", "run_on_terminal"]

LIMIT = 60.0  # seconds; far more than a command takes, so that a hang is seen as one


def kills(few: int) -> int:
    """How often a test kills a process: ``$CUTAWAY_KILLS``, or ``few`` times."""
    return int(os.environ.get("CUTAWAY_KILLS", few))


@dataclass(frozen=True)
class Result:
    """What a finished process left; on a terminal both streams are one."""

    code: int
    out: str
    err: str = ""


def environment(**variables: str) -> dict[str, str]:
    """Variables for a process that runs the command as a user's shell would."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    fixed = {"COLUMNS": "80", "LINES": "24", "TERM": "xterm", "OMP_NUM_THREADS": "1"}
    return {**kept, **fixed, **variables}


def run(*arguments: str | Path, stdin: str | bytes = b"", **variables: str) -> Result:
    """Runs ``cutaway``; ``stdin`` is what is piped in, nothing by default."""
    done = subprocess.run(
        [sys.executable, "-m", "cutaway", *map(os.fspath, arguments)],
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        env=environment(**variables),
        timeout=LIMIT,
        check=False,
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def run_on_terminal(
    arguments: Sequence[str | Path],
    *,
    keys: Sequence[tuple[str, str]] = (),
    interrupt_at: Callable[[str], bool] | None = None,
    **variables: str,
) -> Result:
    """Runs ``cutaway`` on a terminal of its own.

    Args:
        arguments: of the command.
        keys: pairs of a text to wait for and what to type then, in order.
        interrupt_at: presses Ctrl-C once this holds for what is on the screen.
        **variables: of the environment.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "cutaway", *map(os.fspath, arguments)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(**variables),
        start_new_session=True,
        # A test run in the background ignores SIGINT, and would hand that down.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    os.close(theirs)
    waiting, screen, seen = list(keys), "", 0
    deadline = time.monotonic() + LIMIT
    data = b""
    try:
        while time.monotonic() < deadline:
            if select.select([ours], [], [], 1.0)[0]:
                try:
                    part = os.read(ours, 65536)
                except OSError:  # how Linux says that the other side has closed
                    break
                if not part:
                    break
                data += part
                screen = data.decode(errors="replace")
            while waiting and waiting[0][0] in screen[seen:]:
                seen = screen.index(waiting[0][0], seen) + len(waiting[0][0])
                os.write(ours, waiting.pop(0)[1].encode())
            if interrupt_at is not None and interrupt_at(screen):
                interrupt_at = None
                process.send_signal(signal.SIGINT)
        return Result(process.wait(timeout=LIMIT), screen.replace("\r\n", "\n"))
    finally:
        process.kill()
        process.wait()
        os.close(ours)
