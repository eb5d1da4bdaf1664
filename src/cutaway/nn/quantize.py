"""Weights in 8 or 4 bits: whole numbers, and a scale for every row or every 64 of a row.

Only weights are rounded here; what multiplies them decides how. Both kinds are symmetric (0 is
coded as 0), so a product of codes needs no correction for a zero point.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float, Int8
from torch import Tensor
from torch.nn import functional as F

from cutaway.errors import ConfigError

__all__ = ["GROUP", "Bits", "Quantized", "quantize"]

Bits = Literal[4, 8]

GROUP = 64
"""Inputs that share a scale at 4 bits."""

_LOW, _HIGH = -8, 7
# The extreme of a group over these are tried as its scale; a fit by least squares follows. On
# normal and on heavy-tailed weights a search of 120 scales is at most 0.4 % better.
_DIVISORS = (7.5, 8.0, 8.5, 9.0)
_NOTHING = 1e-36  # smaller extremes are 0: their scales could not be held exactly
_LARGEST = (2 - 2**-7) * 2.0**124  # a bfloat16; -8 times it is still finite
_CHUNK = 2**16  # numbers worked on at a time, so that all steps stay in a core's cache


@dataclass(frozen=True, slots=True, eq=False)
class Quantized:
    """A matrix whose rows are outputs, as codes and scales: ``codes * scales``.

    Attributes:
        codes: -127 to 127 at 8 bits, -8 to 7 at 4 bits; one code an element.
        scales: float32, finite, not 0. At 8 bits one positive scale a row (G = 1). At 4 bits one
            for each 64 inputs (G = ceil(K / 64), the last group may be short), exact in bfloat16;
            it is negative where the extreme of its group is positive, for only -8 has a code.
        bits: 4 or 8.
    """

    codes: Int8[Tensor, "N K"]
    scales: Float[Tensor, "N G"]
    bits: Bits

    def dequantized(self) -> Float[Tensor, "N K"]:
        """``codes * scales`` in float32, each product rounded once."""
        result = torch.empty(self.codes.shape, dtype=torch.float32, device=self.codes.device)
        n_inputs = self.codes.shape[1]
        for rows in _chunks(self.codes.shape):
            scales = self.scales[rows]
            if self.bits == 4:
                scales = scales.repeat_interleave(GROUP, dim=1)[:, :n_inputs]
            torch.mul(self.codes[rows], scales, out=result[rows])
        return result


def quantize(weight: Float[Tensor, "N K"], bits: Bits) -> Quantized:
    r"""Rounds a matrix whose rows are outputs to codes and scales.

    8 bits, for each row :math:`w`: :math:`s = \max|w| / 127` and :math:`c = round(w / s)`, ties to
    even.

    4 bits, for each 64 inputs of a row, with :math:`m` the number in them of greatest magnitude:
    :math:`c = clamp(round(w / s), -8, 7)`, where :math:`s` is the one with the least
    :math:`\sum (w - s c)^2` of :math:`-m/7.5, -m/8, -m/8.5, -m/9` and of
    :math:`\sum w c / \sum c^2` for the best of them, each rounded to bfloat16 first.

    A row or group whose magnitudes are all below 1e-36 gets codes 0 and scale 1.

    Args:
        weight: in any floating-point type and any strides; it is not changed. A Conv1D weight goes
            in transposed.
        bits: 8 or 4.

    Raises:
        ConfigError: if ``bits`` is another number, or a weight is not finite in float32.

    >>> quantize(torch.tensor([[1.0, -0.5, 0.25]]), 8).codes.tolist()
    [[127, -64, 32]]
    """
    if bits not in get_args(Bits):
        raise ConfigError(f"bits is {bits!r}.", "Weights are quantized to 8 or 4 bits.")
    n_outputs, n_inputs = weight.shape
    n_scales = 1 if bits == 8 else -(-n_inputs // GROUP)
    codes = torch.empty(weight.shape, dtype=torch.int8, device=weight.device)
    scales = torch.empty(n_outputs, n_scales, dtype=torch.float32, device=weight.device)
    round_rows = _round8 if bits == 8 else _round4
    with torch.no_grad():
        for rows in _chunks(weight.shape):
            codes[rows], scales[rows] = round_rows(weight[rows].float().contiguous())
    return Quantized(codes, scales, bits)


def _chunks(shape: torch.Size) -> Iterator[slice]:
    """Slices of rows that together are some ``_CHUNK`` numbers."""
    n_rows = max(1, _CHUNK // max(1, shape[1]))
    return (slice(start, start + n_rows) for start in range(0, shape[0], n_rows))


def _round8(w: Float[Tensor, "n K"]) -> tuple[Float[Tensor, "n K"], Float[Tensor, "n 1"]]:
    extreme = _extreme(w).abs()
    scales = (extreme / 127).clamp(max=_LARGEST / 16)  # 127 times it is finite
    scales.masked_fill_(extreme < _NOTHING, 1.0)
    return (w / scales).round_().clamp_(-127, 127), scales


def _round4(w: Float[Tensor, "n K"]) -> tuple[Float[Tensor, "n K"], Float[Tensor, "n G"]]:
    n_rows, n_inputs = w.shape
    w = F.pad(w, (0, -n_inputs % GROUP)).view(n_rows, -1, GROUP)
    extreme = _extreme(w)
    nothing = extreme.abs() < _NOTHING
    extreme = extreme.masked_fill(nothing, 1.0)
    scales, error = _bfloat16(extreme / -_DIVISORS[0]), torch.full_like(extreme, torch.inf)
    for divisor in _DIVISORS:
        _keep_better(scales, error, _bfloat16(extreme / -divisor), w=w, extreme=extreme)
    codes = _codes4(w / scales)
    fitted = (w * codes).sum(-1, keepdim=True) / codes.square().sum(-1, keepdim=True)
    fitted = torch.where(fitted.isfinite() & (fitted != 0), _bfloat16(fitted), scales)
    _keep_better(scales, error, fitted, w=w, extreme=extreme)
    scales.masked_fill_(nothing, 1.0)
    codes = _codes4(w / scales)
    return codes.view(n_rows, -1)[:, :n_inputs], scales.squeeze(-1)


def _extreme(w: Float[Tensor, "*rows K"]) -> Float[Tensor, "*rows 1"]:
    """The number of greatest magnitude, with its sign."""
    low, high = w.aminmax(dim=-1, keepdim=True)  # NaN if any is
    if not bool((low.isfinite() & high.isfinite()).all()):
        raise ConfigError(
            "A weight is not finite in float32.", "Quantize weights that training left finite."
        )
    return torch.where(high >= -low, high, low)


def _bfloat16(scales: Tensor) -> Tensor:
    return scales.clamp(-_LARGEST, _LARGEST).bfloat16().float()


def _codes4(ratios: Tensor) -> Tensor:
    return ratios.round_().clamp_(_LOW, _HIGH)


def _keep_better(
    scales: Tensor, error: Tensor, candidate: Tensor, *, w: Tensor, extreme: Tensor
) -> None:
    """Puts ``candidate`` into ``scales`` where its squared error, over extreme^2, is smaller."""
    ratios = w / candidate
    missed = ratios.sub_(_codes4(ratios.clone()))
    found = missed.square_().sum(-1, keepdim=True).mul_((candidate / extreme).square_())
    better = found < error
    scales.copy_(torch.where(better, candidate, scales))
    error.copy_(torch.where(better, found, error))
