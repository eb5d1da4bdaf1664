"""The parameters themselves: a matrix of any size as a small picture, its histogram, its cells."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cutaway.errors import unknown
from cutaway.interp.bounds import check_count, check_range
from cutaway.models import Decoder

__all__ = ["PooledWeights", "pool_weights", "read_weights"]

_MAX_POOL = 1024
_CELLS = 1 << 22  # cells of a matrix that are turned to float64 at once: 32 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledWeights:
    """One parameter, at a size to look at. Vectors are one row.

    Attributes:
        name: of the parameter.
        shape: as stored; matrices are (in, out), embeddings (entries, D).
        row_edges: pooled row ``i`` covers rows ``row_edges[i]:row_edges[i + 1]``; sizes differ by
            one at most.
        col_edges: the same for columns.
        mean: of each pooled cell.
        max_abs: the largest size in each pooled cell.
        counts: of the histogram: how many values lie in each bin.
        bin_edges: of the bins, equally wide, from :attr:`min` to :attr:`max`.
        min: of all values.
        max: of all values.
        total_mean: of all values.
        std: of all values, their standard deviation.
        norm: Frobenius norm.
    """

    name: str
    shape: tuple[int, ...]
    row_edges: tuple[int, ...]
    col_edges: tuple[int, ...]
    mean: Float[Tensor, "rows cols"]
    max_abs: Float[Tensor, "rows cols"]
    counts: Int[Tensor, " bins"]
    bin_edges: Float[Tensor, " edges"]
    min: float
    max: float
    total_mean: float
    std: float
    norm: float


@torch.inference_mode()
def pool_weights(model: Decoder, name: str, *, pool: int = 64, bins: int = 64) -> PooledWeights:
    """Shrinks a parameter to at most ``pool`` x ``pool`` cells and counts its values.

    Every value is in exactly one cell and in exactly one bin. Sums are taken in float64.

    Raises:
        ConfigError: for a parameter or a number that is not there.
    """
    check_count("pool", pool, _MAX_POOL)
    check_count("bins", bins, _MAX_POOL)
    stored = _parameter(model, name)
    matrix = stored if stored.ndim == 2 else stored[None]
    rows, cols = (_edges(n, pool) for n in matrix.shape)
    sums, max_abs = _pool(matrix, rows, cols)
    sizes = torch.outer(rows.diff(), cols.diff())
    low, high, mean = float(matrix.min()), float(matrix.max()), float(sums.sum()) / matrix.numel()
    square = sum(float((part.double() - mean).square().sum()) for part in _parts(matrix))
    bin_edges = _bin_edges(low, high, bins)
    return PooledWeights(
        name=name,
        shape=tuple(stored.shape),
        row_edges=tuple(rows.tolist()),
        col_edges=tuple(cols.tolist()),
        mean=(sums / sizes).float(),
        max_abs=max_abs,
        counts=_histogram(matrix, bin_edges),
        bin_edges=bin_edges.float(),
        min=low,
        max=high,
        total_mean=mean,
        std=(square / matrix.numel()) ** 0.5,
        norm=(square + mean**2 * matrix.numel()) ** 0.5,
    )


@torch.inference_mode()
def read_weights(
    model: Decoder, name: str, *, rows: slice = slice(None), cols: slice = slice(None)
) -> Float[Tensor, "rows cols"]:
    """A part of a parameter, every value exactly; a vector is one row.

    Raises:
        ConfigError: for a parameter, rows or columns that are not there.
    """
    stored = _parameter(model, name)
    matrix = stored if stored.ndim == 2 else stored[None]
    r, c = check_range("rows", rows, matrix.shape[0]), check_range("cols", cols, matrix.shape[1])
    return matrix[r.start : r.stop : r.step, c.start : c.stop : c.step].float()


def _parameter(model: Decoder, name: str) -> Tensor:
    known = dict(model.named_parameters())
    if name not in known:
        raise unknown("parameter", name, known)
    return known[name].detach().cpu()


def _edges(n: int, pool: int) -> Tensor:
    """Cuts ``n`` into ``min(n, pool)`` parts of nearly one size."""
    parts = min(n, pool)
    return torch.arange(parts + 1) * n // parts


def _pool(matrix: Tensor, rows: Tensor, cols: Tensor) -> tuple[Tensor, Tensor]:
    """Sums (float64) and largest sizes (float32) of the cells between the edges."""

    def over(x: Tensor, edges: Tensor, reduce: Callable[[Tensor], Tensor]) -> Tensor:
        pairs = zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
        return torch.stack([reduce(x[start:stop]) for start, stop in pairs])

    sums = over(matrix, rows, lambda part: part.sum(0, dtype=torch.float64))
    largest = over(matrix, rows, lambda part: part.abs().amax(0)).float()
    sums = over(sums.T, cols, lambda part: part.sum(0)).T
    return sums, over(largest.T, cols, lambda part: part.amax(0)).T


def _parts(matrix: Tensor) -> tuple[Tensor, ...]:
    return matrix.reshape(-1).split(_CELLS)


def _bin_edges(low: float, high: float, bins: int) -> Tensor:
    """Edges of equally wide bins in float64; a single value gets bins one wide around it."""
    if low == high:
        low, high = low - 0.5, high + 0.5
    return torch.linspace(low, high, bins + 1, dtype=torch.float64)


def _histogram(matrix: Tensor, edges: Tensor) -> Tensor:
    """Values in each bin, the right edge only in the last; counted in whole numbers."""
    bins, low = len(edges) - 1, float(edges[0])
    scale = bins / float(edges[-1] - edges[0])
    counts = torch.zeros(bins, dtype=torch.int64)
    for part in _parts(matrix):
        at = part.double().sub_(low).mul_(scale).long().clamp_(0, bins - 1)
        counts += torch.bincount(at, minlength=bins)
    return counts
