"""Quantized checkpoints: the bytes of the format, the way back, and every way to be wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from cutaway.checkpoints import (
    convert,
    load_checkpoint,
    load_config,
    open_checkpoint,
    save_checkpoint,
)
from cutaway.checkpoints.quantized_file import quantized, to_be_stored, widened
from cutaway.errors import ConfigError, CorruptCheckpoint, KeyMismatch, MissingWeights
from cutaway.models import GPT2, GPT2Config
from cutaway.numbers import BFLOAT16, FLOAT32, INT8, UINT8, Quantized, to_tensor
from cutaway.tokenizers import Tokenizer

Bits = Literal[4, 8]
BITS: tuple[Bits, ...] = (8, 4)
Place = Callable[[Bits], Path]
FC = "h.1.mlp.c_fc.weight"


@pytest.fixture
def source(tmp_path: Path, tiny_model: GPT2) -> Path:
    save_checkpoint(tmp_path / "source", tiny_model, None)
    return tmp_path / "source"


@pytest.fixture
def place(tmp_path: Path, source: Path) -> Place:
    """Makes a quantized checkpoint."""

    def make(bits: Bits) -> Path:
        convert(source, tmp_path / "out", to="hf", dtype="int8" if bits == 8 else "int4")
        return tmp_path / "out"

    return make


def rewrite(folder: Path, change: Callable[[dict[str, Tensor]], dict[str, Tensor]]) -> None:
    state = change(load_file(folder / "model.safetensors"))
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, folder / "x")
    (folder / "x").replace(folder / "model.safetensors")


def reconfigure(folder: Path, **changes: Any) -> None:
    fields = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(fields | changes))


def test_codes_of_4_bits_lie_two_in_a_byte_the_even_one_low() -> None:
    codes = np.array([[-8, 7, 0], [1, -1, 3]], np.int8)
    stored = to_be_stored("x", Quantized(codes, np.array([[0.5], [-2.0]], np.float32), 4))
    raw, scales = stored["x"], stored["x.scale"]
    assert raw.read().tobytes() == bytes([0xF0, 0x88, 0x79, 0x8B])
    assert (raw.dtype, scales.dtype) == (UINT8, BFLOAT16)
    assert scales.read().dtype == BFLOAT16
    assert scales.read().tolist() == [[0.5], [-2.0]]


def test_codes_of_8_bits_lie_as_they_are() -> None:
    codes = np.array([[-127, 127], [0, -1]], np.int8)
    stored = to_be_stored("x", Quantized(codes, np.array([[0.5], [2.0]], np.float32), 8))
    assert stored["x"].read().tobytes() == bytes([0x81, 0x7F, 0x00, 0xFF])
    assert (stored["x"].dtype, stored["x.scale"].dtype) == (INT8, FLOAT32)


@pytest.mark.parametrize("bits", BITS)
def test_the_file_as_the_format_s_own_library_reads_it(
    place: Place, tiny_model: GPT2, bits: Bits
) -> None:
    """Decoded here once more, from the description alone."""
    folder = place(bits)
    state, ours = load_file(folder / "model.safetensors"), tiny_model.state_dict()
    for name, expected in quantized(tiny_model, bits).items():
        raw, scales = state.pop(name).numpy(), state.pop(f"{name}.scale").float().numpy()
        if bits == 4:
            halves = np.stack([raw % 16, raw // 16], axis=-1).reshape(len(raw), -1)
            raw = halves.astype(int)[:, : expected.codes.shape[1]] - 8
            scales = np.repeat(scales, 64, axis=1)[:, : raw.shape[1]]
        weight = raw * scales if name == "wte.weight" else (raw * scales).T
        np.testing.assert_array_equal(weight, widened(name, expected))
    assert len(state) == len(ours) - 1 - 4 * 3
    assert all(torch.equal(tensor, ours[name]) for name, tensor in state.items())
    fields = json.loads((folder / "config.json").read_text())
    group_size = {8: -1, 4: 64}[bits]
    assert fields["quantization_config"] == {
        "quant_method": "cutaway",
        "bits": bits,
        "group_size": group_size,
        "symmetric": True,
    }


@pytest.mark.parametrize("bits", BITS)
def test_loads_as_any_other_with_the_weights_that_the_codes_stand_for(
    place: Place, tiny_model: GPT2, bits: Bits
) -> None:
    loaded = load_checkpoint(place(bits))
    state, codes = loaded.model.state_dict(), quantized(tiny_model, bits)
    for name, tensor in tiny_model.state_dict().items():
        expected = to_tensor(widened(name, codes[name])) if name in codes else tensor
        assert torch.equal(state[name], expected)
        assert state[name].is_contiguous()
    assert loaded.layout == "huggingface"
    half = load_checkpoint(place(bits), dtype=torch.bfloat16).model.state_dict()
    assert torch.equal(half[FC], state[FC].bfloat16())
    assert load_config(place(bits)) == tiny_model.config


@pytest.mark.parametrize("bits", BITS)
def test_the_fingerprint_is_that_of_the_codes(place: Place, source: Path, bits: Bits) -> None:
    folder = place(bits)
    first = load_checkpoint(folder).fingerprint
    assert open_checkpoint(folder).fingerprint() == first
    assert load_checkpoint(source).fingerprint != first

    def one_code(state: dict[str, Tensor]) -> dict[str, Tensor]:
        state[FC][0, 0] ^= 1
        return state

    rewrite(folder, one_code)
    second = load_checkpoint(folder).fingerprint
    rewrite(folder, lambda state: state | {f"{FC}.scale": state[f"{FC}.scale"] * 2})
    assert len({first, second, load_checkpoint(folder).fingerprint}) == 3


def test_half_precision_stays_where_nothing_is_quantized(tmp_path: Path, tiny_model: GPT2) -> None:
    save_checkpoint(tmp_path / "half", tiny_model, None, dtype=torch.float16)
    convert(tmp_path / "half", tmp_path / "out", to="hf", dtype="int4")
    state = load_file(tmp_path / "out" / "model.safetensors")
    kinds = {name: state[name].dtype for name in ("wpe.weight", FC, f"{FC}.scale")}
    assert list(kinds.values()) == [torch.float16, torch.uint8, torch.bfloat16]


def test_from_quantized_to_float_and_not_to_quantized(tmp_path: Path, place: Place) -> None:
    folder = place(4)
    report = convert(folder, tmp_path / "wide", to="nanogpt")
    assert (report.dtype, report.max_difference, report.quality) == (torch.float32, 0.0, None)
    with pytest.raises(ConfigError, match="4 bits already"):
        convert(folder, tmp_path / "again", to="hf", dtype="int8")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("to", ["nanogpt", "llmc"])
def test_other_layouts_hold_no_codes(tmp_path: Path, source: Path, to: Any) -> None:
    with pytest.raises(ConfigError, match="cannot hold int8"):
        convert(source, tmp_path / "out", to=to, dtype="int8")


def test_the_cost_is_reported(tmp_path: Path, source: Path) -> None:
    eight = convert(source, tmp_path / "eight", to="hf", dtype="int8").quality
    four = convert(source, tmp_path / "four", to="hf", dtype="int4").quality
    assert eight is not None
    assert four is not None
    assert eight.n_tokens == 8 * 24
    assert 0 < eight.kl < 0.01 < four.kl
    assert eight.perplexity_before == four.perplexity_before > 1
    assert convert(source, tmp_path / "same", to="hf").quality is None


@pytest.mark.parametrize(
    "stated",
    [
        {"quant_method": "gptq", "bits": 4, "group_size": 64, "symmetric": True},
        {"quant_method": "bitsandbytes", "load_in_8bit": True},
        {"bits": 8},
        "int8",
        {"quant_method": "cutaway", "bits": 2, "group_size": -1, "symmetric": True},
        {"quant_method": "cutaway", "bits": 8, "group_size": 64, "symmetric": True},
        {"quant_method": "cutaway", "bits": 8, "group_size": -1, "symmetric": False},
        {"quant_method": "cutaway", "bits": 8, "group_size": -1, "symmetric": True, "zero": 1},
    ],
)
def test_quantized_by_others_is_refused(place: Place, stated: object) -> None:
    folder = place(8)
    reconfigure(folder, quantization_config=stated)
    for read in (load_checkpoint, load_config, open_checkpoint):
        with pytest.raises(KeyMismatch, match="quantization_config"):
            read(folder)


def test_what_the_configuration_says_and_the_file_holds_must_agree(
    tmp_path: Path, place: Place, source: Path
) -> None:
    folder = place(8)
    reconfigure(folder, quantization_config=None)
    with pytest.raises(KeyMismatch, match=r"\.scale"):
        load_checkpoint(folder)
    stated = {"quant_method": "cutaway", "bits": 4, "group_size": 64, "symmetric": True}
    reconfigure(folder, quantization_config=stated)
    with pytest.raises(KeyMismatch, match="number of bits"):
        load_checkpoint(folder)
    reconfigure(source, quantization_config=stated)
    with pytest.raises(MissingWeights, match=r"lacks 13 tensor.*\.scale"):
        load_checkpoint(source)


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("changes", [{"vocab_size": 62}, {"n_embd": 25}, {"n_layer": 2}])
def test_a_file_for_another_shape(place: Place, bits: Bits, changes: dict[str, int]) -> None:
    folder = place(bits)
    reconfigure(folder, **changes)
    with pytest.raises(KeyMismatch, match=r"another size|the model does not"):
        load_checkpoint(folder)


@pytest.mark.parametrize("name", ["wte.weight", FC, f"{FC}.scale", "ln_f.bias"])
def test_a_missing_tensor_is_named(place: Place, name: str) -> None:
    folder = place(4)
    rewrite(folder, lambda state: {key: state[key] for key in state if key != name})
    with pytest.raises(MissingWeights, match=name):
        load_checkpoint(folder)


@pytest.mark.parametrize("name", ["wpe.weight.scale", "ln_f.bias.scale", "h.3.mlp.c_fc.weight"])
def test_an_unknown_tensor_is_named(place: Place, name: str) -> None:
    folder = place(8)
    rewrite(folder, lambda state: state | {name: torch.ones(3, 1)})
    with pytest.raises(KeyMismatch, match=name):
        load_checkpoint(folder)


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("name", [FC, f"{FC}.scale"])
def test_another_kind_of_number(place: Place, bits: Bits, name: str) -> None:
    folder = place(bits)
    rewrite(folder, lambda state: state | {name: state[name].to(torch.float16)})
    with pytest.raises(KeyMismatch, match=f"{name} in .* is stored as float16"):
        load_checkpoint(folder)


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("scale", [float("nan"), float("inf"), 0.0, 3e38])
def test_scales_that_are_none(place: Place, bits: Bits, scale: float) -> None:
    folder, name = place(bits), f"{FC}.scale"

    def spoil(state: dict[str, Tensor]) -> dict[str, Tensor]:
        state[name][-1, -1] = scale
        return state

    rewrite(folder, spoil)
    opened = open_checkpoint(folder)  # nothing is read yet
    for read in (opened.model, opened.fingerprint):
        with pytest.raises(CorruptCheckpoint, match=name):
            read()


@pytest.mark.parametrize("bits", BITS)
def test_a_signalling_nan_is_damage_like_any_other(place: Place, bits: Bits) -> None:
    folder, name = place(bits), f"{FC}.scale"
    whole, pattern = (torch.int32, 0x7F800001) if bits == 8 else (torch.int16, 0x7F81)

    def spoil(state: dict[str, Tensor]) -> dict[str, Tensor]:
        state[name].view(whole)[-1, -1] = pattern
        return state

    rewrite(folder, spoil)
    with pytest.raises(CorruptCheckpoint, match=name):
        open_checkpoint(folder).fingerprint()


def test_a_negative_scale_is_one_at_4_bits_only(place: Place) -> None:
    def negative(state: dict[str, Tensor]) -> dict[str, Tensor]:
        return state | {f"{FC}.scale": -state[f"{FC}.scale"].abs()}

    rewrite(place(4), negative)
    load_checkpoint(place(4))
    folder = place(8)
    rewrite(folder, negative)
    with pytest.raises(CorruptCheckpoint, match="scale"):
        load_checkpoint(folder)


def test_codes_that_are_none(place: Place, tmp_path: Path) -> None:
    def spoil(state: dict[str, Tensor]) -> dict[str, Tensor]:
        state[FC][3, 7] = -128
        return state

    folder = place(8)
    rewrite(folder, spoil)
    with pytest.raises(CorruptCheckpoint, match=f"{FC}.*-128"):
        load_checkpoint(folder)


def test_a_code_behind_the_end_of_a_row(tmp_path: Path) -> None:
    config = GPT2Config(vocab_size=5, n_ctx=4, n_embd=3, n_layer=1, n_head=1)
    save_checkpoint(tmp_path / "odd", GPT2(config), None)
    convert(tmp_path / "odd", tmp_path / "out", to="hf", dtype="int4")

    def spoil(state: dict[str, Tensor]) -> dict[str, Tensor]:
        state["wte.weight"][2, 1] ^= 0x10
        return state

    rewrite(tmp_path / "out", spoil)
    with pytest.raises(CorruptCheckpoint, match="behind the end"):
        load_checkpoint(tmp_path / "out")


def test_rows_of_padding_are_cut_off(tmp_path: Path) -> None:
    tokenizer = Tokenizer.train(["the robot must obey the orders of the robot"] * 3, vocab_size=260)
    config = GPT2Config(vocab_size=320, n_ctx=8, n_embd=8, n_layer=1, n_head=2)
    save_checkpoint(tmp_path / "source", GPT2(config), None)
    convert(tmp_path / "source", tmp_path / "out", to="hf", dtype="int8")
    tokenizer.save(tmp_path / "out")
    opened = open_checkpoint(tmp_path / "out")
    _, wte = next(opened.weights())
    assert isinstance(wte, Quantized)
    assert (wte.codes.shape, wte.scales.shape) == ((260, 8), (260, 1))
    assert opened.model().config == opened.config
    assert opened.config.vocab_size == 260
