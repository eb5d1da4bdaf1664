"""The library of causal attention through ctypes: pointers in, nothing checked.

Whoever calls has checked shapes and types: a wrong one ends the process.
"""

import ctypes
import logging
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cutaway.compiling import Library
from cutaway.errors import EngineUnavailable, unknown

__all__ = ["CHOICE", "Problem", "backward", "forward", "kept", "library", "pays", "problem_of"]

logger = logging.getLogger("cutaway.nn")

CHOICE = "CUTAWAY_ATTENTION"
"""The environment variable: ``auto``, or ``torch`` to leave attention to torch."""


class _Place(ctypes.Structure):
    """A tensor ``(B, H, T, K)`` with its last axis together; strides in elements."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("batch", ctypes.c_int64),
        ("head", ctypes.c_int64),
        ("row", ctypes.c_int64),
    ]


_TENSORS = (
    "q", "k", "v", "out", "out_grad", "q_grad", "k_grad", "v_grad", "relative", "relative_grad"
)  # fmt: skip


class Problem(ctypes.Structure):
    """What is to be computed; see ``native/problem.h``."""

    _fields_ = [
        *((name, _Place) for name in _TENSORS),
        ("log_sums", ctypes.c_void_p),
        ("starts", ctypes.c_void_p),
        ("seed", ctypes.c_uint64),
        ("n_batch", ctypes.c_int32),
        ("n_head", ctypes.c_int32),
        ("n_query", ctypes.c_int32),
        ("width", ctypes.c_int32),
        ("dropout", ctypes.c_float),
        ("n_threads", ctypes.c_int32),
        ("n_relative", ctypes.c_int32),
    ]


_PROBLEM = [ctypes.POINTER(Problem), ctypes.c_int]
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "cutaway_attention_pays": (ctypes.c_int, [ctypes.c_int, ctypes.c_int]),
    "cutaway_attention_forward": (ctypes.c_int, _PROBLEM),
    "cutaway_attention_backward": (ctypes.c_int, _PROBLEM),
    "cutaway_attention_kept": (
        None,
        [ctypes.c_float, ctypes.c_uint64, ctypes.c_int, ctypes.c_int, ctypes.c_void_p],
    ),
}


@lru_cache(maxsize=4)
def library(level: str = "native") -> ctypes.CDLL:
    """The compiled library, with threads of OpenMP if the compiler has it, else with its own.

    Raises:
        EngineUnavailable: if it cannot be built or loaded.
    """
    try:
        return _library(_openmp()).load(_SIGNATURES, level)
    except EngineUnavailable:
        return _library(()).load(_SIGNATURES, level)


def _library(flags: tuple[str, ...]) -> Library:
    return Library(
        name="attention",
        source=Path(__file__).parent / "native" / "attention.cpp",
        title="The kernel of attention",
        without="training runs without it, slower",
        flags=("-funroll-loops", *flags),  # 2 % of the time
    )


def _openmp() -> tuple[str, ...]:
    """Flags for OpenMP that find the threads which torch already has.

    A library of the usual name is found by its name when torch has loaded it. Wheels may bring one
    with a name of their own; then that one is linked.
    """
    found = sorted((Path(torch.__file__).parent / "lib").glob("libgomp-*.so*"))
    if not found:
        return ("-fopenmp",)
    kept, usual = "-Wl,--push-state,--no-as-needed", "-Wl,--pop-state,--as-needed"
    return ("-fopenmp", kept, str(found[0]), usual)


def pays(dtype: torch.dtype, *, unfused: bool = False) -> bool:
    """Whether the kernel is there and faster here than torch's; compiled now if it is not there.

    Args:
        dtype: of queries, keys and values.
        unfused: whether torch has no kernel that does it at once: with dropout, or distances.

    Raises:
        ConfigError: if the environment asks for what there is not.
    """
    choice = os.environ.get(CHOICE) or "auto"
    if choice not in ("auto", "torch"):
        raise unknown(CHOICE, choice, ["auto", "torch"])
    return choice == "auto" and _is_faster(dtype, unfused)


@lru_cache(maxsize=4)
def _is_faster(dtype: torch.dtype, unfused: bool) -> bool:
    try:
        return bool(library().cutaway_attention_pays(dtype.itemsize == 2, unfused))
    except EngineUnavailable as error:
        logger.info("%s %s", error.what, error.hint)
        return False


def forward(problem: Problem, dtype: torch.dtype) -> None:
    """Fills ``out`` and ``log_sums`` from ``q``, ``k`` and ``v``."""
    _check(library().cutaway_attention_forward(problem, dtype.itemsize == 2))


def backward(problem: Problem, dtype: torch.dtype) -> None:
    """Fills ``q_grad``, ``k_grad``, ``v_grad`` and ``relative_grad`` from all others."""
    _check(library().cutaway_attention_backward(problem, dtype.itemsize == 2))


def _check(has_room: int) -> None:
    if not has_room:
        raise MemoryError("The system gives no memory for attention.")


def kept(share: float, seed: int, head: int, n: int) -> Tensor:
    """Which weights dropout keeps, ``(queries, keys)``, of one head of one row; for tests."""
    found = torch.empty(n, n, dtype=torch.uint8)
    library().cutaway_attention_kept(share, seed, head, n, found.data_ptr())
    return found.bool().T


def problem_of(
    tensors: dict[str, Tensor],
    log_sums: Tensor,
    starts: Tensor | None,
    seed: Tensor | None,
    dropout: float,
) -> Problem:
    """The structure for tensors ``(B, H, T, K)`` by their names in it.

    Args:
        tensors: which must live as long as the structure is used; ``relative``, if it is there, and
            ``relative_grad``, which is of float32 and contiguous, are ``(B, H, R, K)``.
        log_sums: ``(B, H, T)`` of float32, contiguous.
        starts: ``(B, T)`` of int32, contiguous, or None.
        seed: of dropout, an int64; None without.
        dropout: the share of weights to drop.
    """
    B, H, T, K = tensors["q"].shape
    problem = Problem(
        log_sums=log_sums.data_ptr(),
        starts=None if starts is None else starts.data_ptr(),
        seed=0 if seed is None else int(seed) % 2**64,
        n_batch=B,
        n_head=H,
        n_query=T,
        width=K,
        dropout=dropout,
        n_threads=torch.get_num_threads(),
        n_relative=tensors["relative"].shape[2] if "relative" in tensors else 0,
    )
    for name, tensor in tensors.items():
        setattr(problem, name, _Place(tensor.data_ptr(), *tensor.stride()[:3]))
    return problem
