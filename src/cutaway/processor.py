"""The processor: how many cores this process may use, and what they can do."""

import os
import platform
import re
from contextlib import suppress
from pathlib import Path

__all__ = [
    "CPUINFO",
    "cores",
    "default_threads",
    "processor_flags",
    "processor_name",
    "processors",
]

CPUINFO = Path("/proc/cpuinfo")
_CPUS = Path("/sys/devices/system/cpu")


def processors() -> int:
    """Processors that this process may use: hardware threads."""
    return len(_allowed())


def cores(cpus: Path = _CPUS) -> int:
    """Cores that this process may use; two hardware threads of one core count once.

    Where Linux does not tell which processors share a core, each counts as one.
    """
    return len({_siblings(cpus, cpu) for cpu in _allowed()})


def default_threads(cpus: Path = _CPUS) -> int:
    """A thread for each core: two on one core would share its arithmetic.

    ``OMP_NUM_THREADS`` is heeded, as torch does.
    """
    stated = os.environ.get("OMP_NUM_THREADS", "")
    if stated.isdecimal() and int(stated):
        return min(int(stated), os.cpu_count() or 1)
    return cores(cpus)


def _allowed() -> set[int]:
    try:
        return os.sched_getaffinity(0)
    except AttributeError:  # not Linux
        return set(range(os.cpu_count() or 1))


def _siblings(cpus: Path, cpu: int) -> str:
    """The processors of a core, in Linux's words; of an unknown one, itself."""
    try:
        return (cpus / f"cpu{cpu}/topology/thread_siblings_list").read_text(encoding="ascii")
    except OSError:
        return str(cpu)


def processor_flags(source: Path = CPUINFO) -> str | None:
    """The line in which Linux tells what the processor can do; None where no system tells."""
    try:
        lines = source.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return next((line for line in lines if line.startswith(("flags", "Features"))), None)


def processor_name(source: Path = CPUINFO) -> str:
    """What Linux calls the processor; elsewhere what Python knows of it."""
    found = None
    with suppress(OSError):
        found = re.search(r"model name\s*: (.*)", source.read_text())
    return found[1] if found else platform.processor() or platform.machine()
