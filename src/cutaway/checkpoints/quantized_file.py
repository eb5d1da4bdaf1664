"""Quantized checkpoints: the Hugging Face layout with codes and scales in the place of matrices.

``config.json`` says so under ``quantization_config``. Of the token embedding and of the four
matrices of each block, ``NAME.weight`` holds the codes, a row for each output (so those of Conv1D
are transposed), and ``NAME.weight.scale`` the scales:

======  ====================================================  ===============================
bits    codes                                                 scales
======  ====================================================  ===============================
8       I8 ``(N, K)``, -127 to 127                            F32 ``(N, 1)``, positive
4       U8 ``(N, ceil(K / 2))``: code + 8 in half a byte,     BF16 ``(N, ceil(K / 64))``,
        even inputs in the low half; a half left over is 8    not 0
======  ====================================================  ===============================

What they mean is said in :mod:`cutaway.numbers.quantize`; all else is stored as without them.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from cutaway.checkpoints.names import QUANTIZED, code_form, code_rows, parameter_shapes
from cutaway.checkpoints.raw import all_finite, narrowed
from cutaway.checkpoints.stored import Stored, accounted, missing, said
from cutaway.errors import CorruptCheckpoint, KeyMismatch
from cutaway.models import GPT2Config
from cutaway.numbers import (
    BFLOAT16,
    FLOAT32,
    GROUP,
    INT8,
    UINT8,
    Array,
    Bits,
    Kind,
    Quantized,
    quantize,
    to_array,
)

if TYPE_CHECKING:
    from cutaway.models import GPT2

__all__ = [
    "accounted_codes",
    "quantization_to_json",
    "quantized",
    "read_bits",
    "to_be_stored",
    "widened",
]

_SCALE = ".scale"
_CODES: dict[Bits, Kind] = {8: INT8, 4: UINT8}
_SCALES: dict[Bits, Kind] = {8: FLOAT32, 4: BFLOAT16}
_UNPACKED = 1 << 16  # codes taken apart at a time, so that the steps stay in a cache
_LEAST: dict[Bits, int] = {8: -127, 4: -8}


def quantization_to_json(bits: Bits) -> dict[str, Any]:
    """What ``config.json`` says under ``quantization_config``; a group of -1 is a whole row."""
    group_size = -1 if bits == 8 else GROUP
    return {
        "quant_method": "cutaway",
        "bits": bits,
        "group_size": group_size,
        "symmetric": True,
    }


def read_bits(fields: Mapping[str, Any], where: Path) -> Bits | None:
    """How many bits a ``config.json`` says that codes have; None if weights are not quantized.

    Raises:
        KeyMismatch: if they are, in another way.
    """
    stated = fields.get("quantization_config")
    if stated is None:
        return None
    for bits in get_args(Bits):
        if stated == quantization_to_json(bits):
            return bits
    method = cast(dict[str, Any], stated).get("quant_method") if isinstance(stated, dict) else None
    if method == "cutaway":
        raise KeyMismatch(
            f"{where} has quantization_config = {str(stated)[:160]}.",
            "Cutaway writes 8 bits with group_size -1, and 4 bits with group_size 64.",
        )
    raise KeyMismatch(
        f"{where} has a quantization_config of {str(method)[:40]!r}, which is not read here.",
        "Take the checkpoint from before, and 'cutaway convert --dtype int8' or int4.",
    )


def accounted_codes(
    config: GPT2Config, tensors: Mapping[str, Stored], where: str, *, bits: Bits
) -> dict[str, Stored]:
    """As :func:`accounted`, for a checkpoint with codes: their scales are accounted for too.

    Raises:
        MissingWeights: if a tensor is absent.
        KeyMismatch: if one is unknown or has another shape or kind.
    """
    shapes, rest = parameter_shapes(config), dict(tensors)
    rows = list(code_rows(config.n_layer))
    absent = [row.theirs + _SCALE for row in rows if row.theirs + _SCALE not in rest]
    if absent:
        raise missing(absent, where)
    for row in rows:
        scales = rest.pop(row.theirs + _SCALE)
        if row.theirs in rest:
            n_outputs, n_inputs = row.form.shape(shapes[row.ours])
            rest[row.theirs] = _joined(
                row.theirs, rest[row.theirs], scales, (n_outputs, n_inputs), bits, where
            )
    return accounted(QUANTIZED, config, rest, where)


def _joined(
    name: str, codes: Stored, scales: Stored, shape: tuple[int, int], bits: Bits, where: str
) -> Stored:
    """A weight from its two tensors, if they are of the shape and kind that it should have."""
    n_outputs, n_inputs = shape
    packed = (n_outputs, n_inputs if bits == 8 else -(-n_inputs // 2))
    grouped = (n_outputs, 1 if bits == 8 else -(-n_inputs // GROUP))
    _check(name, codes, packed, _CODES[bits], where)
    _check(name + _SCALE, scales, grouped, _SCALES[bits], where)
    read = partial(_read, name, codes, scales, n_inputs, bits, where)
    return Stored(shape, FLOAT32, lambda: read().dequantized(), codes.place, read)


def _check(name: str, tensor: Stored, shape: tuple[int, int], dtype: Kind, where: str) -> None:
    if tensor.shape != shape:
        raise KeyMismatch(
            f"{name} in {where} has shape {tensor.shape}, the configuration wants {shape}.",
            "The tensors belong to a model of another size, or to another number of bits.",
        )
    if tensor.dtype != dtype:
        raise KeyMismatch(
            f"{name} in {where} is stored as {said(tensor.dtype)}, not as {dtype.name}.",
            "The tensors belong to another number of bits, or to another program.",
        )


def _read(
    name: str, codes: Stored, scales: Stored, n_inputs: int, bits: Bits, where: str
) -> Quantized:
    raw = codes.read()
    result = Quantized(
        raw if bits == 8 else _unpacked(raw, n_inputs, f"{name} in {where}"),
        scales.read().astype(np.float32, copy=False),
        bits,
    )
    least = int(result.codes.min())
    if least < _LEAST[bits]:
        raise CorruptCheckpoint(
            f"{name} in {where} holds the code {least}; the least is -127.",
            "The file is damaged, or was written by another program.",
        )
    if not _are_scales(result.scales, bits):
        raise CorruptCheckpoint(
            f"{name}{_SCALE} in {where} holds scales that are not finite, or 0, or below.",
            "The file is damaged, or was written by another program.",
        )
    return result


def _are_scales(scales: NDArray[np.float32], bits: Bits) -> bool:
    """Whether these are finite, also times the largest code, and not 0; at 8 bits positive."""
    with np.errstate(all="ignore"):
        finite = all_finite(scales * np.float32(_LEAST[bits]))
    return finite and bool(((np.abs(scales) if bits == 4 else scales) > 0).all())


def _packed(codes: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Two codes a byte, each plus 8, the even input in the low half."""
    raw = np.pad(codes, ((0, 0), (0, codes.shape[1] % 2))).view(np.uint8) + np.uint8(8)
    return raw[:, ::2] | (raw[:, 1::2] << np.uint8(4))


def _unpacked(raw: NDArray[np.uint8], n_inputs: int, what: str) -> NDArray[np.int8]:
    """The codes ``(N, K)`` in bytes ``(N, ceil(K / 2))``."""
    wide = np.empty(raw.size, np.dtype("<u2"))  # a code in each half
    for start in range(0, raw.size, _UNPACKED):
        some = raw.reshape(-1)[start : start + _UNPACKED].astype(wide.dtype)
        some |= some << 4
        some &= 0x0F0F
        wide[start : start + _UNPACKED] = some
        wide[start : start + _UNPACKED].view(np.int8)[:] -= 8
    codes = wide.view(np.int8).reshape(len(raw), -1)
    if n_inputs % 2 == 0:
        return codes
    if codes[:, n_inputs:].any():
        raise CorruptCheckpoint(
            f"{what} holds codes behind the end of its rows.", "The file is damaged."
        )
    return np.ascontiguousarray(codes[:, :n_inputs])


def quantized(model: "GPT2", bits: Bits) -> dict[str, Quantized]:
    """The matrices of a model that are stored as codes, rounded, under our names."""
    state = model.state_dict()
    names = [row.ours for row in code_rows(model.config.n_layer)]
    return {
        name: quantize(code_form(name).to_theirs(to_array(state[name])), bits) for name in names
    }


def widened(name: str, weight: Quantized) -> Array:
    """The weight that codes stand for, in float32 and with our axes."""
    return code_form(name).to_ours(weight.dequantized())


def to_be_stored(name: str, weight: Quantized) -> dict[str, Stored]:
    """The two tensors of a quantized weight, in the kinds of number to write them as."""
    codes = weight.codes if weight.bits == 8 else _packed(weight.codes)
    scales, scale_kind = weight.scales, _SCALES[weight.bits]
    return {
        name: Stored(codes.shape, codes.dtype, lambda: codes),
        name + _SCALE: Stored(
            scales.shape, scale_kind, lambda: narrowed(name + _SCALE, scales, scale_kind)
        ),
    }
