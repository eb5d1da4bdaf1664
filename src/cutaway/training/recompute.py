"""Memory for time: blocks that forget what they computed, and compute it again when it is needed.

Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost", section 4: of each block only
its input is kept for the backward pass, which runs the block once more for the values in between.
Random draws are the same the second time, and so are loss and gradients, bit for bit.
"""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

__all__ = ["blocks_of", "recomputed"]


def blocks_of(model: nn.Module) -> list[nn.Module]:
    """The blocks of a model, of both of its stacks where it has an encoder."""
    return [*getattr(model, "encoder", ()), *getattr(model, "h", ())]


@contextmanager
def recomputed(blocks: Iterable[nn.Module], *, enabled: bool = True) -> Generator[None]:
    """Has every block of a model run again in the backward pass, while the block of code runs.

    Names and parameters stay as they are. A pass without gradients is as before.

    Args:
        blocks: as :func:`blocks_of` finds them.
        enabled: if not, nothing happens.
    """
    changed = list(blocks) if enabled else []
    for block in changed:
        block.forward = _run_again(block.forward)
    try:
        yield
    finally:
        for block in changed:
            del block.forward  # the instance's; the class still has its own


def _run_again(forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def run(*args: Any, **settings: Any) -> Tensor:
        if not torch.is_grad_enabled():
            return forward(*args, **settings)
        result: Tensor = checkpoint(forward, *args, use_reentrant=False, **settings)
        return result

    return run
