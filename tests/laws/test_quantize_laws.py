"""Laws of rounding: how far off it can be, what it keeps, and what a file gives back."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from cutaway.checkpoints import convert, open_checkpoint, save_checkpoint
from cutaway.checkpoints.names import parameter_shapes
from cutaway.models import GPT2, GPT2Config
from cutaway.nn import Quantized, quantize
from cutaway.nn.quantize import GROUP
from lms import small_sizes

BITS = st.sampled_from([8, 4])


@st.composite
def matrices(draw: st.DrawFn) -> Tensor:
    """Of any width and of magnitudes that differ by row and by column."""
    shape = draw(st.integers(1, 5)), draw(st.integers(1, 3 * GROUP))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    weight = torch.randn(shape, generator=generator)
    weight *= 10 ** (draw(st.integers(0, 30)) * torch.rand(shape[0], 1, generator=generator) - 15)
    weight *= 10 ** (draw(st.integers(0, 3)) * torch.rand(1, shape[1], generator=generator))
    return weight * (torch.rand(shape, generator=generator) < draw(st.sampled_from([1.0, 0.3])))


@given(weight=matrices())
def test_8_bits_miss_by_half_a_step_and_keep_what_they_are(weight: Tensor) -> None:
    found = quantize(weight, 8)
    missed = (found.dequantized() - weight).abs()
    assert bool((missed <= 0.5001 * found.scales).all())
    assert int(found.codes.min()) >= -127
    again = quantize(found.dequantized(), 8)
    assert torch.equal(again.codes, found.codes)
    torch.testing.assert_close(again.scales, found.scales, rtol=1e-6, atol=0)


@given(weight=matrices())
def test_4_bits_never_miss_by_more_than_the_plain_scale_would(weight: Tensor) -> None:
    """-m / 8, with m the number of greatest magnitude, is one of the candidates."""
    found = quantize(weight, 4)
    assert -8 <= int(found.codes.min()) <= int(found.codes.max()) <= 7
    assert torch.equal(found.scales.bfloat16().float(), found.scales)
    assert bool((found.scales != 0).all())
    padded = torch.nn.functional.pad(weight, (0, -weight.shape[1] % GROUP))
    for g, group in enumerate(padded.split(GROUP, 1)):
        m = group.gather(1, group.abs().argmax(1, keepdim=True))
        scale = (m / -8).bfloat16().float()
        plain = (group - scale * (group / scale).nan_to_num().round().clamp(-8, 7)) / m
        end = min(GROUP * (g + 1), weight.shape[1])
        rest = (found.dequantized() - weight)[:, GROUP * g : end] / m
        plain_error, error = (x.nan_to_num().square().sum(1) for x in (plain, rest))
        assert bool((error <= plain_error * 1.0001 + 1e-7).all())


@given(weight=matrices(), bits=BITS, power=st.integers(-20, 20))
def test_a_power_of_two_goes_into_the_scales(
    weight: Tensor, bits: Literal[4, 8], power: int
) -> None:
    found, larger = quantize(weight, bits), quantize(weight * 2.0**power, bits)
    assert torch.equal(larger.codes, found.codes)
    nothing = (found.scales == 1) & (larger.scales == 1)
    assert bool((nothing | (larger.scales == found.scales * 2.0**power)).all())


CONFIGS = small_sizes(most_width=25, most_layers=2)


@settings(max_examples=8)
@given(config=CONFIGS, seed=st.integers(0, 2**32), bits=BITS)
def test_a_file_gives_back_codes_scales_and_all_else(
    config: GPT2Config, seed: int, bits: Literal[4, 8]
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
            expected = quantize(as_rows, bits)
            assert (weight.bits, weight.codes.is_contiguous()) == (bits, True)
            assert torch.equal(weight.codes, expected.codes)
            assert torch.equal(weight.scales, expected.scales)
        else:
            assert torch.equal(weight, state[name])
    coded = {name for name, weight in found.items() if isinstance(weight, Quantized)}
    assert coded == {n for n, t in state.items() if t.ndim == 2 and n != "wpe.weight"}
