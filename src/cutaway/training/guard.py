"""A loss or a gradient that is not finite: noticed before the update, traced, and written down."""

import logging
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cutaway.errors import TrainingDiverged
from cutaway.files import atomic_write
from cutaway.training.objectives import Batch, Objective

__all__ = ["Guard", "first_not_finite"]

logger = logging.getLogger("cutaway.training")


class Guard:
    """Decides what becomes of an update.

    Args:
        directory: where the batches of bad steps are written, one file each.
        max_skipped: updates in a row that may be left out.
        writes: whether this process is the one that writes them.

    Attributes:
        skipped: updates left out in a row up to now; part of the run's state.
    """

    def __init__(self, directory: Path, *, max_skipped: int, writes: bool = True) -> None:
        self.directory, self.max_skipped, self.writes = directory, max_skipped, writes
        self.skipped = 0

    def passes(
        self, step: int, *, loss: float, norm: float, batch: Batch, trace: Callable[[], str]
    ) -> bool:
        """Whether the update may be made.

        Args:
            step: that it would end, from 1.
            loss: of the batch.
            norm: of its gradient.
            batch: that gave them; written down if they are not finite.
            trace: tells where the first number is that is not finite.

        Raises:
            TrainingDiverged: if more updates in a row than allowed would be left out; nothing was
                updated.
        """
        if math.isfinite(loss) and math.isfinite(norm):
            self.skipped = 0
            return True
        path = self.directory / f"step-{step:08d}.npz"
        told = f"Step {step}: loss {loss}, gradient norm {norm}, {trace()}; the batch is in {path}."
        if self.writes:
            _write(path, batch)
        if self.skipped >= self.max_skipped:
            raise TrainingDiverged(
                told,
                "Nothing was updated. Lower optimizer.lr or lengthen schedule.warmup_steps; the "
                "last checkpoint is unharmed. training.max_skipped leaves such steps out.",
            )
        self.skipped += 1
        logger.warning("%s Left out (%d in a row).", told, self.skipped)
        return False


def first_not_finite(model: nn.Module, parts: Sequence[Batch], loss: Objective) -> str:
    """Where the first number stands that is not finite: found by running the parts again.

    Modules are watched by hooks, which are gone again when this returns: it must work for any
    model, and nobody pays for it until something is wrong.

    Args:
        model: with the gradients of all parts, and with the weights that they were computed with.
        parts: the micro-batches, in their order.
        loss: that was to be made smaller.
    """
    for name, value in model.named_parameters():
        if not value.isfinite().all():
            return f"first in the weight {name}"
    names = {module: name for name, module in model.named_modules() if name}
    found: list[str] = []

    def look(module: nn.Module, inputs: Any, output: Any) -> None:
        if not found and isinstance(output, Tensor) and not output.isfinite().all():
            found.append(names[module])

    handles = [module.register_forward_hook(look) for module in names]
    try:
        with torch.no_grad():
            for i, part in enumerate(parts):
                value = loss(model, part)
                if found:
                    return f"first in {found[0]}, in micro-batch {i + 1} of {len(parts)}"
                if not value.isfinite():
                    return f"first in the loss, in micro-batch {i + 1} of {len(parts)}"
    finally:
        for handle in handles:
            handle.remove()
    # The gradient comes from above: the last parameter is the first that it reaches.
    for name, p in reversed(list(model.named_parameters())):
        if p.grad is not None and not p.grad.isfinite().all():
            return f"first in the gradient of {name}"
    return "only in the norm of the gradient"


def _write(path: Path, batch: Batch) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {name: value.cpu().numpy() for name, value in batch.tensors().items()}
    with atomic_write(path) as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
