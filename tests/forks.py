"""A process that has imported what costs seconds, and forks one that does a piece of work.

The server imports modules once, with one thread, and never computes: a fork of it is a fresh
process in milliseconds. What is done in it may be killed, or may end itself, at any moment.
"""

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from processes import environment

__all__ = ["Forks", "forks"]


class Forks:
    """The server's other end."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, target: str, *arguments: Any, kill_after: float | None = None) -> int:
        """Calls a function in a process of its own.

        Args:
            target: ``module:function``.
            arguments: what JSON can hold.
            kill_after: seconds of the processor's time that it may use, then it is sent SIGKILL;
                so a busy machine does not move the moment.

        Returns:
            Its exit code: 0, that of a typed error, 1 for any other, minus a signal.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        job = {"target": target, "arguments": arguments, "kill_after": kill_after}
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def forks(*modules: str) -> Generator[Forks]:
    """Starts a server that has imported ``modules``."""
    with subprocess.Popen(
        [sys.executable, __file__, *modules],
        env=environment(PYTHONPATH=os.pathsep.join(sys.path)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Forks(process)
        assert process.stdin is not None
        process.stdin.close()


def _serve(modules: list[str]) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for module in modules:
        import_module(module)
    for line in sys.stdin:
        job = json.loads(line)
        process = os.fork()
        if process == 0:
            os._exit(_work(job["target"], job["arguments"]))
        print(_end_of(process, job["kill_after"]), file=answers, flush=True)


def _work(target: str, arguments: list[Any]) -> int:
    module, _, name = target.partition(":")
    try:
        getattr(import_module(module), name)(*arguments)
    except BaseException as error:
        code = getattr(error, "exit_code", 1)
        if code == 1:
            traceback.print_exc()
            sys.stderr.flush()
        return code
    return 0


def _end_of(process: int, kill_after: float | None) -> int:
    started = time.monotonic()
    while kill_after is not None and _used(process, started) < kill_after:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    if kill_after is not None:
        os.kill(process, signal.SIGKILL)  # it is not reaped: no other process has its number
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _used(process: int, started: float) -> float:
    """Seconds of the processor's time; of the clock's where the system does not tell."""
    if sys.platform != "linux":
        return time.monotonic() - started
    return time.clock_gettime(~process << 3 | 2)  # CPUCLOCK_SCHED of a process


if __name__ == "__main__":
    _serve(sys.argv[1:])
    os._exit(0)  # torch takes its time to leave
