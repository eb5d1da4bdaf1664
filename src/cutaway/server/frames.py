"""CUT1 frames: a slice of a tensor as bytes that a browser reads in place.

``CUT1``, the length of a JSON header as little-endian u32, the header padded with blanks so that
the payload starts at a multiple of 8, the payload. Frames after the first begin at a multiple of 8
too. Codes of pixels: ``sqrt``: c = round(255 sqrt p); ``signed``: c = 128 + 127 v / scale, with a
scale for each row. Numbers to be printed travel as ``f4``.
"""

import json
import struct
from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import Tensor

from cutaway.errors import ConfigError

__all__ = ["Dtype", "encode_frame", "join_frames"]

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
        **more: fields that the header gets besides.

    Raises:
        ConfigError: if ``tri`` is asked for values that are no square.
    """
    values = values.detach().float().cpu()
    code, scale = "linear", None
    if dtype == "u1" and is_probability:
        code, data = "sqrt", (values.clamp(0, 1).sqrt() * 255).round().to(torch.uint8)
    elif dtype == "u1":
        code, (data, scale) = "signed", _signed(values)
    else:
        data = values if dtype == "f4" else values.half()
    shape = list(values.shape)
    if layout == "tri":
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
        **more,
    }
    text = json.dumps(header, allow_nan=False, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % 8)
    return _MAGIC + struct.pack("<I", len(text)) + text + data.contiguous().numpy().tobytes()


def join_frames(frames: Iterable[bytes]) -> bytes:
    """Several frames in one answer."""
    return b"".join(frame + bytes(-len(frame) % 8) for frame in frames)


def _signed(values: Tensor) -> tuple[Tensor, list[float]]:
    rows = values.reshape(-1, values.shape[-1]) if values.ndim else values.reshape(1, 1)
    finite = torch.nan_to_num(rows, nan=0.0, posinf=0.0, neginf=0.0)
    scale = finite.abs().amax(-1) if finite.shape[-1] else finite.sum(-1)
    safe = torch.where(scale > 0, scale, 1.0)
    codes = (128 + 127 * finite / safe[:, None]).round().to(torch.uint8)
    return codes.reshape(values.shape), scale.tolist()


def _triangle(name: str, data: Tensor) -> Tensor:
    if data.ndim < 2 or data.shape[-1] != data.shape[-2]:
        raise ConfigError(
            f"{name} has the shape {tuple(data.shape)}.", "A triangle is taken of a square."
        )
    rows, cols = torch.tril_indices(data.shape[-1], data.shape[-1])
    return data[..., rows, cols]
