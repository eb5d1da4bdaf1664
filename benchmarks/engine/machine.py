"""What the machine can do: how fast it reads memory, and the floor that sets for a decode step."""

import ctypes
import os
import platform
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["PARAMETERS", "describe", "floor_share", "reader", "step_bytes", "weight_bytes"]

N_LAYER, N_EMBD, N_VOCAB, N_CTX = 12, 768, 50257, 1024
LINEAR = N_LAYER * 12 * N_EMBD**2 + N_VOCAB * N_EMBD  # the products of a step, head included
SMALL = N_LAYER * 13 * N_EMBD + 2 * N_EMBD  # biases and layer norms, float32 in every format
PARAMETERS = LINEAR + SMALL + N_CTX * N_EMBD
_BITS = {"int4": 4 + 16 / 64, "int8": 8, "bf16": 16, "fp32": 32}  # int4: a scale for 64 weights
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


def weight_bytes(width: str) -> float:
    """Of all that a decode step reads of the model: linear weights, head, biases and norms."""
    return LINEAR * _BITS[width] / 8 + SMALL * 4


def cache_bytes(width: str, context: float) -> float:
    """Keys and values of one text; two bytes a number, four in float32."""
    return 2 * N_LAYER * N_EMBD * context * (4 if width == "fp32" else 2)


def step_bytes(width: str, *, batch: int, prompt: int, new: int) -> float:
    """Read by the average step of a decode case: the weights once, each text's cache."""
    return weight_bytes(width) + batch * cache_bytes(width, prompt + new / 2)


def floor_share(tokens_per_s: float, *, n_bytes: float, batch: int, bytes_per_s: float) -> float:
    """How much of what memory allows is reached: 1 for steps that take as long as their reads."""
    return tokens_per_s / batch * n_bytes / bytes_per_s


def reader(n_bytes: int, threads: int) -> Callable[[], float]:
    """Measures the bytes a second that ``threads`` read together from ``n_bytes``, when called."""
    array = np.ones(n_bytes // 8, np.uint64)
    parts = np.array_split(array, threads)
    read_all, times = _read_all(), max(2, int(5e8 / n_bytes))
    pool = ThreadPoolExecutor(threads)

    def measured() -> float:
        started = time.perf_counter()
        list(pool.map(lambda part: read_all(part, times), parts))
        return array.nbytes * times / (time.perf_counter() - started)

    return measured


def _read_all():
    """A loop in C, or numpy's sum where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return lambda part, times: [part.sum() for _ in range(times)]
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "read.c"), Path(folder, "read.so")
        source.write_text(_READER)
        flags = ["-O3", "-march=native", "-shared", "-fPIC"]
        subprocess.run([compiler, *flags, str(source), "-o", str(library)], check=True)
        function = ctypes.CDLL(str(library)).read_all
    function.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    function.restype = ctypes.c_uint64
    return lambda part, times: function(part.ctypes.data, part.size, times)


def describe(threads: int) -> dict[str, Any]:
    """Processor, cores, threads used and load."""
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "processor": found[1] if found else platform.machine(),
        "cores": os.cpu_count(),
        "threads": threads,
        "load": os.getloadavg(),
    }
