"""The Hugging Face layout: what is read, what is dropped, what is refused and by which name."""

import json
import os
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from cutaway.checkpoints import load_checkpoint, load_config, save_checkpoint
from cutaway.errors import (
    ConfigError,
    CorruptCheckpoint,
    KeyMismatch,
    MissingWeights,
    ResourceError,
    UnsafeCheckpoint,
)
from cutaway.models import GPT2, GPT2Config


@pytest.fixture
def saved(tmp_path: Path, tiny_model: GPT2) -> Path:
    save_checkpoint(tmp_path / "tiny", tiny_model, None)
    return tmp_path / "tiny"


def rewrite(saved: Path, change: Callable[[dict[str, Tensor]], dict[str, Tensor]]) -> None:
    tensors = change(load_file(saved / "model.safetensors"))
    save_file(tensors, saved / "model.safetensors", metadata={"format": "pt"})


def reconfigure(saved: Path, **changes: Any) -> None:
    path = saved / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def same(model: GPT2, other: GPT2) -> None:
    state = other.state_dict()
    assert model.state_dict().keys() == state.keys()
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, state[name]), name


def test_round_trip(saved: Path, tiny_model: GPT2) -> None:
    loaded = load_checkpoint(saved)
    same(tiny_model, loaded.model)
    assert loaded.model.config == tiny_model.config
    assert (loaded.tokenizer, loaded.layout, loaded.name) == (None, "huggingface", str(saved))
    assert not loaded.model.training
    assert all(parameter.requires_grad for parameter in loaded.model.parameters())
    assert load_config(saved) == tiny_model.config


def test_the_written_file_is_what_the_safetensors_library_reads(
    saved: Path, tiny_model: GPT2
) -> None:
    tensors = load_file(saved / "model.safetensors")
    assert tensors.keys() == tiny_model.state_dict().keys()
    for name, tensor in tensors.items():
        assert torch.equal(tensor, tiny_model.state_dict()[name])


@pytest.mark.parametrize("prefix", ["transformer.", "module.", "_orig_mod.module.transformer."])
def test_prefixes(saved: Path, tiny_model: GPT2, prefix: str) -> None:
    rewrite(saved, lambda state: {prefix + name: tensor for name, tensor in state.items()})
    same(tiny_model, load_checkpoint(saved).model)


def test_mask_buffers_and_a_tied_head_are_dropped(saved: Path, tiny_model: GPT2) -> None:
    mask = torch.ones(1, 1, 24, 24, dtype=torch.uint8).tril()
    extra = {f"h.{i}.attn.bias": mask.clone() for i in range(3)}
    extra |= {f"h.{i}.attn.masked_bias": torch.tensor(-1e4) for i in range(3)}
    rewrite(saved, lambda state: state | extra | {"lm_head.weight": state["wte.weight"].clone()})
    same(tiny_model, load_checkpoint(saved).model)


def test_a_head_of_its_own_is_refused(saved: Path) -> None:
    rewrite(saved, lambda state: state | {"lm_head.weight": state["wte.weight"] + 1})
    with pytest.raises(KeyMismatch, match=r"lm_head\.weight"):
        load_checkpoint(saved)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened_exactly(
    tmp_path: Path, tiny_model: GPT2, dtype: torch.dtype
) -> None:
    save_checkpoint(tmp_path, tiny_model, None, dtype=dtype)
    model = load_checkpoint(tmp_path).model
    assert model.wte.weight.dtype == torch.float32
    for name, tensor in tiny_model.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor.to(dtype).float()), name
    assert load_checkpoint(tmp_path, dtype=dtype).model.wte.weight.dtype == dtype


def shard(saved: Path) -> dict[str, Any]:
    tensors = load_file(saved / "model.safetensors")
    names = sorted(tensors)
    parts = {"model-00001-of-00002.safetensors": names[:20]}
    parts["model-00002-of-00002.safetensors"] = names[20:]
    for part, its in parts.items():
        save_file({name: tensors[name] for name in its}, saved / part, metadata={"format": "pt"})
    (saved / "model.safetensors").unlink()
    index = {"metadata": {}, "weight_map": {n: part for part, its in parts.items() for n in its}}
    (saved / "model.safetensors.index.json").write_text(json.dumps(index))
    return index


def test_shards(saved: Path, tiny_model: GPT2) -> None:
    shard(saved)
    same(tiny_model, load_checkpoint(saved).model)


@pytest.mark.parametrize("name", ["../model.safetensors", "/etc/passwd", "a\\b", "", ".", 3])
def test_shards_elsewhere_are_refused(saved: Path, name: object) -> None:
    index = shard(saved)
    index["weight_map"]["wte.weight"] = name
    (saved / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(UnsafeCheckpoint, match="refers to"):
        load_checkpoint(saved)


def test_shards_swapped_or_missing_are_named(saved: Path) -> None:
    shard(saved)
    first, second = sorted(saved.glob("model-*"))
    second.write_bytes(first.read_bytes())
    with pytest.raises(KeyMismatch, match="model-00002-of-00002"):
        load_checkpoint(saved)
    second.unlink()
    with pytest.raises(MissingWeights, match="model-00002-of-00002"):
        load_checkpoint(saved)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("activation_function", "relu"),
        ("activation_function", "gelu"),
        ("scale_attn_by_inverse_layer_idx", True),
        ("scale_attn_weights", False),
        ("tie_word_embeddings", False),
        ("n_inner", 40),
        ("model_type", "llama"),
        ("add_cross_attention", True),
        ("quantization_config", {"bits": 4}),
        ("pruned_heads", {"0": [1]}),
        ("n_ctx", 12),
    ],
)
def test_another_architecture_is_refused_by_name(saved: Path, key: str, value: object) -> None:
    reconfigure(saved, **{key: value})
    with pytest.raises(KeyMismatch, match=key):
        load_checkpoint(saved)


def test_what_does_not_change_the_computation_is_accepted(saved: Path) -> None:
    reconfigure(
        saved,
        activation_function="gelu_pytorch_tanh",
        n_inner=80,
        n_ctx=24,
        reorder_and_upcast_attn=True,
        summary_type="cls_index",
        torch_dtype="float32",
        transformers_version="4.0",
    )
    load_checkpoint(saved)


def test_code_that_comes_with_a_model_is_refused(saved: Path) -> None:
    reconfigure(saved, auto_map={"AutoModel": "model.Evil"})
    with pytest.raises(UnsafeCheckpoint, match="auto_map"):
        load_checkpoint(saved)


@pytest.mark.parametrize(
    ("field", "value"),
    [("vocab_size", "61"), ("n_layer", 0), ("n_embd", 21), ("n_head", True), ("n_positions", 1e3)],
)
def test_impossible_sizes(saved: Path, field: str, value: object) -> None:
    reconfigure(saved, **{field: value})
    with pytest.raises(CorruptCheckpoint, match=r"config\.json"):
        load_checkpoint(saved)


@pytest.mark.parametrize("field", ["vocab_size", "n_positions", "n_layer", "n_embd"])
def test_sizes_far_beyond_the_files_are_refused_at_once(saved: Path, field: str) -> None:
    reconfigure(saved, **{field: 5 * 10**12})
    with pytest.raises(KeyMismatch, match="parameters"):
        load_checkpoint(saved)


def test_a_missing_unknown_or_misshapen_tensor_is_named(saved: Path, tiny_model: GPT2) -> None:
    rewrite(saved, lambda state: state | {"score.weight": torch.zeros(200, 200)})
    with pytest.raises(KeyMismatch, match=r"score\.weight"):
        load_checkpoint(saved)
    rewrite(
        saved,
        lambda state: (
            {n: t for n, t in state.items() if n not in ("score.weight", "ln_f.bias")}
            | {"h.0.attn.masked_bias": torch.zeros(20)}
        ),
    )
    with pytest.raises(MissingWeights, match=r"ln_f\.bias"):
        load_checkpoint(saved)
    rewrite(saved, lambda state: state | {"ln_f.bias": torch.zeros(21)})
    with pytest.raises(KeyMismatch, match=r"ln_f\.bias.*\(21,\)"):
        load_checkpoint(saved)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_numbers_that_are_not_finite_are_refused_by_name(saved: Path, value: float) -> None:
    def spoil(state: dict[str, Tensor]) -> dict[str, Tensor]:
        state["h.1.mlp.c_fc.weight"][3, 7] = value
        return state

    rewrite(saved, spoil)
    with pytest.raises(CorruptCheckpoint, match=r"h\.1\.mlp\.c_fc\.weight"):
        load_checkpoint(saved)


def test_pickled_weights_only_when_allowed(saved: Path, tiny_model: GPT2) -> None:
    tensors = load_file(saved / "model.safetensors")
    (saved / "model.safetensors").unlink()
    torch.save(tensors, saved / "pytorch_model.bin")
    with pytest.raises(UnsafeCheckpoint, match="pickle"):
        load_checkpoint(saved)
    same(tiny_model, load_checkpoint(saved, allow_pickle=True).model)


def test_links_out_of_the_directory_are_refused(saved: Path, tmp_path: Path) -> None:
    (saved / "model.safetensors").rename(tmp_path / "elsewhere")
    (saved / "model.safetensors").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnsafeCheckpoint, match="link out of its directory"):
        load_checkpoint(saved)


def test_links_in_the_cache_of_the_hub_are_followed(
    saved: Path, tmp_path: Path, tiny_model: GPT2
) -> None:
    repository = tmp_path / "models--owner--name"
    snapshot, blobs = repository / "snapshots" / "abc", repository / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    for path in saved.iterdir():
        path.rename(blobs / path.name)
        (snapshot / path.name).symlink_to(blobs / path.name)
    same(tiny_model, load_checkpoint(snapshot).model)


def test_a_directory_without_weights_says_what_to_add(saved: Path) -> None:
    (saved / "model.safetensors").unlink()
    with pytest.raises(MissingWeights) as caught:
        load_checkpoint(saved)
    assert "model.safetensors" in caught.value.hint


def test_a_run_directory_stands_for_the_model_in_it(tmp_path: Path, tiny_model: GPT2) -> None:
    save_checkpoint(tmp_path / "run" / "model", tiny_model, None)
    same(tiny_model, load_checkpoint(tmp_path / "run").model)


def test_the_dropout_of_training_is_kept(tmp_path: Path) -> None:
    config = GPT2Config(vocab_size=5, n_ctx=4, n_embd=4, n_layer=1, n_head=2, dropout=0.25)
    save_checkpoint(tmp_path, GPT2(config), None)
    assert load_config(tmp_path) == config


def pickled(saved: Path, state: object, **options: bool) -> None:
    (saved / "model.safetensors").unlink()
    torch.save(state, saved / "pytorch_model.bin", **options)


def test_pickled_weights_of_the_time_before_zip(saved: Path, tiny_model: GPT2) -> None:
    state = {f"transformer.{name}": tensor for name, tensor in tiny_model.state_dict().items()}
    state["lm_head.weight"] = state["transformer.wte.weight"]  # one storage, two names
    pickled(saved, state, _use_new_zipfile_serialization=False)
    same(tiny_model, load_checkpoint(saved, allow_pickle=True).model)


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_pickled_weights_does_not_run_even_when_allowed(saved: Path, zipped: bool) -> None:
    state = {"wte.weight": Evil(saved / "canary")}
    pickled(saved, state, _use_new_zipfile_serialization=zipped)
    with pytest.raises(UnsafeCheckpoint):
        load_checkpoint(saved, allow_pickle=True)
    assert not (saved / "canary").exists()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
@pytest.mark.parametrize("zipped", [True, False])
def test_pickled_weights_cut_off(saved: Path, tiny_model: GPT2, share: float, zipped: bool) -> None:
    pickled(saved, tiny_model.state_dict(), _use_new_zipfile_serialization=zipped)
    path = saved / "pytorch_model.bin"
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(CorruptCheckpoint):
        load_checkpoint(saved, allow_pickle=True)


@pytest.mark.parametrize("state", [[], {}, 3, {"wte.weight": 3}, {3: torch.zeros(3)}])
def test_pickles_of_something_else(saved: Path, state: object) -> None:
    pickled(saved, state)
    with pytest.raises(CorruptCheckpoint, match="no table of tensors"):
        load_checkpoint(saved, allow_pickle=True)


@pytest.mark.parametrize("archive", [True, False])
def test_a_pickle_of_one_number_in_the_shape_of_a_model_is_refused(
    saved: Path, tiny_model: GPT2, archive: bool
) -> None:
    shapes = {name: tensor.shape for name, tensor in tiny_model.state_dict().items()}
    state = {name: torch.zeros(1).expand(shape) for name, shape in shapes.items()}
    pickled(saved, state, _use_new_zipfile_serialization=archive)
    with pytest.raises(CorruptCheckpoint, match=r"claim|does not fill"):
        load_checkpoint(saved, allow_pickle=True)


def test_a_device_or_dtype_that_is_none(saved: Path) -> None:
    with pytest.raises(ConfigError, match="device"):
        load_checkpoint(saved, device="abacus")
    with pytest.raises(ConfigError, match="dtype"):
        load_checkpoint(saved, dtype=torch.int8)


def test_too_little_memory_is_told_before_it_is_asked_for(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 64 kB\nMemAvailable: 32 kB\n")
    monkeypatch.setattr("cutaway.checkpoints.memory._MEMINFO", tmp_path / "meminfo")
    with pytest.raises(ResourceError, match="GB"):
        load_checkpoint(saved)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_what_could_not_be_loaded_is_not_saved(
    tmp_path: Path, tiny_model: GPT2, dtype: torch.dtype
) -> None:
    with torch.no_grad():
        tiny_model.h[0].mlp.c_fc.weight[2, 3] = torch.nan if dtype == torch.float32 else 1e6
    with pytest.raises(CorruptCheckpoint, match=r"h\.0\.mlp\.c_fc\.weight"):
        save_checkpoint(tmp_path / "out", tiny_model, None, dtype=dtype)
    assert not list(tmp_path.iterdir())


def test_a_dtype_that_no_layout_has(tmp_path: Path, tiny_model: GPT2) -> None:
    with pytest.raises(ConfigError, match="float64"):
        save_checkpoint(tmp_path / "out", tiny_model.double(), None)
    save_checkpoint(tmp_path / "out", tiny_model, None, dtype=torch.float32)


def test_a_number_too_large_for_the_dtype_asked_for_is_not_made_infinite(saved: Path) -> None:
    def enlarge(state: dict[str, Tensor]) -> dict[str, Tensor]:
        state["h.1.mlp.c_fc.weight"][3, 7] = 7e4
        return state

    rewrite(saved, enlarge)
    with pytest.raises(ConfigError, match=r"h\.1\.mlp\.c_fc\.weight.*float16"):
        load_checkpoint(saved, dtype=torch.float16)
    assert load_checkpoint(saved, dtype=torch.bfloat16).model.wte.weight.dtype == torch.bfloat16


def test_what_transformers_pickles_is_read_without_torchs_unpickler(
    saved: Path, tiny_model: GPT2, monkeypatch: pytest.MonkeyPatch
) -> None:
    tensors = load_file(saved / "model.safetensors")
    (saved / "model.safetensors").unlink()
    mask = torch.ones(24, 24, dtype=torch.bool).tril().view(1, 1, 24, 24)
    state = OrderedDict((f"transformer.{name}", tensor) for name, tensor in tensors.items())
    state |= {f"transformer.h.{i}.attn.bias": mask for i in range(3)}
    state |= {f"transformer.h.{i}.attn.masked_bias": torch.tensor(-1e4) for i in range(3)}
    state["lm_head.weight"] = state["transformer.wte.weight"]
    state._metadata = {"": {"version": 1}}
    torch.save(state, saved / "pytorch_model.bin")
    monkeypatch.setattr(torch, "load", None)
    same(tiny_model, load_checkpoint(saved, allow_pickle=True).model)
