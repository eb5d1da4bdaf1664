"""OpenAI's files: TensorFlow's own, and some that a writer of the tests made."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from bundles import stored_crc, write_bundle

from cutaway.checkpoints import load_checkpoint, load_config
from cutaway.errors import CorruptCheckpoint, KeyMismatch, MissingWeights, UnsafeCheckpoint
from cutaway.models import GPT2, GPT2Config

FIXTURES = Path(__file__).parent / "fixtures"


def drawn(name: str, *, seed: int = 20190214) -> dict[str, np.ndarray]:
    """The values that went into a fixture, drawn again in the order of its making."""
    sizes = json.loads((FIXTURES / name / "hparams.json").read_text())
    d, rng = sizes["n_embd"], np.random.default_rng(seed)

    def draw(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.4, shape).astype(np.float32)

    values = {"wte.weight": draw(sizes["n_vocab"], d), "wpe.weight": draw(sizes["n_ctx"], d)}
    for i in range(sizes["n_layer"]):
        for norm in ("ln_1", "ln_2"):
            for part in ("weight", "bias"):
                values[f"h.{i}.{norm}.{part}"] = draw(d)
        for part, n_in, n_out in (
            ("attn.c_attn", d, 3 * d),
            ("attn.c_proj", d, d),
            ("mlp.c_fc", d, 4 * d),
            ("mlp.c_proj", 4 * d, d),
        ):
            values[f"h.{i}.{part}.weight"] = draw(1, n_in, n_out)[0]
            values[f"h.{i}.{part}.bias"] = draw(n_out)
    return values | {"ln_f.weight": draw(d), "ln_f.bias": draw(d)}


@pytest.mark.parametrize("name", ["openai", "gpt_2_simple"])
def test_what_tensorflow_wrote(name: str) -> None:
    """The second one has Adam's slots and counters beside the model, and a path of elsewhere."""
    loaded = load_checkpoint(FIXTURES / name)
    assert (loaded.layout, loaded.tokenizer) == ("openai", None)
    state, expected = loaded.model.state_dict(), drawn(name)
    assert state.keys() == expected.keys()
    for key, value in expected.items():
        assert torch.equal(state[key], torch.from_numpy(value)), key


def test_the_size_is_read_from_hparams() -> None:
    expected = GPT2Config(vocab_size=61, n_ctx=12, n_embd=12, n_layer=2, n_head=3)
    assert load_config(FIXTURES / "openai") == expected


@pytest.fixture
def openai(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FIXTURES / "openai", tmp_path / "openai"))


@pytest.fixture
def variables(tiny_model: GPT2) -> dict[str, np.ndarray]:
    """A model under OpenAI's names."""
    found = {}
    for name, tensor in tiny_model.state_dict().items():
        value = tensor.numpy()
        if name in ("wte.weight", "wpe.weight"):
            found[f"model/{name[:3]}"] = value
            continue
        path = name.replace("h.", "h", 1) if name.startswith("h.") else name
        *parents, leaf = path.split(".")
        letter = {"weight": "w", "bias": "b"}[leaf]
        if "ln_" in path:
            letter = {"weight": "g", "bias": "b"}[leaf]
        elif leaf == "weight":
            value = value[None]
        found["/".join(["model", *parents, letter])] = value
    return found


@pytest.fixture
def folder(tmp_path: Path, tiny_config: GPT2Config) -> Path:
    config = tiny_config
    sizes = {"n_vocab": config.vocab_size, "n_ctx": config.n_ctx, "n_embd": config.n_embd}
    sizes |= {"n_layer": config.n_layer, "n_head": config.n_head}
    (tmp_path / "hparams.json").write_text(json.dumps(sizes))
    return tmp_path


def test_a_table_of_many_blocks_with_shared_prefixes(
    folder: Path, variables: dict[str, np.ndarray], tiny_model: GPT2
) -> None:
    write_bundle(folder, variables)  # no `checkpoint`: there is only one
    state = load_checkpoint(folder).model.state_dict()
    for name, tensor in tiny_model.state_dict().items():
        assert torch.equal(state[name], tensor), name


def test_several_without_a_word_which(folder: Path, variables: dict[str, np.ndarray]) -> None:
    write_bundle(folder, variables, "model-1")
    write_bundle(folder, variables, "model-2")
    with pytest.raises(MissingWeights, match="2 TensorFlow checkpoints"):
        load_checkpoint(folder)
    (folder / "checkpoint").write_text('model_checkpoint_path: "model-2"\n')
    load_checkpoint(folder)


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/..", ".", "a b"])
def test_a_path_in_checkpoint_leads_nowhere(openai: Path, path: str) -> None:
    (openai / "checkpoint").write_text(f'model_checkpoint_path: "{path}"\n')
    with pytest.raises((UnsafeCheckpoint, MissingWeights)):
        load_checkpoint(openai)


def test_an_unknown_or_missing_variable_is_named(
    folder: Path, variables: dict[str, np.ndarray]
) -> None:
    write_bundle(folder, variables | {"model/h0/attn/rotary": np.zeros(3)})
    with pytest.raises(KeyMismatch, match="model/h0/attn/rotary"):
        load_checkpoint(folder)
    del variables["model/h2/mlp/c_fc/b"]
    write_bundle(folder, variables)
    with pytest.raises(MissingWeights, match="model/h2/mlp/c_fc/b"):
        load_checkpoint(folder)


def test_each_byte_of_the_data_counts(openai: Path) -> None:
    path = openai / "model.ckpt.data-00000-of-00001"
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptCheckpoint, match="checksum of b'model/h0"):
        load_checkpoint(openai)


def test_a_damaged_block_is_noticed(openai: Path) -> None:
    path = openai / "model.ckpt.index"
    data = bytearray(path.read_bytes())
    data[100] ^= 4
    path.write_bytes(data)
    with pytest.raises(CorruptCheckpoint, match="checksum of a block"):
        load_checkpoint(openai)


def test_checksums_of_the_writer_are_those_of_tensorflow() -> None:
    """One entry of the fixture, made again by hand."""
    data = (FIXTURES / "openai" / "model.ckpt.data-00000-of-00001").read_bytes()
    index = (FIXTURES / "openai" / "model.ckpt.index").read_bytes()
    assert stored_crc(data[:144]) in index  # h0/attn/c_attn/b, the first by name: 36 numbers


@pytest.mark.parametrize(
    "hparams",
    ["{}", "[]", "", '{"n_vocab": 61}', "\xff", '{"n_vocab":61,"n_vocab":62}', "[" * 100_000],
)
def test_damaged_hparams(openai: Path, hparams: str) -> None:
    (openai / "hparams.json").write_text(hparams, encoding="latin-1")
    with pytest.raises(CorruptCheckpoint, match=r"hparams\.json"):
        load_checkpoint(openai)
