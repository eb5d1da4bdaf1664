"""nanoGPT's files, with nanoGPT's model rebuilt here, and pickles that want more than tensors."""

import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cutaway.checkpoints import convert, load_checkpoint, load_config, save_checkpoint
from cutaway.checkpoints.nanogpt import write_nanogpt
from cutaway.errors import CorruptCheckpoint, KeyMismatch, MissingWeights, UnsafeCheckpoint
from cutaway.models import GPT2, GPT2Config

TRANSPOSED = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
ARGUMENTS = {"n_layer": 3, "n_head": 5, "n_embd": 20, "block_size": 24, "vocab_size": 61}


class NanoGPT(nn.Module):
    """Its parameters and what it computes, GELU in the tanh form."""

    def __init__(self, *, n_layer: int, n_head: int, n_embd: int, block_size: int, vocab_size: int):
        super().__init__()
        self.n_head = n_head

        def block() -> nn.Module:
            attn = nn.ModuleDict(
                {"c_attn": nn.Linear(n_embd, 3 * n_embd), "c_proj": nn.Linear(n_embd, n_embd)}
            )
            mlp = nn.ModuleDict(
                {"c_fc": nn.Linear(n_embd, 4 * n_embd), "c_proj": nn.Linear(4 * n_embd, n_embd)}
            )
            norms = {"ln_1": nn.LayerNorm(n_embd), "ln_2": nn.LayerNorm(n_embd)}
            return nn.ModuleDict({**norms, "attn": attn, "mlp": mlp})

        self.transformer = nn.ModuleDict(
            {
                "wte": nn.Embedding(vocab_size, n_embd),
                "wpe": nn.Embedding(block_size, n_embd),
                "h": nn.ModuleList(block() for _ in range(n_layer)),
                "ln_f": nn.LayerNorm(n_embd),
            }
        )
        self.lm_head = nn.Linear(n_embd, vocab_size, bias=False)
        self.transformer.wte.weight = self.lm_head.weight

    def forward(self, idx: Tensor) -> Tensor:
        t = self.transformer
        x = t.wte(idx) + t.wpe(torch.arange(idx.shape[1]))
        for block in t.h:
            q, k, v = block.attn.c_attn(block.ln_1(x)).chunk(3, dim=-1)
            q, k, v = (a.unflatten(-1, (self.n_head, -1)).transpose(1, 2) for a in (q, k, v))
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + block.attn.c_proj(y.transpose(1, 2).flatten(2))
            hidden = F.gelu(block.mlp.c_fc(block.ln_2(x)), approximate="tanh")
            x = x + block.mlp.c_proj(hidden)
        return self.lm_head(t.ln_f(x))


@pytest.fixture
def theirs() -> NanoGPT:
    torch.manual_seed(3)
    return NanoGPT(**ARGUMENTS)


def checkpoint(model: nn.Module, **arguments: Any) -> dict[str, Any]:
    """What nanoGPT's train.py saves, AdamW's state included."""
    parameters = list(model.parameters())
    state = {
        i: {"step": torch.tensor(5.0), "exp_avg": p.detach() * 0.1, "exp_avg_sq": p.detach() ** 2}
        for i, p in enumerate(parameters)
    }
    group = {"lr": 1e-3, "betas": (0.9, 0.95), "fused": None, "params": [*range(len(parameters))]}
    return {
        "model": model.state_dict(),
        "optimizer": {"state": state, "param_groups": [group]},
        "model_args": {**ARGUMENTS, "dropout": 0.0, "bias": True, **arguments},
        "iter_num": 2000,
        "best_val_loss": torch.tensor(1.4697),
        "config": {"dataset": "shakespeare_char", "learning_rate": 1e-3, "compile": True},
    }


def test_logits_of_their_model(tmp_path: Path, theirs: NanoGPT) -> None:
    torch.save(checkpoint(theirs), tmp_path / "ckpt.pt")
    loaded = load_checkpoint(tmp_path)
    assert (loaded.layout, loaded.tokenizer) == ("nanogpt", None)
    tokens = torch.arange(24)[None]
    with torch.no_grad():
        torch.testing.assert_close(loaded.model(tokens), theirs(tokens), rtol=0, atol=2e-6)
    assert load_config(tmp_path / "ckpt.pt") == loaded.model.config


def test_the_prefix_of_a_compiled_model(tmp_path: Path, theirs: NanoGPT) -> None:
    saved = checkpoint(theirs)
    plain = torch.save(saved, tmp_path / "a.pt") or load_checkpoint(tmp_path / "a.pt")
    saved["model"] = {f"_orig_mod.{name}": tensor for name, tensor in saved["model"].items()}
    torch.save(saved, tmp_path / "b.pt")
    assert load_checkpoint(tmp_path / "b.pt").fingerprint == plain.fingerprint


def test_absent_biases_are_zero(tmp_path: Path, theirs: NanoGPT) -> None:
    saved = checkpoint(theirs, bias=False)
    saved["model"] = OrderedDict(
        (name, tensor) for name, tensor in saved["model"].items() if not name.endswith(".bias")
    )
    torch.save(saved, tmp_path / "ckpt.pt")
    state = load_checkpoint(tmp_path).model.state_dict()
    assert all(not tensor.any() for name, tensor in state.items() if name.endswith("bias"))
    saved["model_args"]["bias"] = True
    torch.save(saved, tmp_path / "ckpt.pt")
    with pytest.raises(MissingWeights, match="bias"):
        load_checkpoint(tmp_path)


def test_a_head_of_its_own_is_refused(tmp_path: Path, theirs: NanoGPT) -> None:
    saved = checkpoint(theirs)
    saved["model"]["lm_head.weight"] = saved["model"]["lm_head.weight"] + 1
    torch.save(saved, tmp_path / "ckpt.pt")
    with pytest.raises(KeyMismatch, match=r"lm_head\.weight"):
        load_checkpoint(tmp_path)


def test_a_variant_is_refused_by_its_argument(tmp_path: Path, theirs: NanoGPT) -> None:
    torch.save(checkpoint(theirs, use_rmsnorm=True), tmp_path / "ckpt.pt")
    with pytest.raises(KeyMismatch, match="use_rmsnorm"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_every_protocol(tmp_path: Path, theirs: NanoGPT, protocol: int) -> None:
    torch.save(checkpoint(theirs), tmp_path / "ckpt.pt", pickle_protocol=protocol)
    load_checkpoint(tmp_path)


@torch.no_grad()
def test_what_is_written_loads_into_their_model(
    tmp_path: Path, tiny_model: GPT2, theirs: NanoGPT
) -> None:
    save_checkpoint(tmp_path / "ours", tiny_model, None)
    convert(tmp_path / "ours", tmp_path / "theirs", to="nanogpt")
    saved = torch.load(tmp_path / "theirs" / "ckpt.pt", weights_only=True)
    theirs.load_state_dict(saved["model"], strict=True)
    assert saved["model_args"] == {**ARGUMENTS, "dropout": 0.0, "bias": True}
    tokens = torch.arange(24)[None]
    torch.testing.assert_close(theirs(tokens), tiny_model(tokens), rtol=1e-5, atol=1e-5)


class Evil:
    def __init__(self, function: Callable[..., Any], *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return self.call


def test_a_file_that_would_run_code_does_not(tmp_path: Path, theirs: NanoGPT) -> None:
    canary = tmp_path / "canary"
    saved = checkpoint(theirs) | {"config": Evil(Path.touch, canary)}
    torch.save(saved, tmp_path / "ckpt.pt")
    for allow_pickle in (False, True):
        with pytest.raises(UnsafeCheckpoint, match=r"it names \w+\."):
            load_checkpoint(tmp_path, allow_pickle=allow_pickle)
    assert not canary.exists()
    torch.load(tmp_path / "ckpt.pt", weights_only=False)
    assert canary.exists()  # the bullet was live


def rewritten(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Puts another pickle into a file of torch's, the rest as it was."""
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in held.items():
            archive.writestr(name, change(data) if name.endswith("/data.pkl") else data)


@pytest.mark.parametrize("name", ["posix\nsystem", "builtins\neval", "torch\nload", "os\nremove"])
def test_a_forbidden_name_is_told(tmp_path: Path, theirs: NanoGPT, name: str) -> None:
    torch.save(checkpoint(theirs), tmp_path / "ckpt.pt")
    rewritten(tmp_path / "ckpt.pt", lambda _: b"\x80\x02c" + name.encode() + b"\n.")
    with pytest.raises(UnsafeCheckpoint, match=name.replace("\n", r"\.")):
        load_checkpoint(tmp_path)


def test_tensors_that_are_not_dense_are_refused(tmp_path: Path, theirs: NanoGPT) -> None:
    for spoilt in (torch.zeros(1).expand(61, 20), torch.zeros(20, 61).T, torch.zeros(62, 20)[1:]):
        saved = checkpoint(theirs)
        saved["model"]["transformer.wte.weight"] = spoilt
        saved["model"].pop("lm_head.weight")
        torch.save(saved, tmp_path / "ckpt.pt")
        with pytest.raises(CorruptCheckpoint, match="does not fill its storage"):
            load_checkpoint(tmp_path)


def test_what_nanogpt_crops_is_read(tmp_path: Path, theirs: NanoGPT) -> None:
    """``crop_block_size`` leaves the positions, and masks, as views of larger storages."""
    saved = checkpoint(theirs, block_size=16)
    model = saved["model"]
    model["transformer.wpe.weight"] = model["transformer.wpe.weight"][:16]
    for i in range(ARGUMENTS["n_layer"]):
        mask = torch.ones(24, 24).tril().view(1, 1, 24, 24)
        model[f"transformer.h.{i}.attn.bias"] = mask[:, :, :16, :16]
    torch.save(saved, tmp_path / "ckpt.pt")
    assert torch.load(tmp_path / "ckpt.pt")["model"]["transformer.wpe.weight"].shape == (16, 20)
    loaded = load_checkpoint(tmp_path).model
    assert loaded.config.n_ctx == 16
    assert torch.equal(loaded.wpe.weight, model["transformer.wpe.weight"])
    assert loaded.wpe.weight.untyped_storage().nbytes() == 16 * 20 * 4


def test_an_axis_of_one_may_have_any_stride(tmp_path: Path) -> None:
    model = NanoGPT(**{**ARGUMENTS, "block_size": 1})
    saved = checkpoint(model, block_size=1)
    wpe = saved["model"]["transformer.wpe.weight"]
    saved["model"]["transformer.wpe.weight"] = wpe.as_strided((1, 20), (1, 1))
    torch.save(saved, tmp_path / "ckpt.pt")
    assert torch.equal(load_checkpoint(tmp_path).model.wpe.weight, wpe)


def test_a_large_storage_is_not_read_for_many_small_tensors(tmp_path: Path) -> None:
    config = GPT2Config(vocab_size=8, n_ctx=8, n_embd=8, n_layer=60, n_head=2)
    write_nanogpt(tmp_path / "ckpt.pt", GPT2(config), torch.float32)
    saved = torch.load(tmp_path / "ckpt.pt")
    big = torch.zeros(1 << 20)
    for name, tensor in saved["model"].items():
        saved["model"][name] = big[: tensor.numel()].view(tensor.shape)
    torch.save(saved, tmp_path / "ckpt.pt")
    with pytest.raises(CorruptCheckpoint, match="does not fill its storage"):
        load_checkpoint(tmp_path)


def test_absent_biases_have_one_fingerprint_in_every_layout(
    tmp_path: Path, theirs: NanoGPT
) -> None:
    saved = checkpoint(theirs, bias=False)
    saved["model"] = {n: t.bfloat16() for n, t in theirs.state_dict().items() if "bias" not in n}
    torch.save(saved, tmp_path / "ckpt.pt")
    report = convert(tmp_path / "ckpt.pt", tmp_path / "hf", to="hf")
    assert report.dtype == torch.bfloat16
    assert report.fingerprint == load_checkpoint(tmp_path / "ckpt.pt").fingerprint


def test_many_names_for_one_storage_are_refused(tmp_path: Path) -> None:
    """A file of a few kilobytes that would unfold into as many models as it has names."""
    big = torch.zeros(64, 64)
    arguments = {"n_layer": 50, "n_head": 2, "n_embd": 64, "block_size": 64, "vocab_size": 64}
    with torch.device("meta"):
        shapes = GPT2(
            GPT2Config(vocab_size=64, n_ctx=64, n_embd=64, n_layer=50, n_head=2)
        ).state_dict()
    pool = {
        tuple(t.shape[::-1] if n.endswith(TRANSPOSED) else t.shape): 0 for n, t in shapes.items()
    }
    pool = {shape: torch.zeros(shape) for shape in pool} | {(64, 64): big}
    model = {
        f"transformer.{n}": pool[tuple(t.shape[::-1] if n.endswith(TRANSPOSED) else t.shape)]
        for n, t in shapes.items()
    }
    torch.save({"model": model, "model_args": arguments}, tmp_path / "ckpt.pt")
    with pytest.raises(CorruptCheckpoint, match="claim"):
        load_checkpoint(tmp_path)


def test_a_compressed_archive_is_refused(tmp_path: Path, theirs: NanoGPT) -> None:
    torch.save(checkpoint(theirs), tmp_path / "ckpt.pt")
    with zipfile.ZipFile(tmp_path / "ckpt.pt") as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "ckpt.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in held.items():
            archive.writestr(name, data)
    with pytest.raises(CorruptCheckpoint, match="compressed"):
        load_checkpoint(tmp_path)


def test_each_byte_of_a_storage_counts(tmp_path: Path, theirs: NanoGPT) -> None:
    torch.save(checkpoint(theirs), tmp_path / "ckpt.pt")
    data = bytearray((tmp_path / "ckpt.pt").read_bytes())
    raw = theirs.lm_head.weight.detach().numpy().tobytes()
    at = data.find(raw[:64])
    assert at > 0
    data[at + 3] ^= 1
    (tmp_path / "ckpt.pt").write_bytes(data)
    with pytest.raises(CorruptCheckpoint, match="checksum"):
        load_checkpoint(tmp_path)
