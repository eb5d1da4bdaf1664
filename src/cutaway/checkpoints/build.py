"""From weights to the readable model: the only step of reading that needs torch.

The model is built on the meta device, where it takes no memory; each weight is then converted and
put in its place. There is never more than the weights and two tensors.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from cutaway.checkpoints.memory import check_memory
from cutaway.checkpoints.names import parameter_count
from cutaway.checkpoints.quantized_file import widened
from cutaway.checkpoints.raw import all_finite
from cutaway.checkpoints.walk import Weight
from cutaway.errors import ConfigError
from cutaway.models import Decoder, DecoderConfig, new_model
from cutaway.numbers import Quantized, to_array, to_tensor

__all__ = ["build"]

_DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


def build(
    weights: Iterator[tuple[str, Weight]],
    config: DecoderConfig,
    what: str,
    *,
    dtype: torch.dtype | None,
    device: torch.device | str,
) -> Decoder:
    """The model of these weights.

    Args:
        weights: of :func:`~cutaway.checkpoints.walk.walk`; nothing is read before memory is known
            to suffice.
        config: its size.
        what: the model, for messages.
        dtype: to hold the weights in; None for float32, to which all stored kinds widen exactly,
            and quantized ones with one rounding.
        device: to hold them on.

    Raises:
        ConfigError: if a number is too large for ``dtype``, or ``device`` is none.
        ResourceError: if there is too little memory.
    """
    dtype = torch.float32 if dtype is None else dtype
    if dtype not in _DTYPES:
        raise ConfigError(f"dtype is {dtype}.", "Weights are held in a floating-point type.")
    _check_device(device)
    if torch.device(device).type == "cpu":
        check_memory(parameter_count(config) * dtype.itemsize, what)
    state = {name: _as_asked(name, weight, dtype).to(device) for name, weight in weights}
    with torch.device("meta"):
        model = new_model(config)
    model.load_state_dict(state, assign=True)
    return model.eval()


def _check_device(device: torch.device | str) -> None:
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = (str(error).splitlines() or [""])[0][:160]
        raise ConfigError(f"device is {str(device)!r}: {reason}", "cpu always works.") from error


def _as_asked(name: str, weight: Weight, dtype: torch.dtype) -> Tensor:
    """The weight in the kind of number asked for, if its numbers fit there."""
    array = widened(name, weight) if isinstance(weight, Quantized) else weight
    stored = to_tensor(array).contiguous()  # a copy, where the array is a view of the file
    result = stored.to(dtype)
    narrower = torch.finfo(dtype).max < torch.finfo(stored.dtype).max
    if narrower and not all_finite(to_array(result)):
        raise ConfigError(
            f"{name} holds numbers that are too large for {str(dtype).removeprefix('torch.')}.",
            "Load it as bfloat16 or float32.",
        )
    return result
