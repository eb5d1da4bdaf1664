"""Starting a run's processes on this machine, with torchrun's own agent.

The agent starts all processes again when one is lost, and they go on from the last checkpoint.
A process that ends on purpose, with an error of :mod:`cutaway.errors`, leaves a note of it; then
none of them starts again, and the error is raised here, once.
"""

import json
import logging
import os
import signal
import sys
import tempfile
import uuid
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from cutaway import errors
from cutaway.errors import ConfigError, CutawayError, ProcessesLost

__all__ = ["is_worker", "launch", "worker"]

_NOTE = "CUTAWAY_ENDED"  # names the file for the note
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_TO_FINISH = 600  # seconds for the step under way and a checkpoint, when asked to stop


def is_worker() -> bool:
    """Whether this process is one of several that torchrun, or :func:`launch`, has started."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ


def launch(n: int, arguments: Sequence[str], *, restarts: int = 3) -> None:
    """Runs ``python -m cutaway`` with these arguments in ``n`` processes.

    Args:
        n: processes.
        arguments: of the command line of each.
        restarts: how often all start again after one was lost.

    Raises:
        ConfigError: for no processes at all.
        CutawayError: what a process ended with, the first one.
        ProcessesLost: if one was lost more often than ``restarts``.
        KeyboardInterrupt: if they were stopped before there was anything to save.
    """
    if n < 1:
        raise ConfigError(f"--nproc is {n}.", "Give 1 or more.")
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    with tempfile.TemporaryDirectory(prefix="cutaway-") as folder:
        note = Path(folder) / "ended.json"
        with _quiet(), _signals_kept(), _environment(_for_workers(n, note)):
            try:
                _run(n, arguments, restarts=restarts, folder=folder)
            except SignalException:
                if not note.exists():
                    raise KeyboardInterrupt from None
            except ChildFailedError as error:
                if not note.exists():
                    raise _lost(error, restarts) from None
        if note.exists():
            raise _read(note)


def _run(n: int, arguments: Sequence[str], *, restarts: int, folder: str) -> None:
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=n,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=restarts,
        shutdown_timeout=_TO_FINISH,
        signals_to_handle=",".join(name.name for name in _SIGNALS),
        # What the other processes print goes nowhere; what they fail with is in the note, or in
        # a file that the agent reads.
        logs_specs=DefaultLogsSpecs(log_dir=folder, local_ranks_filter={0}),
    )
    elastic_launch(config, sys.executable)("-m", "cutaway", *arguments)


def _for_workers(n: int, note: Path) -> dict[str, str]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = os.environ.get("OMP_NUM_THREADS") or str(max(1, (cores or 1) // n))
    return {_NOTE: str(note), "OMP_NUM_THREADS": threads, "TORCH_CPP_LOG_LEVEL": "ERROR"}


@contextmanager
def worker() -> Generator[None]:
    """What a process of several does around its work.

    Errors on purpose are noted, or else printed by the first process that has one; what else goes
    wrong is left to the agent, which starts all processes again.

    Raises:
        SystemExit: in the place of an error that is told otherwise.
    """
    note = os.environ.get(_NOTE)
    if note and Path(note).exists():  # some process has ended on purpose; this is a new start
        raise SystemExit(0)
    from torch.distributed.elastic.multiprocessing.errors import get_error_handler

    # Until there is something to save, a signal ends the process at once, even while it waits.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _end_with(os.getppid())
    failures = get_error_handler()
    failures.initialize()
    try:
        yield
    except CutawayError as error:
        _tell(error, None if note is None else Path(note))
        stopped = isinstance(error, errors.Interrupted) and note is not None
        raise SystemExit(0 if stopped else error.exit_code) from None
    except Exception as error:
        if not os.environ.get("TORCHELASTIC_ERROR_FILE"):
            raise  # nobody else would tell
        failures.record_exception(error)
        raise SystemExit(1) from None


def _tell(error: CutawayError, note: Path | None) -> None:
    """Leaves a note, or prints, unless another process was first."""
    if note is not None:
        content = {
            "kind": type(error).__name__,
            "what": error.what,
            "hint": error.hint,
            "rank": os.environ.get("RANK"),
        }
        mine = note.with_name(f"{note.name}.{os.getpid()}")
        mine.write_text(json.dumps(content), encoding="utf-8")
        with suppress(FileExistsError):
            os.link(mine, note)  # all of it, or not at all
        mine.unlink()
    elif _is_first():
        print(f"error: {error}", file=sys.stderr, flush=True)  # noqa: T201


def _is_first() -> bool:
    """Asks the agent's store. Without one they all speak, so that none fails in silence."""
    rank = os.environ["RANK"]
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        return True
    from torch.distributed import TCPStore  # pyright: ignore[reportPrivateImportUsage]

    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    try:
        store = TCPStore(host, port, is_master=False, timeout=timedelta(seconds=5))
        return store.compare_set("cutaway/ended", "", rank).decode() == rank
    except RuntimeError:
        return True


def _read(note: Path) -> CutawayError:
    content = json.loads(note.read_text(encoding="utf-8"))
    kind = getattr(errors, content["kind"], CutawayError)
    return kind(content["what"], content["hint"])


def _lost(error: Any, restarts: int) -> ProcessesLost:
    """The error for processes that are lost again and again: what happened to the first."""
    failures = sorted(error.failures.values(), key=lambda failure: failure.timestamp)
    killed = [f for f in failures if f.exitcode < 0 and f.exitcode != -signal.SIGTERM]
    first = (killed or failures)[0]
    message = first.message
    if isinstance(message, Mapping):
        message = message.get("message", message)
    lines = str(message).strip().splitlines() or [f"exit code {first.exitcode}"]
    return ProcessesLost(
        f"Process {first.local_rank} was lost {restarts + 1} times, at last with: {lines[-1]}",
        "Run the same command again to go on from the last checkpoint.",
    )


def _end_with(parent: int) -> None:
    """Lets this process be asked to stop when the agent is no more: nobody else could."""
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        raise SystemExit(1)


@contextmanager
def _environment(changes: Mapping[str, str]) -> Generator[None]:
    before = {name: os.environ.get(name) for name in (*changes, "TORCHELASTIC_SIGNALS_TO_HANDLE")}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _signals_kept() -> Generator[None]:
    """Puts back what the agent sets; it can set it in the main thread only."""
    before = {name: signal.getsignal(name) for name in _SIGNALS}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


@contextmanager
def _quiet() -> Generator[None]:
    """Keeps the agent from telling its own story of each process."""
    logger, nowhere = logging.getLogger("torch.distributed.elastic"), logging.NullHandler()
    before = logger.propagate
    logger.propagate = False
    logger.addHandler(nowhere)
    try:
        yield
    finally:
        logger.propagate = before
        logger.removeHandler(nowhere)
