"""Transformer-Decoders in files: what is saved is loaded, and nothing else is taken for one."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

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
from cutaway.models import PRESETS, TransformerDecoder, TransformerDecoderConfig

TOKENS = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6]])
CONFIG = TransformerDecoderConfig(
    vocab_size=61, n_ctx=24, n_embd=20, n_layer=3, n_head=5, block=4, dropout=0.1
)


@pytest.fixture
def model(enliven: Callable[..., TransformerDecoder]) -> TransformerDecoder:
    return enliven(TransformerDecoder(CONFIG))


@pytest.fixture
def folder(tmp_path: Path, model: TransformerDecoder) -> Path:
    save_checkpoint(tmp_path / "m", model, None)
    return tmp_path / "m"


def test_what_was_saved_is_loaded_bit_for_bit(folder: Path, model: TransformerDecoder) -> None:
    loaded = load_checkpoint(folder)
    assert isinstance(loaded.model, TransformerDecoder)
    assert loaded.model.config == replace(CONFIG, dropout=0.0) == load_config(folder)
    assert torch.equal(loaded.model(TOKENS), model(TOKENS))
    fields = json.loads((folder / "config.json").read_text())
    assert fields["model_type"] == "cutaway-transformer-decoder"
    assert (fields["pattern"], fields["block"], fields["stride"]) == ("lm", 4, 3)


def test_the_fingerprint_tells_patterns_apart(folder: Path) -> None:
    first = load_checkpoint(folder).fingerprint
    fields = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(fields | {"block": 8}))
    assert load_checkpoint(folder).fingerprint != first


def spoilt(folder: Path, **fields: object) -> Path:
    path = folder / "config.json"
    kept = json.loads(path.read_text()) | fields
    path.write_text(json.dumps({key: value for key, value in kept.items() if value is not None}))
    return folder


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"pattern": None}, CorruptCheckpoint, "lacks pattern"),
        ({"pattern": "ml"}, KeyMismatch, r"does not: h\.1\.attn\.compress_k"),
        ({"pattern": "mm"}, MissingWeights, r"h\.0\.attn\.compress_k"),
        ({"pattern": "lx"}, CorruptCheckpoint, "pattern is 'lx'"),
        ({"stride": 4}, KeyMismatch, r"compress_k\.weight .* shape"),
        ({"n_layer": 10**12}, KeyMismatch, "describes"),
        ({"window": 7}, KeyMismatch, "has window, which no Transformer-Decoder has"),
        ({"model_type": "cutaway-modern"}, KeyMismatch, "has pattern, which no modern decoder"),
        ({"model_type": ["gpt2"]}, CheckpointError, "model_type"),
    ],
)
def test_a_configuration_that_does_not_fit_is_named(
    folder: Path, fields: dict[str, object], error: type[CheckpointError], message: str
) -> None:
    with pytest.raises(error, match=message):
        load_checkpoint(spoilt(folder, **fields))


def test_tensors_that_do_not_fit_are_named(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    save_file(tensors | {"h.1.attn.null_k": torch.full((20,), torch.nan)}, folder / "x.safetensors")
    with pytest.raises(CorruptCheckpoint, match="not finite"):
        load_checkpoint(folder / "x.safetensors")


@pytest.mark.parametrize("pattern", ["lm", "m", "f", "lmlfl"])
def test_the_table_of_names_is_that_of_the_model(pattern: str) -> None:
    config = replace(CONFIG, pattern=pattern, n_layer=4, stride=2)
    model = TransformerDecoder(config)
    state = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    assert parameter_shapes(config) == state
    assert parameter_count(config) == sum(p.numel() for p in model.parameters())


def test_no_other_layout_is_written(folder: Path, tmp_path: Path) -> None:
    assert parameter_count(PRESETS["t-dmca"]) == 6_834_944
    for to in ("nanogpt", "llmc"):
        with pytest.raises(ConfigError, match=f"{to} knows GPT-2 only.*'transformer-decoder'"):
            convert(folder, tmp_path / "out", to=to)  # type: ignore[arg-type]
