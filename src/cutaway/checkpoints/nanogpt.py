"""nanoGPT's ``ckpt.pt``: one dictionary with the weights, the optimizer and the arguments.

Source: karpathy/nanoGPT, ``model.py`` and ``train.py``. Matrices are those of ``torch.nn.Linear``,
``(n_out, n_in)``; ``bias=False`` leaves all biases out, which are zeros here; the vocabulary may be
padded to 50,304 rows, which are kept.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch
from torch import Tensor

from cutaway.checkpoints.assemble import parameter_shapes
from cutaway.checkpoints.names import TRANSPOSED, strip_wrappers
from cutaway.checkpoints.stored import Stored, StoredTensor
from cutaway.checkpoints.torch_archive import read_torch_archive
from cutaway.errors import ConfigError, CorruptCheckpoint, KeyMismatch
from cutaway.models import GPT2, GPT2Config

__all__ = ["read_nanogpt", "write_nanogpt"]

_ARGUMENTS = {
    "vocab_size": "vocab_size",
    "block_size": "n_ctx",
    "n_embd": "n_embd",
    "n_layer": "n_layer",
    "n_head": "n_head",
}
"""nanoGPT's ``model_args`` and fields of :class:`GPT2Config`."""


def read_nanogpt(path: Path) -> Stored:
    """Reads the description of a checkpoint; no code in it is run.

    Raises:
        UnsafeCheckpoint: if it holds more than numbers, texts, containers and tensors.
        CorruptCheckpoint: if it is damaged or no checkpoint of nanoGPT.
        KeyMismatch: for a tensor that occurs twice.
    """
    content = read_torch_archive(path)
    if not isinstance(content, Mapping) or not {"model", "model_args"} <= content.keys():
        raise CorruptCheckpoint(
            f"{path} is no checkpoint of nanoGPT: it lacks model and model_args.",
            "Other files of torch are not read; save them as safetensors.",
        )
    fields = cast("Mapping[str, Any]", content)
    config = _config(fields["model_args"], path)
    tensors: dict[str, StoredTensor] = {}
    for name, tensor in _named_tensors(fields["model"], path).items():
        ours = strip_wrappers(name)
        if ours == "lm_head.weight" or ours.endswith((".attn.bias", ".attn.masked_bias")):
            continue  # the tied head, one storage with wte; the causal mask
        if ours in tensors:
            raise KeyMismatch(f"{path} holds {ours!r} twice.", "Remove one of the two.")
        tensors[ours] = _turned(ours, tensor)
    if not fields["model_args"].get("bias", True):
        for name, shape in parameter_shapes(config).items():
            if name.endswith(".bias"):
                tensors.setdefault(name, StoredTensor(shape, 0, _zeros(shape)))
    return Stored("nanogpt", config, tensors, (path,), path.parent)


def write_nanogpt(file: BinaryIO, model: GPT2) -> None:
    """Writes a model as nanoGPT's ``train.py`` does, without an optimizer."""
    state = {
        f"transformer.{name}": (value.T if name.endswith(TRANSPOSED) else value).contiguous()
        for name, value in model.state_dict().items()
    }
    state["lm_head.weight"] = state["transformer.wte.weight"]
    arguments = {theirs: getattr(model.config, ours) for theirs, ours in _ARGUMENTS.items()}
    content = {
        "model": state,
        "model_args": {**arguments, "bias": True, "dropout": model.config.dropout},
        "iter_num": 0,
        "best_val_loss": float("inf"),
        "config": {},
    }
    torch.save(content, file)


def _config(arguments: Any, path: Path) -> GPT2Config:
    try:
        return GPT2Config(**{ours: arguments[theirs] for theirs, ours in _ARGUMENTS.items()})
    except (KeyError, TypeError, IndexError, ConfigError) as error:
        raise CorruptCheckpoint(
            f"{path}: model_args is {str(arguments)[:200]} ({error}).", "Fetch it again."
        ) from None


def _named_tensors(state: Any, path: Path) -> dict[str, StoredTensor]:
    if not isinstance(state, Mapping):
        raise CorruptCheckpoint(f"{path}: its model is no dictionary.", "Fetch it again.")
    tensors = cast("Mapping[Any, Any]", state)
    for name, tensor in tensors.items():
        if not isinstance(name, str) or not isinstance(tensor, StoredTensor):
            raise CorruptCheckpoint(f"{path}: {name!r} is no tensor.", "Fetch it again.")
    return dict(tensors)


def _turned(name: str, tensor: StoredTensor) -> StoredTensor:
    """The tensor as the model has it."""
    if not name.endswith(TRANSPOSED) or len(tensor.shape) != 2:
        return tensor
    return StoredTensor(tensor.shape[::-1], tensor.nbytes, lambda: tensor.read().T)


def _zeros(shape: tuple[int, ...]) -> Callable[[], Tensor]:
    return lambda: torch.zeros(shape)
