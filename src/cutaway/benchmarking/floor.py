"""The floor under a decode step: the bytes it has to read, over what memory gives.

Every step reads all weights of its products once, whatever the batch, and the keys and values of
each text. Nothing that does so is faster than memory.
"""

from cutaway.benchmarking.shape import Shape

__all__ = ["cache_bytes", "floor_rate", "step_bytes", "weight_bytes"]

_BITS = {"int4": 4 + 16 / 64, "int8": 8, "bf16": 16, "fp32": 32}  # int4: a scale for 64 weights


def weight_bytes(shape: Shape, width: str) -> float:
    """Of all that a decode step reads of the model: linear weights, head, biases and norms."""
    return shape.linear * _BITS[width] / 8 + shape.small * 4


def cache_bytes(shape: Shape, width: str, context: float) -> float:
    """Keys and values of one text; two bytes a number, four in float32."""
    return 2 * shape.n_layer * shape.n_embd * context * (4 if width == "fp32" else 2)


def step_bytes(shape: Shape, width: str, *, batch: int, prompt: int, new: int) -> float:
    """Read by the average step of a decode case: the weights once, each text's cache."""
    each = cache_bytes(shape, width, prompt + new / 2)
    return weight_bytes(shape, width) + batch * each


def floor_rate(*, n_bytes: float, batch: int, bytes_per_s: float) -> float:
    """Tokens a second of steps that take as long as their reads."""
    return batch * bytes_per_s / n_bytes
