"""Muon: momentum whose steps are made orthogonal, for the matrices inside the blocks.

Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"; the size of a step
as in Liu et al. 2025, "Muon is Scalable for LLM Training", section 2.2. On one process every
update is :class:`torch.optim.Muon`'s, bit for bit. On several each matrix is made orthogonal by
one of them only, and the result goes to the others, as in both papers.
"""

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.optim import Optimizer

__all__ = ["Muon", "orthogonalised"]

# Each step maps a singular value x to a x + b x^3 + c x^5 (Jordan et al., "Tuning the
# coefficients"): steepest at 0, so that five steps bring all of them near 1, though not to it.
_A, _B, _C = 3.4445, -4.7750, 2.0315
_STEPS = 5


def orthogonalised(matrix: Float[Tensor, "rows columns"]) -> Float[Tensor, "rows columns"]:
    """The nearest matrix with singular values of about 1, in bfloat16, by Newton and Schulz.

    In bfloat16, for float32 takes twice as long and the step is no better: it is near enough to
    the direction as it is.

    >>> torch.linalg.svdvals(orthogonalised(torch.diag(torch.tensor([3.0, 1.0]))).float()).round()
    tensor([1., 1.])
    """
    x = matrix.bfloat16()
    is_tall = x.shape[0] > x.shape[1]
    if is_tall:  # the products below are then of the smaller side
        x = x.T
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(_STEPS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=_B, alpha=_C), x, beta=_A)
    return x.T if is_tall else x


class Muon(Optimizer):
    """The optimizer; see the module.

    Args:
        params: matrices, plain or sharded by rows (``fully_shard``).
        lr: learning rate on AdamW's scale: a step has 0.2 times it as its root mean square.
        weight_decay: as in AdamW.
        momentum: decay of the mean of the gradients, on which Nesterov's look ahead is taken.
        group: of the processes that hold the same plain matrices and gradients; None for one.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        *,
        lr: float,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        group: dist.ProcessGroup | None = None,
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})
        self._group = group

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Updates every matrix that has a gradient."""
        assert closure is None
        for group in self.param_groups:
            moved = [p for p in group["params"] if p.grad is not None]
            moved.sort(key=_kind)  # stable: the same order in every process
            for _, alike in groupby(moved, key=_kind):
                self._update(list(alike), group)

    def _update(self, matrices: list[Tensor], group: dict[str, Any]) -> None:
        """Updates matrices of one shape."""
        rate, shape = group["lr"], matrices[0].shape
        ahead = [self._look_ahead(p, group["momentum"]) for p in matrices]
        for p, step in zip(matrices, self._orthogonalised(matrices[0], ahead), strict=True):
            local = _local(p)
            local.mul_(1 - rate * group["weight_decay"])
            local.add_(step, alpha=-(rate * (0.2 * max(shape) ** 0.5)))

    def _look_ahead(self, p: Tensor, momentum: float) -> Tensor:
        """Nesterov's momentum, of the rows that are here, in the type it is used in."""
        assert p.grad is not None
        state = self.state[p]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(p.grad)
        gradient, mean = _local(p.grad), _local(state["momentum_buffer"])
        mean.lerp_(gradient, 1 - momentum)
        return gradient.lerp(mean, momentum).bfloat16()

    def _orthogonalised(self, example: Tensor, ahead: list[Tensor]) -> Iterable[Tensor]:
        if isinstance(example, DTensor):
            return _of_shards(ahead, example)
        if self._group is None:
            return map(orthogonalised, ahead)
        return _of_replicas(ahead, self._group)


def _kind(p: Tensor) -> tuple[tuple[int, ...], bool]:
    return tuple(p.shape), isinstance(p, DTensor)


def _local(p: Tensor) -> Tensor:
    return p.to_local() if isinstance(p, DTensor) else p


def _of_replicas(matrices: list[Tensor], group: dist.ProcessGroup) -> list[Tensor]:
    """Each process takes an equal share of the matrices; then all get all."""
    rank, size = group.rank(), group.size()
    n_each = -(-len(matrices) // size)
    mine = torch.zeros(n_each, *matrices[0].shape, dtype=torch.bfloat16, device=matrices[0].device)
    for place, matrix in zip(mine, matrices[rank * n_each :], strict=False):
        place.copy_(orthogonalised(matrix))
    everyones = mine.new_empty(size * n_each, *matrices[0].shape)
    dist.all_gather(list(everyones.split(n_each)), mine, group=group)
    return list(everyones[: len(matrices)])


def _of_shards(shards: list[Tensor], example: DTensor) -> list[Tensor]:
    """Whole matrices go to the processes that work on them, and rows of the results come back.

    Two exchanges, so that a process receives no more than the matrices of its share.
    """
    assert example.device_mesh.ndim == 1, example.device_mesh
    assert example.placements[0].is_shard(dim=0), example.placements
    mesh, (rows, columns) = example.device_mesh, example.shape
    group, size, rank = mesh.get_group(), mesh.size(), mesh.get_local_rank()
    each = -(-rows // size)  # rows of a shard; the last ones may have fewer, or none
    heights = [min(each, max(0, rows - r * each)) for r in range(size)]
    n_each = -(-len(shards) // size)
    here = torch.zeros(size * n_each, heights[rank], columns, dtype=torch.bfloat16)
    here = here.to(shards[0].device)
    for place, shard in zip(here, shards, strict=False):
        place.copy_(shard)
    whole = here.new_empty(n_each * rows * columns)
    parts = [n_each * height * columns for height in heights]
    outgoing = [n_each * heights[rank] * columns] * size
    dist.all_to_all_single(whole, here.flatten(), parts, outgoing, group=group)
    pieces = [
        part.view(n_each, height, columns)
        for part, height in zip(whole.split(parts), heights, strict=True)
    ]
    n_mine = min(n_each, max(0, len(shards) - rank * n_each))
    done = torch.cat(pieces, dim=1)  # (n_each, rows, columns)
    for i in range(n_mine):
        done[i] = orthogonalised(done[i])
    back = torch.cat([part.flatten() for part in done.split([*heights], dim=1)])
    received = here.new_empty(here.numel())
    dist.all_to_all_single(received, back, outgoing, parts, group=group)
    return list(received.view_as(here)[: len(shards)])
