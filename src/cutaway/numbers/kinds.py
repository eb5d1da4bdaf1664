"""Kinds of stored numbers: their names, and arrays as torch's tensors and back.

numpy has no bfloat16 of its own; that of the library ml_dtypes is used.
"""

from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

__all__ = [
    "BFLOAT16",
    "FLOAT16",
    "FLOAT32",
    "INT8",
    "UINT8",
    "Array",
    "Kind",
    "dtype_of",
    "kind_of",
    "to_array",
    "to_tensor",
]

Array = NDArray[Any]
Kind = np.dtype[Any]

FLOAT32: Kind = np.dtype(np.float32)
FLOAT16: Kind = np.dtype(np.float16)
BFLOAT16: Kind = np.dtype(ml_dtypes.bfloat16)
INT8: Kind = np.dtype(np.int8)
UINT8: Kind = np.dtype(np.uint8)


def dtype_of(kind: Kind) -> "torch.dtype":
    """Torch's dtype of a kind; both bear the same names."""
    import torch

    dtype = getattr(torch, kind.name)
    assert isinstance(dtype, torch.dtype)
    return dtype


def kind_of(dtype: "torch.dtype") -> Kind:
    """The kind of torch's dtype; raises TypeError if numpy has none."""
    name = str(dtype).removeprefix("torch.")
    return BFLOAT16 if name == "bfloat16" else np.dtype(name)


def to_tensor(array: Array) -> "torch.Tensor":
    """The array as a tensor, in the same memory; a read-only one is copied, for no tensor is.

    Its strides must not be negative.
    """
    import torch

    if not array.flags.writeable:
        array = array.copy()
    if array.dtype == BFLOAT16:
        return torch.from_numpy(array.view(np.uint16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def to_array(tensor: "torch.Tensor") -> Array:
    """The tensor as an array, in the same memory if it is the CPU's; without its gradient."""
    import torch

    tensor = tensor.detach().cpu()
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(BFLOAT16)
    return tensor.numpy()
