"""A worker as the driver sees it: started, asked, stopped while another is measured."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cutaway.benchmarking.contenders import Contender

__all__ = ["SOURCES", "Plan", "Worker", "WorkerFailed", "command", "core_taken", "prepare"]

SOURCES = Path(__file__).parents[2]
"""Where the package lies: for interpreters in which it is not installed."""
_PR_SET_PDEATHSIG = 1


class WorkerFailed(Exception):
    """Says why an engine gives no figure."""


def this_python(environment: str) -> Path:
    """The interpreter of this process, whatever the environment is called."""
    return Path(sys.executable)


class Plan:
    """Where and how the workers run.

    Args:
        work: folder of the checkpoint, what it is converted to, and logs.
        threads: of each engine.
        python_of: the interpreter of an environment.
        first: give the workers the highest priority (needs root): for a machine with other work
            on it, whose caches and memory are shared all the same.
    """

    def __init__(
        self,
        work: Path,
        threads: int,
        *,
        python_of: Callable[[str], Path] = this_python,
        first: bool = False,
    ) -> None:
        self.work, self.threads, self.python_of, self.first = work, threads, python_of, first

    def rise(self) -> None:
        """In the child: a session, and so a scheduling group, of its own; first if asked.

        It dies with the driver, where the system can see to that: a stopped worker would stay
        for ever.
        """
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        os.setsid()
        if self.first:
            os.nice(-20)
            Path("/proc/self/autogroup").write_text("-20")


def command(contender: Contender, plan: Plan) -> list[str]:
    """What starts the worker of a contender."""
    python = str(plan.python_of(contender.environment))
    return [
        # -P: a file in the working directory must not stand in for a library of its name.
        *(python, "-P", "-m", f"cutaway.benchmarking.workers.{contender.module}"),
        *("--work", str(plan.work), "--format", contender.format),
        *("--threads", str(plan.threads), "--settings", json.dumps(contender.settings)),
    ]


def variables(plan: Plan) -> dict[str, str]:
    """The threads of every library there is, and our packages to be found."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    threads = dict.fromkeys(names, str(plan.threads))
    path = os.pathsep.join(filter(None, [str(SOURCES), os.environ.get("PYTHONPATH")]))
    return {**os.environ, **threads, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1"}


def prepare(contender: Contender, plan: Plan) -> None:
    """Converts the checkpoint for an engine, unless that is done.

    Raises:
        WorkerFailed: with the last line of what the conversion said.
    """
    done = subprocess.run(
        [*command(contender, plan), "--prepare"],
        env=variables(plan),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise WorkerFailed(f"conversion failed: {last_line(done.stderr)}")


def last_line(text: str) -> str:
    """The one that says why."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


class Worker:
    """A running engine. Between two answers it is stopped, so that no idle thread spins."""

    def __init__(self, contender: Contender, plan: Plan) -> None:
        logs = plan.work / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        self.contender, self._is_busy = contender, True
        self._log = logs / f"{contender.name.replace(' ', '-').replace('/', '-')}.log"
        self._started = time.perf_counter()
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                command(contender, plan),
                env=variables(plan),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                preexec_fn=plan.rise,
            )
        try:
            self.settings: dict[str, Any] = self._reply()["settings"]
        except BaseException:  # an interrupt as well
            self.close()
            raise
        self._signal(signal.SIGSTOP)

    @property
    def seconds(self) -> float:
        """Since it was started."""
        return time.perf_counter() - self._started

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """One answer.

        Raises:
            WorkerFailed: if it is an error, or none comes.
        """
        self._signal(signal.SIGCONT)
        self._is_busy = True
        assert self._process.stdin
        with suppress(BrokenPipeError):  # then the missing reply says why
            print(json.dumps(request), file=self._process.stdin, flush=True)
        try:
            return self._reply()
        finally:
            self._signal(signal.SIGSTOP)

    def close(self) -> None:
        """Ends it; at once if the driver was interrupted while it works."""
        if self._is_busy:
            self._process.kill()
        self._signal(signal.SIGCONT)
        assert self._process.stdin
        assert self._process.stdout
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _reply(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            raise WorkerFailed(last_line(self._log.read_text(errors="replace")))
        self._is_busy = False
        try:
            reply = json.loads(line)
        except json.JSONDecodeError:
            raise WorkerFailed(f"no JSON: {line.strip()[:200]}") from None
        if "error" in reply:
            raise WorkerFailed(reply["error"])
        return reply

    def _signal(self, which: signal.Signals) -> None:
        if self._process.poll() is None:
            self._process.send_signal(which)


@contextmanager
def core_taken(plan: Plan, core: int = 0) -> Generator[None]:
    """Another process keeps one core busy for as long as this lasts; the engines are not pinned."""
    program = f"import os\nos.sched_setaffinity(0, [{core}])\nwhile True: pass"
    busy = subprocess.Popen([sys.executable, "-c", program], preexec_fn=plan.rise)
    try:
        time.sleep(0.2)
        yield
    finally:
        busy.kill()
        busy.wait()
