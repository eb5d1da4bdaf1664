"""Rounding to 8 and 4 bits, against the formulas written out again and against a long search."""

from inspect import unwrap
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

from cutaway.errors import ConfigError
from cutaway.numbers import Bits, Quantized, quantize
from cutaway.numbers.quantize import GROUP

BITS: tuple[Bits, ...] = (8, 4)
Floats = NDArray[np.float32]


def heavy_tailed(n_outputs: int, n_inputs: int) -> Floats:
    random = np.random.default_rng(n_outputs * n_inputs)
    return random.standard_t(5.0, (n_outputs, n_inputs)).astype(np.float32)


def squared_error(weight: Floats, bits: Bits) -> float:
    return float(np.square(quantize(weight, bits).dequantized() - weight).mean())


def test_8_bits_are_the_formula() -> None:
    weight = heavy_tailed(7, 130)
    found = quantize(weight, 8)
    scale = np.abs(weight).max(1, keepdims=True) / np.float32(127)
    np.testing.assert_array_equal(found.scales, scale)
    np.testing.assert_array_equal(found.codes, np.rint(weight / scale))
    assert np.abs(found.codes).max(1).tolist() == [127] * 7


def test_4_bits_are_nearly_as_near_as_any_scale_allows() -> None:
    """A search of 400 scales of both signs finds little more, so no candidate is wasted."""
    weight = heavy_tailed(64, 4 * GROUP)
    groups = weight.reshape(-1, GROUP).astype(np.float64)
    best = np.full(len(groups), np.inf)
    for divisor in np.linspace(5, 16, 200):
        for sign in (1, -1):
            scale = sign * np.abs(groups).max(1, keepdims=True) / divisor
            codes = np.clip(np.rint(groups / scale), -8, 7)
            best = np.minimum(best, np.square(groups - codes * scale).sum(1))
    error = squared_error(weight, 4) * weight.size
    assert error <= 1.01 * float(best.sum())
    plain = np.abs(groups).max(1, keepdims=True) / 7
    assert error < 0.75 * float(np.square(groups - np.rint(groups / plain) * plain).sum())


def test_the_extreme_of_either_sign_has_the_code_that_only_one_sign_has() -> None:
    weight = np.zeros((2, GROUP), np.float32)
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
        np.testing.assert_array_equal(alone.codes, found.codes[:, start : start + GROUP])
        np.testing.assert_array_equal(alone.scales[:, 0], found.scales[:, start // GROUP])
        part = found.dequantized()[:, start : start + GROUP]
        np.testing.assert_array_equal(part, alone.codes.astype(np.float32) * alone.scales)


@pytest.mark.parametrize("bits", BITS)
def test_rows_in_pieces_strides_and_kinds_of_number_change_nothing(bits: Bits) -> None:
    weight = heavy_tailed(300, 700).astype(ml_dtypes.bfloat16)  # more than is worked on at a time
    found = quantize(weight, bits)
    assert found.codes.flags.c_contiguous
    others: list[NDArray[Any]] = [
        np.asfortranarray(weight),
        weight.astype(np.float32),
        weight.astype(np.float64),
    ]
    for other in others:
        same = quantize(other, bits)
        np.testing.assert_array_equal(same.codes, found.codes)
        np.testing.assert_array_equal(same.scales, found.scales)
    one = quantize(weight[17:18], bits)
    np.testing.assert_array_equal(one.dequantized(), found.dequantized()[17:18])


@pytest.mark.parametrize("bits", BITS)
def test_a_weight_that_must_not_change_does_not(bits: Bits) -> None:
    weight = heavy_tailed(300, 704)
    kept = weight.copy()
    weight.flags.writeable = False
    quantize(weight, bits)
    np.testing.assert_array_equal(weight, kept)


@pytest.mark.parametrize("bits", BITS)
def test_nothing_is_coded_as_nothing(bits: Bits) -> None:
    weight = np.zeros((2, 70), np.float32)
    weight[1] = -1e-40
    found = quantize(weight, bits)
    assert not found.codes.any()
    assert (found.scales == 1).all()
    assert quantize(np.zeros((0, 70), np.float32), bits).dequantized().shape == (0, 70)


@pytest.mark.parametrize("bits", BITS)
def test_the_largest_numbers_stay_finite(bits: Bits) -> None:
    largest = np.finfo(np.float32).max
    weight = np.array([[largest, -largest, largest / 2], [3e38, 1.0, 0.0]], np.float32)
    found = quantize(weight, bits).dequantized()
    np.testing.assert_allclose(found, weight, rtol=0.13 if bits == 4 else 0.02, atol=1.0)


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -float("inf"), 1e39])
@pytest.mark.parametrize("n_rows", [3, 3000])
def test_what_is_not_finite_is_refused(bits: Bits, wrong: float, n_rows: int) -> None:
    weight = np.ones((n_rows, 70))
    weight[-1, 69] = wrong
    with pytest.raises(ConfigError, match="finite"):
        quantize(weight, bits)


def test_other_bits_are_refused() -> None:
    with pytest.raises(ConfigError, match="bits is 2"):
        unwrap(quantize)(np.ones((1, 1)), 2)  # type: ignore[arg-type]


def test_dequantized_is_codes_times_scales() -> None:
    codes = np.array([[1, -8, 7]], np.int8)
    scales = np.array([[0.5]], np.float32)
    assert Quantized(codes, scales, 4).dequantized().tolist() == [[0.5, -4.0, 3.5]]
