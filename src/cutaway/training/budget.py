"""Whether a run fits into memory, and what makes it fit: told before anything is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from cutaway.checkpoints.memory import available_memory
from cutaway.errors import ResourceError
from cutaway.training.estimate import MemoryEstimate, RunShape, estimate_memory

__all__ = ["Change", "changes_that_fit", "check_run", "free_memory"]


@dataclass(frozen=True, slots=True)
class Change:
    """Settings with which a run takes less.

    Attributes:
        settings: for ``--set``; of more machines a phrase.
        estimate: of each process then.
    """

    settings: tuple[str, ...]
    estimate: MemoryEstimate

    def __str__(self) -> str:
        return f"{' '.join(self.settings)} ({self.estimate.to_come / 1e9:.1f} GB)"


def free_memory(device: torch.device) -> int | None:
    """Bytes that a process can still have where it computes; None where the system is silent."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return available_memory()


def check_run(
    shape: RunShape, batch_sizes: Sequence[int], available: int | None, *, together: int = 1
) -> MemoryEstimate:
    """Refuses a run that does not fit.

    Args:
        shape: of each process.
        batch_sizes: windows of an update, over all processes: micro-batches must divide them.
        available: bytes; None allows everything.
        together: processes that share the memory; those of one machine, on CPU.

    Raises:
        ResourceError: with the estimate by part, and what to change so that it fits.
    """
    estimate = estimate_memory(shape)
    if available is None or together * estimate.to_come <= available:
        return estimate
    changes = changes_that_fit(shape, batch_sizes, available // together)
    ways = "; or ".join(map(str, changes)) or "a smaller model"
    each = f" in each of {together} processes" if together > 1 else ""
    raise ResourceError(
        f"This run needs {estimate.to_come / 1e9:.1f} GB of memory{each} ({estimate}); "
        f"{available / 1e9:.1f} GB are free.",
        f"What fits: {ways}.",
    )


def changes_that_fit(
    shape: RunShape, batch_sizes: Sequence[int], available: int, *, most: int = 3
) -> list[Change]:
    """The least changes with which a process holds no more than is there, at most so many.

    First single ones, that cost nothing (a smaller micro-batch) or time (``recompute``) or digits
    (``bf16``); then all together; then more machines, each with a share of the weights.
    """
    smaller = _smaller(shape, batch_sizes)
    sizes = [shape.micro_batch, *smaller]
    kinds = _kinds(shape)
    alone = [_sized(shape, smaller), *([kind] for kind in kinds[1:3])]
    together = [_sized(kind, sizes) for kind in kinds]
    for alternatives in (alone, together):
        found = [_first_that_fits(ways, shape, available) for ways in alternatives]
        if any(found):
            return [change for change in found if change is not None][:most]
    n = 2 * shape.processes
    while n <= min(batch_sizes):  # each of them has a window at least
        spread = replace(shape, parallel="fsdp", processes=n)
        for kind in _kinds(spread):
            if change := _first_that_fits(_sized(kind, sizes), shape, available):
                return [change]
        n *= 2
    return []


def _kinds(shape: RunShape) -> list[RunShape]:
    """As it is; computed twice; with shorter numbers; both. What it has already is left out."""
    kinds = [shape]
    if not shape.recompute:
        kinds.append(replace(shape, recompute=True))
    if shape.precision == "fp32":
        kinds += [replace(kind, precision="bf16") for kind in kinds]
    return kinds


def _sized(shape: RunShape, sizes: Sequence[int]) -> list[RunShape]:
    return [
        replace(shape, micro_batch=size, accumulates=shape.accumulates or size < shape.micro_batch)
        for size in sizes
    ]


def _first_that_fits(ways: Sequence[RunShape], before: RunShape, available: int) -> Change | None:
    for shape in ways:
        estimate = estimate_memory(shape)
        if estimate.to_come <= available:
            return Change(_difference(before, shape), estimate)
    return None


def _smaller(shape: RunShape, batch_sizes: Sequence[int]) -> list[int]:
    """Smaller micro-batches that divide every batch, the largest first."""
    sizes = range(shape.micro_batch - 1, 0, -1)
    return [size for size in sizes if all(batch % size == 0 for batch in batch_sizes)]


def _difference(before: RunShape, after: RunShape) -> tuple[str, ...]:
    settings: list[str] = []
    if after.processes != before.processes:
        where = "GPUs" if after.device == "cuda" else "machines"
        settings.append(f"parallel.kind=fsdp on {after.processes} {where}")
    if after.micro_batch != before.micro_batch:
        settings.append(f"training.micro_batch_size={after.micro_batch}")
    if after.recompute and not before.recompute:
        settings.append("training.recompute=true")
    if after.precision != before.precision:
        settings.append(f"training.precision={after.precision}")
    return tuple(settings)
