"""CUT1 frames: a slice of a tensor as bytes that a browser reads in place.

``CUT1``, the length of a JSON header as little-endian u32, the header padded with blanks so that
the payload starts at a multiple of 8, the payload. Frames after the first begin at a multiple of 8
too. Codes of pixels: ``sqrt``: c = round(255 sqrt p); ``signed``: c = 128 + 127 v / scale, with a
scale for each row. Where there may be no number, it has a code of its own: ``sqrt_odd``: 0 is NaN,
else c = 1 + round(254 sqrt p); ``signed_odd``: 0 is NaN, 1 and 255 are the infinities, else
c = 128 + 125 v / scale, with one scale; what is larger takes the last code, 3 or 253. Numbers to be
printed travel as ``f4``.
"""

import json
import math
import struct
from collections.abc import Iterable
from typing import Any, Literal, cast

import numpy as np
import torch
from torch import Tensor

from cutaway.errors import ConfigError

__all__ = ["Dtype", "Layout", "encode_frame", "join_frames"]

Dtype = Literal["f4", "f2", "u1"]
Layout = Literal["dense", "tri"]
_MAGIC = b"CUT1"


def encode_frame(
    name: str,
    values: Tensor,
    *,
    model: str,
    run: str | None = None,
    dtype: Dtype = "f4",
    layout: Layout = "dense",
    is_probability: bool = False,
    odd_scale: float | None = None,
    **more: Any,
) -> bytes:
    """One frame.

    Args:
        name: of what it holds.
        values: of any shape; a lower triangle is taken of the last two axes for ``tri``.
        model: fingerprint of the weights.
        run: that the values belong to.
        dtype: ``f4`` exact, ``f2`` rounded, ``u1`` codes for pixels.
        layout: ``tri`` leaves out what lies above the diagonal.
        is_probability: ``u1`` codes are those of a square root; else they are signed.
        odd_scale: ``u1`` codes tell NaN and infinities from numbers; the scale of signed ones.
        **more: fields that the header gets besides.

    Raises:
        ConfigError: if ``tri`` is asked for values that are no square.
    """
    values = values.detach().float().cpu()
    shape = list(values.shape)
    code, scale = "linear", None
    if layout == "tri" and odd_scale is not None:
        values = _triangle(name, values)
    if dtype == "u1" and odd_scale is not None:
        code, scale = ("sqrt_odd", None) if is_probability else ("signed_odd", odd_scale)
        data = _odd_sqrt(values) if is_probability else _odd_signed(values, odd_scale)
    elif dtype == "u1" and is_probability:
        code, data = "sqrt", (values.clamp(0, 1).sqrt() * 255).round().to(torch.uint8)
    elif dtype == "u1":
        code, (data, scale) = "signed", _signed(values)
    else:
        data = values if dtype == "f4" else values.half()
    if layout == "tri" and odd_scale is None:
        data = _triangle(name, data)
    header = {
        "name": name,
        "shape": shape,
        "dtype": dtype,
        "layout": layout,
        "code": code,
        "scale": scale,
        "run": run,
        "model": model,
        **{field: _finite(value) for field, value in more.items()},
    }
    text = json.dumps(header, allow_nan=False, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % 8)
    return _MAGIC + struct.pack("<I", len(text)) + text + data.contiguous().numpy().tobytes()


def join_frames(frames: Iterable[bytes]) -> bytes:
    """Several frames in one answer."""
    return b"".join(frame + bytes(-len(frame) % 8) for frame in frames)


def _finite(value: Any) -> Any:
    """The value, null in place of numbers that JSON does not have."""
    if isinstance(value, list):
        return [_finite(one) for one in cast("list[Any]", value)]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _signed(values: Tensor) -> tuple[Tensor, list[float]]:
    rows = values.reshape(-1, values.shape[-1]) if values.ndim else values.reshape(1, 1)
    finite = torch.nan_to_num(rows, nan=0.0, posinf=0.0, neginf=0.0)
    scale = finite.abs().amax(-1) if finite.shape[-1] else finite.sum(-1)
    safe = torch.where(scale > 0, scale, 1.0)
    codes = (128 + 127 * finite / safe[:, None]).round().to(torch.uint8)
    return codes.reshape(values.shape), scale.tolist()


def _odd_sqrt(values: Tensor) -> Tensor:
    codes = (values.clamp(0, 1).sqrt_().mul_(254) + 1).round_()
    return codes.nan_to_num_(0.0).to(torch.uint8)


def _odd_signed(values: Tensor, scale: float) -> Tensor:
    codes = (values * (125 / scale if scale else 0.0)).add_(128).round_()
    codes = codes.clamp_(3, 253).nan_to_num_(0.0).to(torch.uint8)
    if not math.isfinite(float(values.sum())):  # all of them are, if it is
        codes[values.isnan()] = 0
        codes[values.isneginf()] = 1
        codes[values.isposinf()] = 255
    return codes


def _triangle(name: str, data: Tensor) -> Tensor:
    if data.ndim < 2 or data.shape[-1] != data.shape[-2]:
        raise ConfigError(
            f"{name} has the shape {tuple(data.shape)}.", "A triangle is taken of a square."
        )
    seen = np.tri(data.shape[-1], dtype=np.bool_)
    return torch.from_numpy(data.numpy()[..., seen])
