"""From what was found in the files to a model: one tensor at a time, each looked at once.

The model is built on the meta device, where it takes no memory; each tensor is then read, checked,
hashed, converted and put in its place. At no time is there more than the weights and one tensor.
"""

import hashlib
import json
from dataclasses import replace

import torch
from torch import Tensor

from cutaway.checkpoints.found import Found
from cutaway.checkpoints.memory import check_memory
from cutaway.checkpoints.names import parameter_count, parameter_shapes
from cutaway.checkpoints.raw import all_finite, raw_bytes
from cutaway.checkpoints.stored import WEIGHT_DTYPES
from cutaway.errors import ConfigError, CorruptCheckpoint, KeyMismatch
from cutaway.models import GPT2

__all__ = ["build", "stored_dtype"]


def build(
    found: Found, *, n_vocab: int, dtype: torch.dtype | None, device: torch.device | str
) -> tuple[GPT2, str]:
    """The model, and the fingerprint of its weights.

    The fingerprint is the SHA-256 of the sizes and of every tensor as stored, under our names and
    with our axes: the same weights have the same one in every layout.

    Args:
        found: the checkpoint.
        n_vocab: rows of the token embedding to keep; the others are padding.
        dtype: to hold the weights in; None for float32, to which all stored kinds widen exactly.
        device: to hold them on.

    Raises:
        CorruptCheckpoint: if a number is not finite.
        KeyMismatch: if the stored head is not the token embedding.
        ResourceError: if there is too little memory.
    """
    dtype = torch.float32 if dtype is None else dtype
    if dtype not in (*WEIGHT_DTYPES, torch.float64):
        raise ConfigError(f"dtype is {dtype}.", "Weights are held in a floating-point type.")
    config = replace(found.config, vocab_size=n_vocab)
    if torch.device(device).type == "cpu":
        check_memory(parameter_count(config) * dtype.itemsize, f"This model ({found.layout})")
    _check_head(found)
    fields = {name: value for name, value in config.to_dict().items() if name != "dropout"}
    digest = hashlib.sha256(json.dumps(fields, sort_keys=True).encode())
    state: dict[str, Tensor] = {}
    for name, shape in parameter_shapes(config).items():
        if name in found.tensors:
            stored = found.tensors[name].read()
            if stored.shape != shape:  # without the rows that are padding
                stored = stored[: shape[0]].clone()
        else:
            stored = torch.zeros(shape)
        if not all_finite(stored):
            raise CorruptCheckpoint(
                f"{name} in {found.folder.path} holds numbers that are not finite.",
                "The file is damaged, or training diverged before it was saved.",
            )
        stored = stored.contiguous()
        digest.update(f"{name} {stored.dtype} {shape}".encode())
        digest.update(raw_bytes(stored))
        state[name] = stored.to(device, dtype)
    with torch.device("meta"):
        model = GPT2(config)
    model.load_state_dict(state, assign=True)
    return model.eval(), digest.hexdigest()


def _check_head(found: Found) -> None:
    head, wte = found.head, found.tensors["wte.weight"]
    if head is None:
        return
    if (head.shape, head.dtype) == (wte.shape, wte.dtype) and torch.equal(head.read(), wte.read()):
        return
    raise KeyMismatch(
        f"lm_head.weight in {found.folder.path} is not the token embedding.",
        "GPT-2's head is tied to it; a model with a head of its own is another architecture.",
    )


def stored_dtype(found: Found) -> torch.dtype:
    """The kind of number that holds all weights exactly: theirs if they agree, or float32."""
    kinds = {tensor.dtype for tensor in found.tensors.values()}
    return kinds.pop() or torch.float32 if len(kinds) == 1 else torch.float32
