"""The bounds within which a stranger's file is refused."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MAX_SECONDS = 2.0  # of the processor: a bound on the work, whatever else the machine does
MAX_BYTES = 256 << 20  # of address space beyond what the process has already


@contextmanager
def little_time() -> Iterator[None]:
    start = time.process_time()
    yield
    assert time.process_time() - start < MAX_SECONDS


@contextmanager
def little_memory() -> Iterator[None]:
    """Lets no allocation of what a file claims succeed."""
    if not Path("/proc/self/statm").exists():  # not Linux
        yield
        return
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    limit = pages * resource.getpagesize() + MAX_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
