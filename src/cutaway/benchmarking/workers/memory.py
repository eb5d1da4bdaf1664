"""No engine: reads memory as fast as it can, to say what floor the machine sets at that moment."""

from typing import Any

from cutaway.benchmarking.machine import reader
from cutaway.benchmarking.workers.serve import Job, main


def prepare(job: Job) -> None:
    """Nothing."""


class Memory:
    """As much of it as is asked for."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._readers: dict[int, Any] = {}
        self.settings: dict[str, Any] = {}

    def read(self, n_bytes: int) -> float:
        """Bytes a second from ``n_bytes`` read again and again, the memory of an earlier call."""
        if n_bytes not in self._readers:
            self._readers[n_bytes] = reader(n_bytes, self._job.threads)
        return self._readers[n_bytes]()


if __name__ == "__main__":
    main(prepare, Memory)
