"""Music Transformers in files: what is saved is loaded, and nothing else is taken for one."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from cutaway.checkpoints import convert, load_checkpoint, load_config, save_checkpoint
from cutaway.checkpoints.names import parameter_count, parameter_shapes
from cutaway.errors import (
    CheckpointError,
    ConfigError,
    CorruptCheckpoint,
    KeyMismatch,
    MissingWeights,
)
from cutaway.models import PRESETS, MusicTransformer, MusicTransformerConfig

TOKENS = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6]])
CONFIG = MusicTransformerConfig(
    vocab_size=61, n_ctx=24, n_embd=20, n_layer=2, n_head=5, n_inner=28, n_att=30,
    max_relative=6, dropout=0.1,
)  # fmt: skip


@pytest.fixture
def model(enliven: Callable[..., MusicTransformer]) -> MusicTransformer:
    return enliven(MusicTransformer(CONFIG))


@pytest.fixture
def folder(tmp_path: Path, model: MusicTransformer) -> Path:
    save_checkpoint(tmp_path / "m", model, None)
    return tmp_path / "m"


def test_what_was_saved_is_loaded_bit_for_bit(folder: Path, model: MusicTransformer) -> None:
    loaded = load_checkpoint(folder)
    assert isinstance(loaded.model, MusicTransformer)
    assert loaded.model.config == replace(CONFIG, dropout=0.0) == load_config(folder)
    assert torch.equal(loaded.model(TOKENS), model(TOKENS))
    fields = json.loads((folder / "config.json").read_text())
    assert fields["model_type"] == "cutaway-music-transformer"
    assert (fields["n_att"], fields["max_relative"], fields["window"]) == (30, 6, 0)


def test_the_fingerprint_tells_windows_apart(folder: Path) -> None:
    first = load_checkpoint(folder).fingerprint
    fields = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(fields | {"window": 8}))
    assert load_checkpoint(folder).fingerprint != first


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"n_att": None}, CorruptCheckpoint, "lacks n_att"),
        ({"max_relative": 0}, KeyMismatch, r"h\.0\.attn\.relative"),
        ({"max_relative": 7}, KeyMismatch, r"attn\.relative .* shape"),
        ({"n_att": 31}, CorruptCheckpoint, "n_att 31 does not divide"),
        ({"n_layer": 3}, MissingWeights, r"lacks 13 tensor\(s\): h\.2\."),
        ({"max_relative": 10**12}, KeyMismatch, "describes"),
        ({"block": 7}, KeyMismatch, "has block, which no Music Transformer has"),
        ({"model_type": "cutaway-modern"}, KeyMismatch, "has n_inner, which no modern decoder"),
    ],
)
def test_a_configuration_that_does_not_fit_is_named(
    folder: Path, fields: dict[str, object], error: type[CheckpointError], message: str
) -> None:
    path = folder / "config.json"
    kept = json.loads(path.read_text()) | fields
    path.write_text(json.dumps({key: value for key, value in kept.items() if value is not None}))
    with pytest.raises(error, match=message):
        load_checkpoint(folder)


@pytest.mark.parametrize("max_relative", [0, 6])
def test_the_table_of_names_is_that_of_the_model(max_relative: int) -> None:
    config = replace(CONFIG, max_relative=max_relative)
    model = MusicTransformer(config)
    state = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    assert parameter_shapes(config) == state
    assert parameter_count(config) == sum(p.numel() for p in model.parameters())


def test_no_other_layout_is_written(folder: Path, tmp_path: Path) -> None:
    assert parameter_count(PRESETS["piano"]) == 12_702_976
    for to in ("nanogpt", "llmc"):
        with pytest.raises(ConfigError, match=f"{to} knows GPT-2 only.*'music-transformer'"):
            convert(folder, tmp_path / "out", to=to)  # type: ignore[arg-type]
