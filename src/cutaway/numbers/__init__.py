"""Numbers as they are stored: their kinds, and weights in 8 or 4 bits. Arrays only.

Nothing here imports torch, but for a tensor that is asked for.
"""

from cutaway.numbers.kinds import (
    BFLOAT16,
    FLOAT16,
    FLOAT32,
    INT8,
    UINT8,
    Array,
    Kind,
    dtype_of,
    kind_of,
    to_array,
    to_tensor,
)
from cutaway.numbers.quantize import GROUP, Bits, Quantized, quantize

__all__ = [
    "BFLOAT16",
    "FLOAT16",
    "FLOAT32",
    "GROUP",
    "INT8",
    "UINT8",
    "Array",
    "Bits",
    "Kind",
    "Quantized",
    "dtype_of",
    "kind_of",
    "quantize",
    "to_array",
    "to_tensor",
]
