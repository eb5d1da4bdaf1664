"""How much memory a process can still have, so that it is asked for only if it is there."""

from pathlib import Path

from cutaway.errors import ResourceError

__all__ = ["check_memory"]

_MEMINFO = Path("/proc/meminfo")


def check_memory(n_bytes: int, what: str) -> None:
    """Refuses what cannot fit; where the system does not tell, everything may be tried.

    Raises:
        ResourceError: with both numbers.
    """
    available = _available()
    if available is not None and n_bytes > available:
        raise ResourceError(
            f"{what} needs {n_bytes / 1e9:.1f} GB of memory; {available / 1e9:.1f} GB are free.",
            "Choose a smaller model, or dtype=torch.bfloat16 for half of it.",
        )


def _available() -> int | None:
    try:
        lines = _MEMINFO.read_text().splitlines()
    except OSError:
        return None
    found = next((line for line in lines if line.startswith("MemAvailable:")), None)
    return None if found is None else int(found.split()[1]) * 1024
