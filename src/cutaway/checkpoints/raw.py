"""The elements of a tensor as bytes, for writing and for fingerprints."""

import torch
from torch import Tensor

from cutaway.errors import CorruptCheckpoint

__all__ = ["all_finite", "narrowed", "raw_bytes"]


def raw_bytes(tensor: Tensor) -> memoryview:
    """The elements in row-major order, little-endian; a view where that is possible."""
    flat = tensor.detach().cpu().contiguous().view(-1)
    return flat.view(torch.uint8).numpy().data


def all_finite(tensor: Tensor) -> bool:
    """Whether no element is NaN or infinite; allocates nothing the size of the tensor."""
    low, high = tensor.aminmax()  # both are NaN if an element is
    return bool(torch.isfinite(low) & torch.isfinite(high))


def narrowed(name: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """The tensor as ``dtype``, ready to be written.

    Raises:
        CorruptCheckpoint: if an element is not finite, or too large for ``dtype``.
    """
    result = tensor.detach().to(dtype)
    if all_finite(result):
        return result
    kind = "too large for" if all_finite(tensor.detach()) else "not finite, in"
    raise CorruptCheckpoint(
        f"An element of {name} is {kind} {str(dtype).removeprefix('torch.')}.",
        "Nothing was written. Save as float32, or from a checkpoint before the model diverged.",
    )
