"""From what was found in the files to a model: one tensor at a time, each looked at once.

The model is built on the meta device, where it takes no memory; each tensor is then read, checked,
hashed, converted and put in its place. There is never more than the weights and two tensors.
"""

import hashlib
import json
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

from cutaway.checkpoints.found import Found
from cutaway.checkpoints.memory import check_memory
from cutaway.checkpoints.names import parameter_count, parameter_shapes
from cutaway.checkpoints.quantized_file import widened
from cutaway.checkpoints.raw import all_finite, raw_bytes
from cutaway.checkpoints.stored import WEIGHT_DTYPES
from cutaway.errors import ConfigError, CorruptCheckpoint, KeyMismatch
from cutaway.models import GPT2, GPT2Config
from cutaway.numbers import Quantized, to_tensor

__all__ = ["Weight", "build", "stored_dtype", "walk"]

Weight = Tensor | Quantized


def walk(found: Found, config: GPT2Config) -> Generator[tuple[str, Weight], None, str]:
    """Every weight as stored, under our names and in our order, checked; then the fingerprint.

    The fingerprint is the SHA-256 of the sizes and of the SHA-256 of every tensor as stored, under
    our names and with our axes: the same weights have the same one in every layout. Of a quantized
    weight it is that of the codes and the scales, so that nothing need be widened to know it.

    Args:
        found: the checkpoint.
        config: its size; ``vocab_size`` may be smaller, the rows behind are padding.

    Yields:
        A name, and a tensor with our axes or codes; it must not be changed, for it is hashed while
        the next is read.

    Raises:
        CorruptCheckpoint: if a number is not finite, or a code or scale is none.
        KeyMismatch: if the stored head is not the token embedding.
    """
    _check_head(found)
    digests: list[Future[str]] = []
    with ThreadPoolExecutor(1) as pool:
        for name, shape in parameter_shapes(config).items():
            weight = _read(found, name, shape)
            if digests:
                digests[-1].result()
            digests.append(pool.submit(_digest, name, weight))
            yield name, weight
    fields = {name: value for name, value in config.to_dict().items() if name != "dropout"}
    lines = [json.dumps(fields, sort_keys=True), *(digest.result() for digest in digests)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def build(
    weights: Iterator[tuple[str, Weight]],
    config: GPT2Config,
    what: str,
    *,
    dtype: torch.dtype | None,
    device: torch.device | str,
) -> GPT2:
    """The model of these weights.

    Args:
        weights: of :func:`walk`; nothing is read before memory is known to suffice.
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
    if dtype not in (*WEIGHT_DTYPES, torch.float64):
        raise ConfigError(f"dtype is {dtype}.", "Weights are held in a floating-point type.")
    _check_device(device)
    if torch.device(device).type == "cpu":
        check_memory(parameter_count(config) * dtype.itemsize, what)
    state = {name: _as_asked(name, weight, dtype).to(device) for name, weight in weights}
    with torch.device("meta"):
        model = GPT2(config)
    model.load_state_dict(state, assign=True)
    return model.eval()


def _check_device(device: torch.device | str) -> None:
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = (str(error).splitlines() or [""])[0][:160]
        raise ConfigError(f"device is {str(device)!r}: {reason}", "cpu always works.") from error


def _read(found: Found, name: str, shape: tuple[int, ...]) -> Weight:
    """A weight as stored, dense, without padding."""
    if name not in found.tensors:
        return torch.zeros(shape, dtype=stored_dtype(found))
    stored = found.tensors[name]
    if stored.read_codes is not None:
        codes = stored.read_codes()
        if stored.shape == shape:
            return codes
        rows = slice(shape[0])
        return Quantized(codes.codes[rows].copy(), codes.scales[rows].copy(), codes.bits)
    tensor = stored.read()
    if tensor.shape != shape:
        tensor = tensor[: shape[0]].clone()
    if not all_finite(tensor):
        raise CorruptCheckpoint(
            f"{name} in {found.folder.path} holds numbers that are not finite.",
            "The file is damaged, or training diverged before it was saved.",
        )
    return tensor.contiguous()


def _as_asked(name: str, weight: Weight, dtype: torch.dtype) -> Tensor:
    """The weight in the kind of number asked for, if its numbers fit there."""
    stored = widened(name, weight).contiguous() if isinstance(weight, Quantized) else weight
    result = stored.to(dtype)
    if torch.finfo(dtype).max < torch.finfo(stored.dtype).max and not all_finite(result):
        raise ConfigError(
            f"{name} holds numbers that are too large for {str(dtype).removeprefix('torch.')}.",
            "Load it as bfloat16 or float32.",
        )
    return result


def _digest(name: str, weight: Weight) -> str:
    if isinstance(weight, Quantized):
        parts = hashlib.sha256(raw_bytes(to_tensor(weight.codes)))
        parts.update(raw_bytes(to_tensor(weight.scales)))
        return f"{name} int{weight.bits} {parts.hexdigest()}"
    return f"{name} {weight.dtype} {hashlib.sha256(raw_bytes(weight)).hexdigest()}"


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
