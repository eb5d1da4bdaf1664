"""How much memory a process can still have, so that it is asked for only if it is there."""

from pathlib import Path
from typing import NamedTuple

from cutaway.errors import ResourceError

__all__ = ["available_memory", "check_memory"]

_MEMINFO = Path("/proc/meminfo")


class _Group(NamedTuple):
    """The files in which Linux states the limit of a container; it ends what goes beyond."""

    limit: Path
    used: Path
    statistics: Path
    reclaimable: str  # the line of the statistics: cached files, given up when memory is short


_GROUPS = (
    _Group(
        limit=Path("/sys/fs/cgroup/memory.max"),
        used=Path("/sys/fs/cgroup/memory.current"),
        statistics=Path("/sys/fs/cgroup/memory.stat"),
        reclaimable="inactive_file",
    ),
    _Group(
        limit=Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        used=Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
        statistics=Path("/sys/fs/cgroup/memory/memory.stat"),
        reclaimable="total_inactive_file",
    ),
)


_HINT = "Choose a smaller model, or dtype=torch.bfloat16 for half of it."


def check_memory(n_bytes: int, what: str, hint: str = _HINT) -> None:
    """Refuses what cannot fit; where the system does not tell, everything may be tried.

    Args:
        n_bytes: that are needed.
        what: needs them.
        hint: what can be done about it.

    Raises:
        ResourceError: with both numbers.
    """
    available = available_memory()
    if available is not None and n_bytes > available:
        raise ResourceError(
            f"{what} needs {n_bytes / 1e9:.1f} GB of memory; {available / 1e9:.1f} GB are free.",
            hint,
        )


def available_memory() -> int | None:
    """Bytes that this process can still have; None where the system does not tell."""
    known = [_of_machine(), *(_of_group(group) for group in _GROUPS)]
    return min((n for n in known if n is not None), default=None)


def _of_machine() -> int | None:
    kilobytes = _line(_MEMINFO, "MemAvailable:")
    return None if kilobytes is None else kilobytes * 1024


def _of_group(group: _Group) -> int | None:
    try:
        limit, used = int(group.limit.read_text()), int(group.used.read_text())
    except (OSError, ValueError):  # no such files, or "max": no limit
        return None
    return max(0, limit - used + (_line(group.statistics, group.reclaimable) or 0))


def _line(path: Path, key: str) -> int | None:
    """The number behind a key."""
    try:
        lines = [line.split() for line in path.read_text().splitlines()]
        return next((int(line[1]) for line in lines if line[:1] == [key]), None)
    except (OSError, ValueError, IndexError):
        return None
