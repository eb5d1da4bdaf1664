"""From what was found in the files to a model: one tensor at a time, each looked at once.

The model is built on the meta device, where it takes no memory; each tensor is then read, checked,
hashed, converted and put in its place. There is never more than the weights and two tensors.
"""

import hashlib
import json
from concurrent.futures import Future, ThreadPoolExecutor
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

    The fingerprint is the SHA-256 of the sizes and of the SHA-256 of every tensor as stored, under
    our names and with our axes: the same weights have the same one in every layout.

    Args:
        found: the checkpoint.
        n_vocab: rows of the token embedding to keep; the others are padding.
        dtype: to hold the weights in; None for float32, to which all stored kinds widen exactly.
        device: to hold them on.

    Raises:
        CorruptCheckpoint: if a number is not finite.
        ConfigError: if a number is too large for ``dtype``, or ``device`` is none.
        KeyMismatch: if the stored head is not the token embedding.
        ResourceError: if there is too little memory.
    """
    dtype = torch.float32 if dtype is None else dtype
    if dtype not in (*WEIGHT_DTYPES, torch.float64):
        raise ConfigError(f"dtype is {dtype}.", "Weights are held in a floating-point type.")
    _check_device(device)
    config = replace(found.config, vocab_size=n_vocab)
    if torch.device(device).type == "cpu":
        check_memory(parameter_count(config) * dtype.itemsize, f"This model ({found.layout})")
    _check_head(found)
    state: dict[str, Tensor] = {}
    digests: list[Future[str]] = []
    with ThreadPoolExecutor(1) as pool:  # hashes one tensor while the next is read
        for name, shape in parameter_shapes(config).items():
            stored = _read(found, name, shape)
            if digests:
                digests[-1].result()
            digests.append(pool.submit(_digest, name, stored))
            state[name] = _as_asked(name, stored, dtype).to(device)
    with torch.device("meta"):
        model = GPT2(config)
    model.load_state_dict(state, assign=True)
    fields = {name: value for name, value in config.to_dict().items() if name != "dropout"}
    lines = [json.dumps(fields, sort_keys=True), *(digest.result() for digest in digests)]
    return model.eval(), hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _check_device(device: torch.device | str) -> None:
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = (str(error).splitlines() or [""])[0][:160]
        raise ConfigError(f"device is {str(device)!r}: {reason}", "cpu always works.") from error


def _read(found: Found, name: str, shape: tuple[int, ...]) -> Tensor:
    """A tensor as stored, dense, without padding."""
    if name not in found.tensors:
        return torch.zeros(shape, dtype=stored_dtype(found))
    stored = found.tensors[name].read()
    if stored.shape != shape:
        stored = stored[: shape[0]].clone()
    if not all_finite(stored):
        raise CorruptCheckpoint(
            f"{name} in {found.folder.path} holds numbers that are not finite.",
            "The file is damaged, or training diverged before it was saved.",
        )
    return stored.contiguous()


def _as_asked(name: str, stored: Tensor, dtype: torch.dtype) -> Tensor:
    """The tensor in the kind of number asked for, if its numbers fit there."""
    result = stored.to(dtype)
    if torch.finfo(dtype).max < torch.finfo(stored.dtype).max and not all_finite(result):
        raise ConfigError(
            f"{name} holds numbers that are too large for {str(dtype).removeprefix('torch.')}.",
            "Load it as bfloat16 or float32.",
        )
    return result


def _digest(name: str, stored: Tensor) -> str:
    return f"{name} {stored.dtype} {hashlib.sha256(raw_bytes(stored)).hexdigest()}"


def _check_head(found: Found) -> None:
    head, wte = found.head, found.tensors["wte.weight"]
    if head is None:
        return
    if (head.shape, head.dtype) == (wte.shape, wte.dtype):
        if head.place is not None and head.place == wte.place:
            return
        if torch.equal(head.read(), wte.read()):
            return
    raise KeyMismatch(
        f"lm_head.weight in {found.folder.path} is not the token embedding.",
        "GPT-2's head is tied to it; a model with a head of its own is another architecture.",
    )


def stored_dtype(found: Found) -> torch.dtype:
    """The kind of number that holds all weights exactly: theirs if they agree, or float32."""
    kinds = {tensor.dtype for tensor in found.tensors.values()}
    return kinds.pop() or torch.float32 if len(kinds) == 1 else torch.float32
