"""Every layout is read into the same weights, and written back."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from cutaway.checkpoints import convert, load_checkpoint, save_checkpoint
from cutaway.checkpoints.names import TRANSPOSED
from cutaway.errors import CheckpointError, ConfigError, KeyMismatch, UnsafeCheckpoint
from cutaway.models import GPT2, GPT2Config
from cutaway.tokenizers import Tokenizer

CONFIG = GPT2Config(vocab_size=300, n_ctx=12, n_embd=8, n_layer=2, n_head=2)
CORPUS = ["the cat sat on the mat and the dog sat on the log " * 9, "a hat and a bat " * 5]


@pytest.fixture
def model(enliven: Callable[[GPT2], GPT2]) -> GPT2:
    return enliven(GPT2(CONFIG))


@pytest.fixture
def folder(tmp_path: Path, model: GPT2) -> Path:
    save_checkpoint(tmp_path / "model", model, None)
    return tmp_path / "model"


def rewrite(
    folder: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]
) -> None:
    path = folder / "model.safetensors"
    save_file({k: v.clone() for k, v in change(load_file(path)).items()}, path)


def edit_config(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def same(loaded: GPT2, model: GPT2) -> None:
    assert loaded.config == model.config
    assert not loaded.training
    for (name, a), (_, b) in zip(loaded.named_parameters(), model.named_parameters(), strict=True):
        assert torch.equal(a, b), name
        assert a.requires_grad


def test_what_is_saved_is_loaded(folder: Path, model: GPT2) -> None:
    loaded = load_checkpoint(folder)
    same(loaded.model, model)
    assert loaded.layout == "huggingface"
    assert loaded.tokenizer is None  # 300 entries of nobody's vocabulary
    assert load_checkpoint(folder).fingerprint == loaded.fingerprint


def test_the_vocabulary_travels_with_the_weights(tmp_path: Path, model: GPT2) -> None:
    tokenizer = Tokenizer.train(CORPUS, vocab_size=270)
    save_checkpoint(tmp_path / "m", model, tokenizer, card="# A model")
    assert load_checkpoint(tmp_path / "m").tokenizer == tokenizer
    assert (tmp_path / "m" / "README.md").read_text() == "# A model"


def test_a_vocabulary_larger_than_the_model_is_refused(tmp_path: Path, model: GPT2) -> None:
    with pytest.raises(ConfigError, match="50,257 entries, the model 300"):
        save_checkpoint(tmp_path / "m", model, Tokenizer.gpt2())
    save_checkpoint(tmp_path / "m", model, None)
    Tokenizer.gpt2().save(tmp_path / "m")
    with pytest.raises(KeyMismatch, match="50,257 entries, the model 300"):
        load_checkpoint(tmp_path / "m")


def test_a_model_of_gpt2_s_vocabulary_has_gpt2_s_tokenizer(tmp_path: Path) -> None:
    small = GPT2(GPT2Config(vocab_size=50_257, n_ctx=4, n_embd=2, n_layer=1, n_head=1))
    save_checkpoint(tmp_path / "m", small, None)
    assert load_checkpoint(tmp_path / "m").tokenizer is Tokenizer.gpt2()


@pytest.mark.parametrize("prefix", ["transformer.", "module.transformer.", "_orig_mod."])
def test_prefixes_masks_and_a_tied_head_are_understood(
    folder: Path, model: GPT2, prefix: str
) -> None:
    def as_others_save(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        state = {prefix + name: value for name, value in state.items()}
        for i in range(2):
            state[f"{prefix}h.{i}.attn.bias"] = torch.ones(1, 1, 12, 12).tril()
            state[f"{prefix}h.{i}.attn.masked_bias"] = torch.tensor(-1e4)
        head = prefix.removesuffix("transformer.") + "lm_head.weight"
        return {**state, head: state[f"{prefix}wte.weight"]}

    rewrite(folder, as_others_save)
    same(load_checkpoint(folder).model, model)


def test_a_head_of_its_own_is_refused(folder: Path) -> None:
    rewrite(folder, lambda state: {**state, "lm_head.weight": state["wte.weight"] + 1})
    with pytest.raises(KeyMismatch, match=r"lm_head\.weight differs"):
        load_checkpoint(folder)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened_exactly_or_kept(
    tmp_path: Path, model: GPT2, dtype: torch.dtype
) -> None:
    save_checkpoint(tmp_path / "m", model, None, dtype=dtype)
    wide, kept = load_checkpoint(tmp_path / "m"), load_checkpoint(tmp_path / "m", dtype=dtype)
    for p, q, r in zip(*(m.parameters() for m in (model, wide.model, kept.model)), strict=True):
        assert q.dtype == torch.float32
        assert r.dtype == dtype
        assert torch.equal(q, p.to(dtype).float())
        assert torch.equal(r, p.to(dtype))


def test_shards_are_read_by_their_index(folder: Path, model: GPT2) -> None:
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = list(state)
    halves = {"model-1-of-2.safetensors": names[:9], "model-2-of-2.safetensors": names[9:]}
    for file, some in halves.items():
        save_file({name: state[name] for name in some}, folder / file)
    places = {name: file for file, some in halves.items() for name in some}
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    same(load_checkpoint(folder).model, model)
    (folder / "model-2-of-2.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model-2-of-2\.safetensors is missing"):
        load_checkpoint(folder)
    index.write_text(json.dumps({"weight_map": dict.fromkeys(names, "../model.safetensors")}))
    with pytest.raises(UnsafeCheckpoint, match="no plain file name"):
        load_checkpoint(folder)


def test_a_pickle_is_read_only_when_allowed(folder: Path, model: GPT2) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(UnsafeCheckpoint, match="pickle"):
        load_checkpoint(folder)
    same(load_checkpoint(folder, allow_pickle=True).model, model)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: {k: v for k, v in s.items() if k != "h.1.ln_2.bias"}, r"lacks h\.1\.ln_2\.bias"),
        (lambda s: {**s, "h.2.ln_1.bias": s["h.1.ln_1.bias"]}, r"no place for h\.2\.ln_1\.bias"),
        (lambda s: {**s, "wpe.weight": s["wpe.weight"][1:]}, r"wpe\.weight has shape \(11, 8\)"),
        (lambda s: {**s, "ln_f.bias": s["ln_f.bias"] / 0}, r"of ln_f\.bias are not finite"),
        (lambda s: {**s, "ln_f.bias": s["ln_f.bias"].long()}, r"ln_f\.bias holds torch\.int64"),
    ],
    ids=["missing", "unknown", "shape", "infinite", "integers"],
)
def test_every_tensor_is_accounted_for(
    folder: Path, change: Callable[..., dict[str, torch.Tensor]], message: str
) -> None:
    rewrite(folder, change)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model_type", "llama"),
        ("activation_function", "relu"),
        ("scale_attn_by_inverse_layer_idx", True),
        ("scale_attn_weights", False),
        ("tie_word_embeddings", False),
        ("n_inner", 16),
    ],
)
def test_another_architecture_is_refused_by_name(folder: Path, field: str, value: object) -> None:
    edit_config(folder, **{field: value})
    with pytest.raises(KeyMismatch, match=field):
        load_checkpoint(folder)


def test_an_impossible_size_is_refused_before_anything_is_allocated(folder: Path) -> None:
    edit_config(folder, n_layer=10**9)
    with pytest.raises(ConfigError, match="1,000,000,000 layers"):
        load_checkpoint(folder)
    edit_config(folder, n_layer="2")
    with pytest.raises(ConfigError, match="n_layer is '2'"):
        load_checkpoint(folder)


def test_a_run_directory_is_loaded_by_its_own_path(folder: Path, model: GPT2) -> None:
    same(load_checkpoint(folder.parent).model, model)


@pytest.mark.parametrize(("to", "name"), [("hf", "copy"), ("nanogpt", "c.pt"), ("llmc", "c.bin")])
def test_conversion_there_and_back_keeps_every_bit(
    folder: Path, tmp_path: Path, model: GPT2, to: str, name: str
) -> None:
    report = convert(folder, tmp_path / name, to=to)  # type: ignore[arg-type]
    assert report.max_difference == 0.0
    assert sum(report.files.values()) > 4 * sum(p.numel() for p in model.parameters())
    same(load_checkpoint(tmp_path / name).model, model)
    convert(tmp_path / name, tmp_path / "back", to="hf")
    same(load_checkpoint(tmp_path / "back").model, model)
    convert(folder, tmp_path / name, to=to)  # type: ignore[arg-type]  # replaces its own kind
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["model", name, "back"])


def test_what_nanogpt_reads_is_what_it_would_have_written(folder: Path, tmp_path: Path) -> None:
    convert(folder, tmp_path / "c.pt", to="nanogpt")
    content = torch.load(tmp_path / "c.pt", weights_only=True)
    ours = load_file(folder / "model.safetensors")
    assert content["model_args"]["block_size"] == 12
    assert content["model"].pop("lm_head.weight").shape == (300, 8)
    assert set(content["model"]) == {f"transformer.{name}" for name in ours}
    for name, value in ours.items():
        stored = content["model"][f"transformer.{name}"]
        assert torch.equal(stored.T if name.endswith(TRANSPOSED) else stored, value)


def test_nanogpt_without_biases_has_zeros(tmp_path: Path, model: GPT2) -> None:
    state = {
        f"_orig_mod.transformer.{name}": (p.T if name.endswith(TRANSPOSED) else p).detach()
        for name, p in model.named_parameters()
        if not name.endswith("bias")
    }
    names = {"n_layer": 2, "n_head": 2, "n_embd": 8, "block_size": 12, "vocab_size": 300}
    torch.save({"model": state, "model_args": {**names, "bias": False}}, tmp_path / "ckpt.pt")
    loaded = load_checkpoint(tmp_path)
    assert loaded.layout == "nanogpt"
    for name, p in loaded.model.named_parameters():
        if name.endswith("bias"):
            assert not p.any()
        else:
            assert torch.equal(p, model.get_parameter(name))


def test_llmc_pads_the_vocabulary_and_has_its_header(folder: Path, tmp_path: Path) -> None:
    convert(folder, tmp_path / "c.bin", to="llmc")
    raw = (tmp_path / "c.bin").read_bytes()
    header = [int.from_bytes(raw[i : i + 4], "little") for i in range(0, 32, 4)]
    assert header == [20240326, 3, 12, 300, 2, 2, 8, 384]
    n = 8 * (384 + 12) + 2 * (12 * 64 + 13 * 8) + 16
    assert len(raw) == 1024 + 4 * n
    convert(folder, tmp_path / "half.bin", to="llmc", dtype=torch.bfloat16)
    assert (tmp_path / "half.bin").stat().st_size == 1024 + 2 * n


@pytest.mark.parametrize(
    ("name", "to", "message"),
    [
        ("x.bin", "gguf", "Unknown layout 'gguf'"),
        ("x.txt", "nanogpt", r"is no \.pt file"),
        ("model", "llmc", r"is no \.bin file"),
        ("full", "hf", "is not empty and holds no model"),
        ("note.bin", "llmc", "is no llm.c model"),
    ],
)
def test_nothing_else_is_overwritten(folder: Path, name: str, to: str, message: str) -> None:
    home = folder.parent
    (home / "full").mkdir()
    (home / "full" / "thesis.txt").write_text("years of work")
    (home / "note.bin").write_text("a note")
    with pytest.raises(ConfigError, match=message):
        convert(folder, home / name, to=to)  # type: ignore[arg-type]
    assert (home / "full" / "thesis.txt").read_text() == "years of work"
    assert (home / "note.bin").read_text() == "a note"
