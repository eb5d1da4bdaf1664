"""What the machine can do: how fast it reads memory, and what is known of its processor."""

import ctypes
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from cutaway.processor import processor_name

__all__ = ["describe", "reader"]

_READER = """
#include <stdint.h>
#include <stddef.h>
uint64_t read_all(const uint64_t *at, size_t n, int times) {
    enum { STREAMS = 4, WIDE = 32 };
    size_t part = n / STREAMS / WIDE * WIDE;
    uint64_t sum[STREAMS * WIDE] = {0}, total = 0;
    for (int t = 0; t < times; t++)
        for (size_t i = 0; i < part; i += WIDE)
            for (int s = 0; s < STREAMS; s++)
                for (int k = 0; k < WIDE; k++) sum[s * WIDE + k] += at[s * part + i + k];
    for (int k = 0; k < STREAMS * WIDE; k++) total += sum[k];
    return total;
}
"""


def reader(n_bytes: int, threads: int) -> Callable[[], float]:
    """Measures the bytes a second that ``threads`` read together from ``n_bytes``, when called."""
    import numpy as np  # not needed by whoever only asks for the processor's name

    array = np.ones(n_bytes // 8, np.uint64)
    parts: list[Any] = np.array_split(array, threads)
    read_all, times = _read_all(), max(2, int(5e8 / n_bytes))
    pool = ThreadPoolExecutor(threads)

    def read(part: Any) -> object:
        return read_all(part, times)

    def measured() -> float:
        started = time.perf_counter()
        list(pool.map(read, parts))
        return array.nbytes * times / (time.perf_counter() - started)

    return measured


def _read_all() -> Callable[[Any, int], object]:
    """A loop in C, or numpy's sum where nothing compiles it."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is not None:
        with suppress(OSError, subprocess.CalledProcessError):
            return _compiled(compiler)
    return _summed


def _summed(part: Any, times: int) -> object:
    return [part.sum() for _ in range(times)]


def _compiled(compiler: str) -> Callable[[Any, int], object]:
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "read.c"), Path(folder, "read.so")
        source.write_text(_READER)
        flags = ["-O3", "-march=native", "-shared", "-fPIC"]
        command = [compiler, *flags, str(source), "-o", str(library)]
        subprocess.run(command, check=True, capture_output=True)
        function = ctypes.CDLL(str(library)).read_all
    function.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    function.restype = ctypes.c_uint64

    def read(part: Any, times: int) -> object:
        return function(part.ctypes.data, part.size, times)

    return read


def describe(threads: int) -> dict[str, Any]:
    """Processor, cores, threads used and load."""
    return {
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "threads": threads,
        "load": os.getloadavg(),
    }
