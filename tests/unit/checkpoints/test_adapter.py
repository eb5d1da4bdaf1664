"""Adapters in PEFT's layout: what is understood, what is refused and how it is named."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

import cutaway
from cutaway.checkpoints import convert, load_checkpoint, open_checkpoint, save_checkpoint
from cutaway.checkpoints.adapter import read_adapter
from cutaway.cli.app import run
from cutaway.errors import (
    CheckpointError,
    CheckpointNotFound,
    CorruptCheckpoint,
    KeyMismatch,
    MissingWeights,
    UnsafeCheckpoint,
)
from cutaway.models import GPT2, GPT2Config

CONFIG: dict[str, Any] = {"peft_type": "LORA", "r": 2, "lora_alpha": 3, "target_modules": ["c_fc"]}
FC = "base_model.model.transformer.h.0.mlp.c_fc"
Arrays = dict[str, np.ndarray]


def matrices(module: str = FC, *, rank: int = 2, n_in: int = 20, n_out: int = 80) -> Arrays:
    rng = np.random.default_rng(1)
    return {
        f"{module}.lora_A.weight": rng.normal(size=(rank, n_in)).astype(np.float32),
        f"{module}.lora_B.weight": rng.normal(size=(n_out, rank)).astype(np.float32),
    }


def write(folder: Path, tensors: Arrays | None = None, **fields: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "adapter_config.json").write_text(json.dumps({**CONFIG, **fields}))
    save_file(matrices() if tensors is None else tensors, folder / "adapter_model.safetensors")
    return folder


@pytest.fixture
def base(tmp_path: Path, tiny_model: GPT2) -> Path:
    save_checkpoint(tmp_path / "base", tiny_model, None)
    return tmp_path / "base"


def weight(base: Path, adapter: Path) -> np.ndarray:
    model = load_checkpoint(base, adapter=adapter).model
    return model.h[0].mlp.c_fc.weight.detach().numpy()


def expected(model: GPT2, scale: float, tensors: Arrays | None = None) -> np.ndarray:
    a, b = (tensors or matrices()).values()
    return model.h[0].mlp.c_fc.weight.detach().numpy() + scale * (a.T @ b.T)


@pytest.mark.parametrize(
    ("fields", "scale"),
    [
        ({}, 1.5),
        ({"use_rslora": True}, 3 / 2**0.5),
        ({"lora_alpha": 0.5}, 0.25),
        ({"alpha_pattern": {"c_fc": 8}}, 4.0),
        ({"alpha_pattern": {"h.1.mlp.c_fc": 8}}, 1.5),
        ({"alpha_pattern": {r"h\.\d+\.mlp.c_fc": 8, "c_fc": 16}}, 4.0),
        ({"alpha_pattern": {"^transformer.h.0.mlp.c_fc$": 8}}, 4.0),
        ({"r": 7, "rank_pattern": {"mlp.c_fc": 2}}, 1.5),
        ({"r": 7, "rank_pattern": {"c_fc": 2}, "use_rslora": True}, 3 / 2**0.5),
    ],
)
def test_the_scale_is_that_of_peft(
    tmp_path: Path, base: Path, tiny_model: GPT2, fields: dict[str, Any], scale: float
) -> None:
    found = weight(base, write(tmp_path / "adapter", **fields))
    np.testing.assert_allclose(found, expected(tiny_model, scale), rtol=1e-6, atol=1e-6)


def test_nothing_else_is_changed(tmp_path: Path, base: Path, tiny_model: GPT2) -> None:
    loaded = load_checkpoint(base, adapter=write(tmp_path / "adapter"))
    assert loaded.name == f"{base} + {tmp_path / 'adapter'}"
    assert loaded.fingerprint != load_checkpoint(base).fingerprint
    state = tiny_model.state_dict()
    for name, tensor in loaded.model.state_dict().items():
        assert torch.equal(tensor, state[name]) == (name != "h.0.mlp.c_fc.weight")


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_a_narrow_base_becomes_wide_where_it_is_changed(
    tmp_path: Path, tiny_model: GPT2, kind: torch.dtype
) -> None:
    save_checkpoint(tmp_path / "half", tiny_model, None, dtype=kind)
    found = weight(tmp_path / "half", write(tmp_path / "adapter"))
    half = load_checkpoint(tmp_path / "half").model
    np.testing.assert_allclose(found, expected(half, 1.5), rtol=1e-6, atol=1e-6)


def test_a_model_without_a_head_has_shorter_names(
    tmp_path: Path, base: Path, tiny_model: GPT2
) -> None:
    tensors = matrices(FC.replace("transformer.", ""))
    found = weight(base, write(tmp_path / "adapter", tensors))
    np.testing.assert_allclose(found, expected(tiny_model, 1.5), rtol=1e-6, atol=1e-6)


def test_every_layout_of_a_base_takes_it(tmp_path: Path, base: Path) -> None:
    adapter = write(tmp_path / "adapter")
    convert(base, tmp_path / "nano", to="nanogpt")
    assert np.array_equal(weight(tmp_path / "nano", adapter), weight(base, adapter))


def test_convert_writes_the_model_with_it(tmp_path: Path, base: Path) -> None:
    adapter = write(tmp_path / "adapter")
    assert run(["convert", str(base), str(tmp_path / "out"), "--adapter", str(adapter)]) == 0
    merged, read = load_checkpoint(tmp_path / "out"), load_checkpoint(base, adapter=adapter)
    assert merged.fingerprint == read.fingerprint


def test_a_quantized_base_takes_it(tmp_path: Path, base: Path) -> None:
    convert(base, tmp_path / "int8", to="hf", dtype="int8")
    found = weight(tmp_path / "int8", write(tmp_path / "adapter"))
    rounded = load_checkpoint(tmp_path / "int8").model
    np.testing.assert_allclose(found, expected(rounded, 1.5), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("format", ["float32", "int8"])
def test_the_engine_writes_with_it(
    tmp_path: Path, enliven: Callable[..., GPT2], format: str
) -> None:
    model = enliven(GPT2(GPT2Config(vocab_size=61, n_ctx=24, n_embd=32, n_layer=2, n_head=2)))
    save_checkpoint(tmp_path / "base", model, None)
    adapter = write(tmp_path / "adapter", matrices(n_in=32, n_out=128))
    convert(tmp_path / "base", tmp_path / "merged", to="hf", adapter=adapter)
    texts = [
        lm.generate([3, 1, 4], seed=1, max_new_tokens=9).ids
        for lm in (
            cutaway.load(tmp_path / "base", adapter=adapter, dtype=format),
            cutaway.load(tmp_path / "merged", dtype=format),
            cutaway.load(tmp_path / "base", dtype=format),
        )
    ]
    assert texts[0] == texts[1] != texts[2]
    lm = cutaway.load(tmp_path / "base", adapter=adapter, dtype=format)
    again = load_checkpoint(tmp_path / "merged").model
    assert torch.equal(lm.model.h[0].mlp.c_fc.weight, again.h[0].mlp.c_fc.weight)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("peft_type", "IA3"),
        ("bias", "all"),
        ("bias", "lora_only"),
        ("use_dora", True),
        ("lora_bias", True),
        ("modules_to_save", ["wte"]),
        ("trainable_token_indices", [1, 2]),
        ("layer_replication", [[0, 2]]),
        ("target_parameters", ["wte.weight"]),
        ("init_lora_weights", "pissa_niter_4"),
        ("init_lora_weights", "olora"),
        ("use_qalora", True),
        ("a_key_of_the_future", "on"),
        ("alpha_pattern", {"(a|a)*b": 2}),
        ("rank_pattern", {"h.(0|1).mlp.c_fc": 2}),
    ],
)
def test_what_is_not_understood_is_named(
    tmp_path: Path, base: Path, key: str, value: object
) -> None:
    adapter = write(tmp_path / "adapter", **{key: value})
    with pytest.raises(KeyMismatch, match=rf"adapter_config\.json has {key} = .* not understood"):
        open_checkpoint(base, adapter=adapter)


@pytest.mark.parametrize("value", [None, False, [], {}])
def test_a_key_that_is_not_in_use_is_no_matter(tmp_path: Path, value: object) -> None:
    assert read_adapter(write(tmp_path / "adapter", a_key_of_the_future=value)).changes


@pytest.mark.parametrize(
    "fields",
    [
        {"r": 0},
        {"r": "2"},
        {"r": True},
        {"lora_alpha": None},
        {"lora_alpha": "16"},
        {"alpha_pattern": [1]},
        {"alpha_pattern": {"c_fc": "x"}},
        {"rank_pattern": {"c_fc": 0}},
    ],
)
def test_numbers_that_are_none_are_refused(tmp_path: Path, fields: dict[str, Any]) -> None:
    with pytest.raises(CorruptCheckpoint, match=rf"adapter_config\.json has {next(iter(fields))}"):
        read_adapter(write(tmp_path / "adapter", **fields))


def other_tensors() -> dict[str, tuple[Arrays, type[CheckpointError], str]]:
    a, b = matrices()
    whole = matrices()
    return {
        "no B": ({a: whole[a]}, MissingWeights, "lacks lora_B of transformer.h.0.mlp.c_fc"),
        "no A": ({b: whole[b]}, MissingWeights, "lacks lora_A"),
        "nothing": ({}, MissingWeights, "holds no tensor"),
        "another rank": (matrices(rank=3), KeyMismatch, "are not of rank 2"),
        "no such block": (matrices(FC.replace(".0.", ".3.")), KeyMismatch, "no such layer"),
        "another width": (matrices(n_in=21), KeyMismatch, r"shape \(20, 80\) there"),
        "an embedding": (
            {"base_model.model.transformer.wte.lora_embedding_A": whole[a]},
            KeyMismatch,
            "wte.lora_embedding_A .* not understood",
        ),
        "DoRA": (
            {**whole, f"{FC}.lora_magnitude_vector": np.ones(80, np.float32)},
            KeyMismatch,
            "lora_magnitude_vector .* not understood",
        ),
        "twice": (
            {**whole, **matrices(FC.replace("transformer.", ""))},
            KeyMismatch,
            "h.0.mlp.c_fc twice",
        ),
        "whole numbers": (
            {**whole, a: np.ones((2, 20), np.int32)},
            KeyMismatch,
            "lora_A.weight .* not understood",
        ),
    }


@pytest.mark.parametrize("case", other_tensors())
def test_other_tensors_are_named(tmp_path: Path, base: Path, case: str) -> None:
    tensors, error, said = other_tensors()[case]
    with pytest.raises(error, match=said):
        load_checkpoint(base, adapter=write(tmp_path / "adapter", tensors))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_told(tmp_path: Path, base: Path, bad: float) -> None:
    tensors = matrices()
    next(iter(tensors.values()))[1, 3] = bad
    with pytest.raises(CorruptCheckpoint, match=r"h\.0\.mlp\.c_fc in .* not finite"):
        load_checkpoint(base, adapter=write(tmp_path / "adapter", tensors))


def test_a_sum_that_is_too_large_is_told(tmp_path: Path, base: Path) -> None:
    tensors = {name: 1e30 * array for name, array in matrices().items()}
    with pytest.raises(CorruptCheckpoint, match="not finite"):
        load_checkpoint(base, adapter=write(tmp_path / "adapter", tensors))


def test_where_there_is_none(tmp_path: Path, base: Path) -> None:
    with pytest.raises(CheckpointNotFound, match="No adapter at"):
        open_checkpoint(base, adapter=tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingWeights, match=r"No adapter_config\.json"):
        open_checkpoint(base, adapter=tmp_path / "empty")
    (write(tmp_path / "adapter") / "adapter_model.safetensors").unlink()
    with pytest.raises(MissingWeights, match=r"No adapter_model\.safetensors"):
        open_checkpoint(base, adapter=tmp_path / "adapter")


def test_an_adapter_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFound, match="is an adapter and no model"):
        open_checkpoint(write(tmp_path / "adapter"))


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    adapter = write(tmp_path / "adapter")
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        whole = (adapter / name).read_bytes()
        for n in range(0, len(whole), 37):
            (adapter / name).write_bytes(whole[:n])
            with pytest.raises(CorruptCheckpoint):
                read_adapter(adapter)
        (adapter / name).unlink()
        (adapter / name).symlink_to("/etc/passwd")
        with pytest.raises(UnsafeCheckpoint):
            read_adapter(adapter)
        (adapter / name).unlink()
        (adapter / name).write_bytes(whole)


def test_the_directory_of_a_run_stands_for_its_adapter(tmp_path: Path) -> None:
    adapter = write(tmp_path / "adapter")
    assert read_adapter(tmp_path).path == adapter


def test_the_command_line_takes_it(
    tmp_path: Path, base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["next", "x", "-m", str(base), "--adapter", str(tmp_path / "absent")]) == 3
    assert "No adapter at" in capsys.readouterr().err
    assert run(["explore", "-m", "a", "-m", "b", "--adapter", str(tmp_path)]) == 2
    assert "with 2 models" in capsys.readouterr().err
