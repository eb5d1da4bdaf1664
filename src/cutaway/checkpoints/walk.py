"""From what was found in the files to arrays: one tensor at a time, each looked at once.

A tensor is read, checked and hashed; many a one is a view of its file. There are never more than
three at a time, unless somebody keeps them.
"""

import hashlib
import json
from collections.abc import Generator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import numpy as np

from cutaway.checkpoints.found import Found
from cutaway.checkpoints.names import parameter_shapes
from cutaway.checkpoints.raw import all_finite, raw_bytes
from cutaway.errors import CorruptCheckpoint, KeyMismatch
from cutaway.models import DecoderConfig
from cutaway.numbers import FLOAT32, Array, Kind, Quantized

__all__ = ["Weight", "stored_kind", "walk"]

Weight = Array | Quantized

_HASHED = 2  # tensors at a time, while the next is read


def walk(found: Found, config: DecoderConfig) -> Generator[tuple[str, Weight], None, str]:
    """Every weight as stored, under our names and in our order, checked; then the fingerprint.

    The fingerprint is the SHA-256 of the sizes and of the SHA-256 of every tensor as stored, under
    our names and with our axes: the same weights have the same one in every layout. Of a quantized
    weight it is that of the codes and the scales, so that nothing need be widened to know it.

    Args:
        found: the checkpoint.
        config: its size; ``vocab_size`` may be smaller, the rows behind are padding.

    Yields:
        A name, and an array with our axes or codes; it must not be changed, for it is hashed while
        the next ones are read.

    Raises:
        CorruptCheckpoint: if a number is not finite, or a code or scale is none.
        KeyMismatch: if the stored head is not the token embedding.
    """
    _check_head(found)
    digests: list[Future[str]] = []
    with ThreadPoolExecutor(_HASHED) as pool:
        for name, shape in parameter_shapes(config).items():
            weight = _read(found, name, shape)
            pending = [digest for digest in digests if not digest.done()]
            if len(pending) >= _HASHED:
                wait(pending, return_when=FIRST_COMPLETED)
            digests.append(pool.submit(_digest, name, weight))
            yield name, weight
    fields = {name: value for name, value in config.to_dict().items() if name != "dropout"}
    lines = [json.dumps(fields, sort_keys=True), *(digest.result() for digest in digests)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _read(found: Found, name: str, shape: tuple[int, ...]) -> Weight:
    """A weight as stored, dense, without padding."""
    if name not in found.tensors:
        return np.zeros(shape, stored_kind(found))
    stored = found.tensors[name]
    is_padded = stored.shape != shape  # by rows, of which codes have as many as we
    if stored.read_codes is not None:
        codes = stored.read_codes()
        if not is_padded:
            return codes
        return Quantized(codes.codes[: shape[0]], codes.scales[: shape[0]], codes.bits)
    array = stored.read()
    array = np.ascontiguousarray(array[: shape[0]] if is_padded else array)
    if not all_finite(array):
        raise CorruptCheckpoint(
            f"{name} in {found.folder.path} holds numbers that are not finite.",
            "The file is damaged, or training diverged before it was saved.",
        )
    return array


def _digest(name: str, weight: Weight) -> str:
    if isinstance(weight, Quantized):
        parts = hashlib.sha256(raw_bytes(weight.codes))
        parts.update(raw_bytes(weight.scales))
        return f"{name} int{weight.bits} {parts.hexdigest()}"
    # The kind as torch writes it: fingerprints are kept by reports and caches, and must not change.
    return f"{name} torch.{weight.dtype.name} {hashlib.sha256(raw_bytes(weight)).hexdigest()}"


def _check_head(found: Found) -> None:
    head, wte = found.head, found.tensors["wte.weight"]
    if head is None:
        return
    if (head.shape, head.dtype) == (wte.shape, wte.dtype):
        if head.place is not None and head.place == wte.place:
            return
        with np.errstate(all="ignore"):  # a NaN may signal; it is no number
            if np.array_equal(head.read(), wte.read()):
                return
    raise KeyMismatch(
        f"lm_head.weight in {found.folder.path} is not the token embedding.",
        "GPT-2's head is tied to it; a model with a head of its own is another architecture.",
    )


def stored_kind(found: Found) -> Kind:
    """The kind of number that holds all weights exactly: theirs if they agree, or float32."""
    kinds = {tensor.dtype for tensor in found.tensors.values()}
    return kinds.pop() or FLOAT32 if len(kinds) == 1 else FLOAT32
