"""Laws of rounding: how far off it can be, what it keeps, and what a file gives back."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cutaway.checkpoints import convert, open_checkpoint, save_checkpoint
from cutaway.checkpoints.names import parameter_shapes
from cutaway.models import GPT2, GPT2Config
from cutaway.numbers import BFLOAT16, GROUP, Bits, Quantized, quantize, to_array
from lms import small_sizes

BITS = st.sampled_from([8, 4])
Floats = NDArray[np.float32]


@st.composite
def matrices(draw: st.DrawFn) -> Floats:
    """Of any width and of magnitudes that differ by row and by column."""
    shape = draw(st.integers(1, 5)), draw(st.integers(1, 3 * GROUP))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    weight = random.standard_normal(shape)
    weight *= 10 ** (draw(st.integers(0, 30)) * random.random((shape[0], 1)) - 15)
    weight *= 10 ** (draw(st.integers(0, 3)) * random.random((1, shape[1])))
    weight *= random.random(shape) < draw(st.sampled_from([1.0, 0.3]))
    return weight.astype(np.float32)


@given(weight=matrices())
def test_8_bits_miss_by_half_a_step_and_keep_what_they_are(weight: Floats) -> None:
    found = quantize(weight, 8)
    missed = np.abs(found.dequantized() - weight)
    assert (missed <= 0.5001 * found.scales).all()
    assert found.codes.min() >= -127
    again = quantize(found.dequantized(), 8)
    np.testing.assert_array_equal(again.codes, found.codes)
    np.testing.assert_allclose(again.scales, found.scales, rtol=1e-6, atol=0)


@given(weight=matrices())
def test_4_bits_never_miss_by_more_than_the_plain_scale_would(weight: Floats) -> None:
    """-m / 8, with m the number of greatest magnitude, is one of the candidates."""
    found = quantize(weight, 4)
    assert -8 <= found.codes.min() <= found.codes.max() <= 7
    np.testing.assert_array_equal(found.scales.astype(BFLOAT16).astype(np.float32), found.scales)
    assert (found.scales != 0).all()
    for g, start in enumerate(range(0, weight.shape[1], GROUP)):
        group = weight[:, start : start + GROUP].astype(np.float64)
        extreme = np.take_along_axis(group, np.abs(group).argmax(1)[:, None], 1)
        m = np.where(extreme == 0, 1, extreme)  # a group of zeros misses nothing
        scale = (m / -8).astype(BFLOAT16).astype(np.float64)
        plain = (group - scale * np.clip(np.rint(group / scale), -8, 7)) / m
        rest = (found.codes[:, start : start + GROUP] * found.scales[:, g : g + 1] - group) / m
        assert (np.square(rest).sum(1) <= np.square(plain).sum(1) * 1.0001 + 1e-7).all()


@given(weight=matrices(), bits=BITS, power=st.integers(-20, 20))
def test_a_power_of_two_goes_into_the_scales(weight: Floats, bits: Bits, power: int) -> None:
    found, larger = quantize(weight, bits), quantize(np.ldexp(weight, power), bits)
    np.testing.assert_array_equal(larger.codes, found.codes)
    nothing = (found.scales == 1) & (larger.scales == 1)
    assert (nothing | (larger.scales == np.ldexp(found.scales, power))).all()


CONFIGS = small_sizes(most_width=25, most_layers=2)


@settings(max_examples=8)
@given(config=CONFIGS, seed=st.integers(0, 2**32), bits=BITS)
def test_a_file_gives_back_codes_scales_and_all_else(
    config: GPT2Config, seed: int, bits: Bits
) -> None:
    model = GPT2(config, seed=seed)
    state = model.state_dict()
    with TemporaryDirectory() as name:
        place = Path(name)
        save_checkpoint(place / "source", model, None)
        report = convert(place / "source", place / "out", to="hf", dtype=f"int{bits}")  # type: ignore[arg-type]
        assert report.max_difference == 0.0
        found = dict(open_checkpoint(place / "out").weights())
    assert list(found) == list(parameter_shapes(config))
    for name, weight in found.items():
        if isinstance(weight, Quantized):
            as_rows = state[name] if name == "wte.weight" else state[name].T
            expected = quantize(to_array(as_rows), bits)
            assert (weight.bits, weight.codes.flags.c_contiguous) == (bits, True)
            np.testing.assert_array_equal(weight.codes, expected.codes)
            np.testing.assert_array_equal(weight.scales, expected.scales)
        else:
            np.testing.assert_array_equal(weight, state[name].numpy())
    coded = {name for name, weight in found.items() if isinstance(weight, Quantized)}
    assert coded == {n for n, t in state.items() if t.ndim == 2 and n != "wpe.weight"}
