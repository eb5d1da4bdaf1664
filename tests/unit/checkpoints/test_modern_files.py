"""Modern decoders in files: what is saved is loaded, and nothing else is taken for one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from cutaway.checkpoints import convert, load_checkpoint, load_config, save_checkpoint
from cutaway.checkpoints.names import parameter_count, parameter_shapes
from cutaway.errors import (
    CheckpointError,
    ConfigError,
    CorruptCheckpoint,
    KeyMismatch,
    MissingWeights,
)
from cutaway.models import PRESETS, Modern, ModernConfig
from lms import byte_tokenizer

TOKENS = torch.tensor([[3, 1, 4, 1, 5]])


@pytest.fixture
def folder(tmp_path: Path, tiny_modern: Modern) -> Path:
    save_checkpoint(tmp_path / "m", tiny_modern, None)
    return tmp_path / "m"


def test_what_was_saved_is_loaded_bit_for_bit(folder: Path, tiny_modern: Modern) -> None:
    loaded = load_checkpoint(folder)
    assert isinstance(loaded.model, Modern)
    assert loaded.model.config == tiny_modern.config == load_config(folder)
    assert torch.equal(loaded.model(TOKENS), tiny_modern(TOKENS))
    assert load_checkpoint(folder / "model.safetensors").fingerprint == loaded.fingerprint


def test_the_fingerprint_tells_sizes_and_weights_apart(folder: Path, tmp_path: Path) -> None:
    first, model = load_checkpoint(folder).fingerprint, load_checkpoint(folder).model
    with torch.no_grad():
        model.head[7, 3] += 1.0
    save_checkpoint(tmp_path / "other", model, None)
    assert load_checkpoint(tmp_path / "other").fingerprint != first
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"rotary_base": 500.0}))
    assert load_checkpoint(folder).fingerprint != first


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(folder: Path, tmp_path: Path, dtype: torch.dtype) -> None:
    model = load_checkpoint(folder).model
    save_checkpoint(tmp_path / "half", model, None, dtype=dtype)
    loaded = load_checkpoint(tmp_path / "half", dtype=torch.float64).model
    for name, weight in loaded.state_dict().items():
        assert torch.equal(weight, model.state_dict()[name].to(dtype).double()), name


def test_the_vocabulary_goes_along_and_padding_is_dropped(
    tmp_path: Path, enliven: Callable[..., Modern]
) -> None:
    tokenizer = byte_tokenizer()
    sizes: dict[str, Any] = {"n_ctx": 8, "n_embd": 8, "n_layer": 1, "n_head": 2}
    rounded_up = -(-tokenizer.vocab_size // 64) * 64
    padded = enliven(Modern(ModernConfig(vocab_size=rounded_up, **sizes)))
    save_checkpoint(tmp_path / "m", padded, None)
    tokenizer.save(tmp_path / "m")
    loaded = load_checkpoint(tmp_path / "m")
    assert loaded.tokenizer == tokenizer
    assert loaded.model.head.shape == loaded.model.wte.weight.shape == (tokenizer.vocab_size, 8)
    wanted = padded(TOKENS)[..., : tokenizer.vocab_size]
    torch.testing.assert_close(loaded.model(TOKENS), wanted)


def spoilt(folder: Path, **fields: object) -> Path:
    path = folder / "config.json"
    kept = json.loads(path.read_text()) | fields
    path.write_text(json.dumps({key: value for key, value in kept.items() if value is not None}))
    return folder


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"n_layer": None}, CorruptCheckpoint, "lacks n_layer"),
        ({"n_layer": 2}, KeyMismatch, r"h\.2\.attn"),
        ({"n_layer": 4}, MissingWeights, "lacks 6 tensor"),
        ({"n_layer": 10**6}, KeyMismatch, "describes"),
        ({"n_head": 20}, CorruptCheckpoint, "heads of 1.*\n.*even"),
        ({"rotary_base": "fast"}, CorruptCheckpoint, "rotary_base is 'fast'"),
        ({"window": 7}, KeyMismatch, "has window, which no modern decoder has"),
        ({"model_type": "gpt2"}, CheckpointError, "lacks n_positions"),
        ({"model_type": "llama"}, KeyMismatch, "model_type = 'llama'"),
    ],
)
def test_a_configuration_that_does_not_fit_is_named(
    folder: Path, fields: dict[str, object], error: type[CheckpointError], message: str
) -> None:
    with pytest.raises(error, match=message):
        load_checkpoint(spoilt(folder, **fields))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"lm_head.weight": None}, MissingWeights, "lacks 1 tensor.*lm_head"),
        ({"wpe.weight": torch.zeros(24, 20)}, KeyMismatch, "does not: wpe.weight"),
        ({"lm_head.weight": torch.zeros(60, 20)}, KeyMismatch, r"lm_head\.weight .* shape"),
        ({"lm_head.weight": torch.full((61, 20), torch.nan)}, CorruptCheckpoint, "not finite"),
    ],
)
def test_tensors_that_do_not_fit_are_named(
    folder: Path, change: dict[str, Any], error: type[CheckpointError], message: str
) -> None:
    tensors = load_file(folder / "model.safetensors") | change
    kept = {name: tensor for name, tensor in tensors.items() if tensor is not None}
    save_file(kept, folder / "model.safetensors")
    with pytest.raises(error, match=message):
        load_checkpoint(folder)


def test_the_table_of_names_is_that_of_the_model() -> None:
    config = ModernConfig(vocab_size=61, n_ctx=24, n_embd=20, n_layer=3, n_head=5)
    state = {name: tuple(tensor.shape) for name, tensor in Modern(config).state_dict().items()}
    assert parameter_shapes(config) == state
    assert parameter_count(config) == sum(p.numel() for p in Modern(config).parameters())
    assert parameter_count(PRESETS["modern"]) == 16_908_288


def test_our_own_layout_is_the_only_one(folder: Path, tmp_path: Path) -> None:
    report = convert(folder, tmp_path / "half", to="hf", dtype=torch.float16)
    assert (report.dtype, report.max_difference) == (torch.float16, 0.0)
    for to in ("nanogpt", "llmc"):
        with pytest.raises(ConfigError, match=f"Converting to {to} knows GPT-2 only.*'modern'"):
            convert(folder, tmp_path / "out", to=to)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"Quantizing knows GPT-2 only.*'modern'"):
        convert(folder, tmp_path / "out", to="hf", dtype="int8")
    assert not (tmp_path / "out").exists()
