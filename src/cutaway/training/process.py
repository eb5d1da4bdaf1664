"""What a training run changes of its process while it lasts, and puts back."""

import ctypes
import sys
from collections.abc import Generator
from contextlib import contextmanager

import torch

__all__ = ["denormals_flushed", "memory_kept"]

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # malloc.h
_DEFAULT_MMAP_MAX = 65_536
_DEFAULT_TRIM = 64 * 2**20  # where glibc's own rule comes to when a block of 32 MiB was freed


@contextmanager
def denormals_flushed() -> Generator[None]:
    """Takes tiny numbers for 0 while the block runs: in Adam's moments they slow a CPU manifold."""
    tiny = torch.tensor([1e-310], dtype=torch.float64)
    if (tiny * 1.0).item() == 0.0:  # so it was before
        yield
        return
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


@contextmanager
def memory_kept() -> Generator[None]:
    """Keeps freed memory for the next step while the block runs; then returns it to the system.

    Every step asks for the same large tensors again. glibc gives each back when it is freed, and
    the system fills it with zeros, page by page, before it lends it anew: about a tenth of a step.
    Without glibc, nothing is changed.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if not (hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim")):
        yield
        return
    assert libc is not None
    libc.mallopt(_M_MMAP_MAX, 0)
    libc.mallopt(_M_TRIM_THRESHOLD, -1)
    try:
        yield
    finally:
        libc.mallopt(_M_MMAP_MAX, _DEFAULT_MMAP_MAX)
        libc.mallopt(_M_TRIM_THRESHOLD, _DEFAULT_TRIM)
        libc.malloc_trim(0)
