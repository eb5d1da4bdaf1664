"""Encoder-decoders in files: what is saved is loaded, and nothing else is taken for one."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from cutaway.checkpoints import load_checkpoint, load_config, save_checkpoint
from cutaway.checkpoints.names import parameter_shapes
from cutaway.errors import ConfigError, CorruptCheckpoint, KeyMismatch, MissingWeights
from cutaway.generation import load
from cutaway.models import EncoderDecoder, TransformerConfig

CONFIG = TransformerConfig(
    vocab_size=61, n_ctx=24, n_embd=20, n_layer=2, n_head=5, n_inner=36, dropout=0.3
)
SOURCE, TARGET = torch.tensor([[3, 1, 4, 1, 5]]), torch.tensor([[9, 2, 6]])


@pytest.fixture
def model(enliven: Callable[..., EncoderDecoder]) -> EncoderDecoder:
    return enliven(EncoderDecoder(CONFIG)).eval()


@pytest.fixture
def folder(tmp_path: Path, model: EncoderDecoder) -> Path:
    save_checkpoint(tmp_path / "m", model, None)
    return tmp_path / "m"


def spoilt(folder: Path, **fields: object) -> Path:
    path = folder / "config.json"
    kept = json.loads(path.read_text()) | fields
    path.write_text(json.dumps({key: value for key, value in kept.items() if value is not None}))
    return folder


def test_what_was_saved_is_loaded_bit_for_bit(folder: Path, model: EncoderDecoder) -> None:
    loaded = load_checkpoint(folder).model
    assert isinstance(loaded, EncoderDecoder)
    assert loaded.config == replace(CONFIG, dropout=0.0) == load_config(folder)
    ours, theirs = (m(TARGET, memory=m.encode(SOURCE)) for m in (model, loaded))
    assert torch.equal(ours, theirs)
    assert json.loads((folder / "config.json").read_text())["model_type"] == "cutaway-transformer"


def test_every_parameter_has_its_row(model: EncoderDecoder) -> None:
    shapes = {name: tuple(value.shape) for name, value in model.named_parameters()}
    assert parameter_shapes(CONFIG) == shapes


@pytest.mark.parametrize(
    ("fields", "error", "match"),
    [
        ({"norm": "pre"}, KeyMismatch, "norm.*no encoder-decoder has"),
        ({"n_inner": None}, CorruptCheckpoint, "lacks n_inner"),
        ({"n_inner": 0}, CorruptCheckpoint, "n_inner is 0"),
        ({"n_inner": 37}, KeyMismatch, "mlp"),
        ({"n_layer": 3}, MissingWeights, r"encoder\.2|h\.2"),
    ],
)
def test_what_does_not_fit_is_refused(
    folder: Path, fields: dict[str, object], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        load_checkpoint(spoilt(folder, **fields))


def test_a_tensor_too_many_or_too_few(folder: Path) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    save_file({**tensors, "encoder.0.cross.c_q.weight": torch.zeros(20, 20)}, path)
    with pytest.raises(KeyMismatch, match=r"encoder\.0\.cross"):
        load_checkpoint(folder)
    del tensors["h.1.cross.c_k.weight"]
    save_file(tensors, path)
    with pytest.raises(MissingWeights, match=r"h\.1\.cross\.c_k"):
        load_checkpoint(folder)


def test_the_engine_says_that_it_is_for_others(folder: Path) -> None:
    with pytest.raises(ConfigError, match="transformer"):
        load(folder, dtype="float32")
