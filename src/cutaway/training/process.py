"""What a training run changes of its process while it lasts, and puts back."""

import ctypes
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager

import torch

__all__ = ["denormals_flushed", "memory_kept", "memory_returned"]

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4  # malloc.h
_LARGE = 2**20
# Where glibc's own rules come to when a block of 32 MiB was freed.
_USUAL = {_M_MMAP_MAX: 65_536, _M_MMAP_THRESHOLD: 32 * 2**20, _M_TRIM_THRESHOLD: 64 * 2**20}


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
    with _malloc({_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: -1}):
        yield


@contextmanager
def memory_returned() -> Generator[None]:
    """Returns each large tensor to the system as it is freed, while the block runs.

    For whoever would rather have memory than time (:func:`cutaway.training.recompute.recomputed`):
    where tensors that stay are made between others that go, glibc's heap keeps the holes, two
    times what is in use. Without glibc, nothing is changed.
    """
    with _malloc({_M_MMAP_THRESHOLD: _LARGE}):
        yield


@contextmanager
def _malloc(settings: Mapping[int, int]) -> Generator[None]:
    """Settings of glibc's malloc while the block runs, and then its own again."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if not (hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim")):
        yield
        return
    assert libc is not None
    for name, value in settings.items():
        libc.mallopt(name, value)
    try:
        yield
    finally:
        for name, value in _USUAL.items():
            libc.mallopt(name, value)
        libc.malloc_trim(0)
