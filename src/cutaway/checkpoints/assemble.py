"""From stored tensors to a model: every name placed, every shape equal, every value finite."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from cutaway.checkpoints.names import mismatch
from cutaway.checkpoints.stored import Stored, StoredTensor
from cutaway.errors import ConfigError, CorruptCheckpoint, KeyMismatch, ResourceError
from cutaway.models import GPT2, GPT2Config

__all__ = ["assemble", "parameter_shapes"]

_MAX_PARAMETERS = 20_000_000_000


def parameter_shapes(config: GPT2Config) -> dict[str, tuple[int, ...]]:
    """Name and shape of every parameter, without memory for any.

    Raises:
        ConfigError: if the sizes are beyond any GPT-2.
    """
    estimate = config.n_embd * (
        config.vocab_size + config.n_ctx + 12 * config.n_embd * config.n_layer
    )
    if estimate > _MAX_PARAMETERS or config.n_layer > 10_000:
        raise ConfigError(
            f"A model of {config.n_layer:,} layers of width {config.n_embd:,} and "
            f"{config.vocab_size:,} words.",
            f"More than {_MAX_PARAMETERS:,} parameters are not taken for a GPT-2.",
        )
    return {name: tuple(p.shape) for name, p in _skeleton(config).named_parameters()}


def assemble(stored: Stored, *, dtype: torch.dtype | None, device: torch.device | str) -> GPT2:
    """Brings a checkpoint into memory, one tensor at a time.

    Args:
        stored: whose names and shapes are compared before anything is allocated.
        dtype: of the weights. None: float32 for weights stored in half precision, which holds
            them exactly, and the dtype they are stored in otherwise.
        device: to put them on.

    Raises:
        KeyMismatch: for a missing, unknown or misshapen tensor.
        CorruptCheckpoint: for a value that is not finite.
        ResourceError: if the memory does not suffice.
    """
    shapes = parameter_shapes(stored.config)
    where = stored.files[0]
    _check_names(shapes, stored.tensors, where=where)
    _check_memory(shapes, dtype=dtype, device=device)
    model = _skeleton(stored.config)
    state = {
        name: _load(name, stored.tensors[name], dtype=dtype, device=device, where=where)
        for name in shapes
    }
    model.load_state_dict(state, assign=True)
    return model.requires_grad_(True).eval()


def _skeleton(config: GPT2Config) -> GPT2:
    with torch.device("meta"):
        return GPT2(config)


def _check_names(
    shapes: Mapping[str, tuple[int, ...]], tensors: Mapping[str, StoredTensor], *, where: Path
) -> None:
    error = mismatch(shapes.keys() - tensors.keys(), tensors.keys() - shapes.keys(), where=where)
    if error is not None:
        raise error
    for name, shape in shapes.items():
        if tensors[name].shape != shape:
            raise KeyMismatch(
                f"{where}: {name} has shape {tensors[name].shape}, the configuration {shape}.",
                "The weights and the configuration belong to different models.",
            )


def _check_memory(
    shapes: Mapping[str, tuple[int, ...]], *, dtype: torch.dtype | None, device: torch.device | str
) -> None:
    n_values = sum(torch.Size(shape).numel() for shape in shapes.values())
    needed, free = n_values * (dtype or torch.float32).itemsize, _free_memory()
    if torch.device(device).type == "cpu" and free is not None and needed > free:
        raise ResourceError(
            f"The model needs {needed / 1e9:.2f} GB of memory, {free / 1e9:.2f} GB are free.",
            "Close other programs, or load it with dtype=torch.bfloat16.",
        )


def _free_memory() -> int | None:
    """Bytes that can be allocated without swapping; None where the system does not say."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def _load(
    name: str,
    tensor: StoredTensor,
    *,
    dtype: torch.dtype | None,
    device: torch.device | str,
    where: Path,
) -> Tensor:
    value = tensor.read()
    if not value.is_floating_point():
        raise CorruptCheckpoint(f"{where}: {name} holds {value.dtype}.", "Weights are floating.")
    if not torch.isfinite(value).all():
        n = int((~torch.isfinite(value)).sum())
        raise CorruptCheckpoint(
            f"{where}: {n} of the {value.numel():,} values of {name} are not finite.",
            "The training diverged or the file is damaged; take an earlier checkpoint.",
        )
    widened = torch.float32 if value.dtype in (torch.float16, torch.bfloat16) else value.dtype
    return value.to(device=device, dtype=dtype or widened).contiguous()
