"""Rounding to 8 and 4 bits, against the formulas written out again and against a long search."""

from inspect import unwrap

import numpy as np
import pytest
import torch
from torch import Tensor

from cutaway.errors import ConfigError
from cutaway.nn import Quantized, quantize
from cutaway.nn.quantize import GROUP

BITS = (8, 4)


def heavy_tailed(n_outputs: int, n_inputs: int) -> Tensor:
    return torch.distributions.StudentT(5.0).sample((n_outputs, n_inputs))


def squared_error(weight: Tensor, bits: int) -> float:
    return float((quantize(weight, bits).dequantized() - weight).square().mean())  # type: ignore[arg-type]


def test_8_bits_are_the_formula() -> None:
    weight = heavy_tailed(7, 130)
    found = quantize(weight, 8)
    scale = np.abs(weight.numpy()).max(1, keepdims=True) / np.float32(127)
    np.testing.assert_array_equal(found.scales.numpy(), scale)
    np.testing.assert_array_equal(found.codes.numpy(), np.rint(weight.numpy() / scale))
    assert found.codes.abs().amax(1).tolist() == [127] * 7


def test_4_bits_are_nearly_as_near_as_any_scale_allows() -> None:
    """A search of 400 scales of both signs finds little more, so no candidate is wasted."""
    weight = heavy_tailed(64, 4 * GROUP)
    groups = weight.view(-1, GROUP).double()
    best = torch.full((len(groups),), torch.inf, dtype=torch.float64)
    for divisor in torch.linspace(5, 16, 200):
        for sign in (1, -1):
            scale = sign * groups.abs().amax(1, keepdim=True) / divisor
            codes = (groups / scale).round().clamp(-8, 7)
            best = torch.minimum(best, (groups - codes * scale).square().sum(1))
    error = squared_error(weight, 4) * weight.numel()
    assert error <= 1.01 * float(best.sum())
    plain = groups.abs().amax(1, keepdim=True) / 7
    assert error < 0.75 * float((groups - (groups / plain).round() * plain).square().sum())


def test_the_extreme_of_either_sign_has_the_code_that_only_one_sign_has() -> None:
    weight = torch.zeros(2, GROUP)
    weight[0, 3], weight[1, 5] = 8.0, -8.0
    found = quantize(weight, 4)
    assert found.codes[0, 3] == found.codes[1, 5] == -8
    assert found.scales.tolist() == [[-1.0], [1.0]]


@pytest.mark.parametrize("n_inputs", [1, 63, 64, 65, 200])
def test_groups_are_cut_along_the_inputs_and_the_last_may_be_short(n_inputs: int) -> None:
    weight = heavy_tailed(3, n_inputs)
    found = quantize(weight, 4)
    assert found.scales.shape == (3, -(-n_inputs // GROUP))
    for start in range(0, n_inputs, GROUP):  # a group knows nothing of the others
        alone = quantize(weight[:, start : start + GROUP], 4)
        assert torch.equal(alone.codes, found.codes[:, start : start + GROUP])
        assert torch.equal(alone.scales[:, 0], found.scales[:, start // GROUP])
        part = found.dequantized()[:, start : start + GROUP]
        assert torch.equal(part, alone.codes.float() * alone.scales)


@pytest.mark.parametrize("bits", BITS)
def test_rows_in_pieces_strides_and_kinds_of_number_change_nothing(bits: int) -> None:
    weight = heavy_tailed(300, 700).bfloat16()  # more than is worked on at a time
    found = quantize(weight, bits)  # type: ignore[arg-type]
    assert found.codes.is_contiguous()
    for other in (weight.T.contiguous().T, weight.float(), weight.double()):
        same = quantize(other, bits)  # type: ignore[arg-type]
        assert torch.equal(same.codes, found.codes)
        assert torch.equal(same.scales, found.scales)
    one = quantize(weight[17:18], bits)  # type: ignore[arg-type]
    assert torch.equal(one.dequantized(), found.dequantized()[17:18])


@pytest.mark.parametrize("bits", BITS)
def test_nothing_is_coded_as_nothing(bits: int) -> None:
    weight = torch.zeros(2, 70)
    weight[1] = -1e-40
    found = quantize(weight, bits)  # type: ignore[arg-type]
    assert not found.codes.any()
    assert (found.scales == 1).all()
    assert quantize(torch.zeros(0, 70), bits).dequantized().shape == (0, 70)  # type: ignore[arg-type]


@pytest.mark.parametrize("bits", BITS)
def test_the_largest_numbers_stay_finite(bits: int) -> None:
    largest = torch.finfo(torch.float32).max
    weight = torch.tensor([[largest, -largest, largest / 2], [3e38, 1.0, 0.0]])
    found = quantize(weight, bits).dequantized()  # type: ignore[arg-type]
    torch.testing.assert_close(found, weight, rtol=0.13 if bits == 4 else 0.02, atol=1.0)


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -float("inf"), 1e39])
def test_what_is_not_finite_is_refused(bits: int, wrong: float) -> None:
    weight = torch.ones(3, 70, dtype=torch.float64)
    weight[2, 69] = wrong
    with pytest.raises(ConfigError, match="finite"):
        quantize(weight, bits)  # type: ignore[arg-type]


def test_other_bits_are_refused() -> None:
    with pytest.raises(ConfigError, match="bits is 2"):
        unwrap(quantize)(torch.ones(1, 1), 2)  # without the check of types that tests have


def test_dequantized_is_codes_times_scales() -> None:
    codes = torch.tensor([[1, -8, 7]], dtype=torch.int8)
    assert Quantized(codes, torch.tensor([[0.5]]), 4).dequantized().tolist() == [[0.5, -4.0, 3.5]]
