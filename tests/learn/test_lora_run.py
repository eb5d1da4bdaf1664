"""A run with [lora]: the base stays, the adapter learns, goes on after a stop, and is written."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import cutaway
from cutaway.checkpoints import load_checkpoint, save_checkpoint
from cutaway.errors import ConfigError, DataError, MissingWeights
from cutaway.models import GPT2
from cutaway.training import read_recipe, train
from toy_runs import TOY_MODEL, losses

RECIPE = f"""
{TOY_MODEL}[data]
train = [{{ file = "tales.txt" }}]
[lora]
rank = 4
alpha = 8
dropout = 0.1
targets = ["attn.c_attn", "mlp.c_fc"]
[optimizer]
lr = 3e-2
[schedule]
kind = "constant"
[training]
steps = 12
batch_size = 4
[checkpoints]
every = 4
keep = 9
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tales = [
        f"The {a} fox saw a {b} hen. The hen ran away from the {a} fox."
        for a in ("red", "old", "shy")
        for b in ("fat", "red", "wise")
    ]
    (tmp_path / "tales.txt").write_text("\n<|endoftext|>\n".join(tales))
    (tmp_path / "toy.toml").write_text(RECIPE)
    return tmp_path


def test_it_learns_goes_on_and_is_written(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    out = folder / "whole"
    with caplog.at_level("INFO", "cutaway.training"):
        trained = train(folder / "toy.toml", data=folder, out=out)
    assert "LoRA of rank 4 on attn.c_attn, mlp.c_fc: 1,152 of 12,640 parameters" in caplog.text
    assert losses(out)[-1] < losses(out)[0]

    base = GPT2(read_recipe(folder / "toy.toml").model, seed=3)
    merged = load_checkpoint(trained.directory).model.state_dict()
    for name, tensor in base.state_dict().items():
        changed = name.endswith(("attn.c_attn.weight", "mlp.c_fc.weight"))
        assert torch.equal(merged[name], tensor) != changed, name

    step = out / "checkpoints" / "step-00000008"
    assert all("lora_" in name for name in load_file(step / "model.safetensors"))
    assert all("lora_" in name for name in load_file(step / "optimizer.safetensors"))
    with pytest.raises(MissingWeights, match="not its base"):
        load_checkpoint(step)

    save_checkpoint(folder / "base", base, load_checkpoint(out).tokenizer)
    lm = cutaway.load(folder / "base", adapter=out)
    assert all(torch.equal(merged[name], p) for name, p in lm.model.state_dict().items())

    half = folder / "half"
    train(folder / "toy.toml", data=folder, out=half, settings=["training.steps=8"])
    train(folder / "toy.toml", data=folder, out=half)
    again = load_checkpoint(half).model.state_dict()
    assert all(torch.equal(again[name], tensor) for name, tensor in merged.items())
    with pytest.raises(ConfigError, match=r"was made with lora = .*rank=4"):
        train(folder / "toy.toml", data=folder, out=half, settings=["lora.rank=2"])


def test_it_adapts_a_model_that_is_there(folder: Path) -> None:
    base = train(folder / "toy.toml", data=folder, out=folder / "base", settings=["lora={rank=0}"])
    trained = train(
        folder / "toy.toml",
        data=folder,
        out=folder / "tuned",
        init=str(folder / "base" / "model"),
        settings=["training.steps=3", "tokenizer.files=[]"],
    )
    told = json.loads((folder / "tuned" / "adapter" / "adapter_config.json").read_text())
    assert told["base_model_name_or_path"] == str(folder / "base" / "model")
    tuned = load_checkpoint(trained.directory)
    again = load_checkpoint(base.directory, adapter=folder / "tuned")
    assert again.fingerprint == tuned.fingerprint != load_checkpoint(base.directory).fingerprint

    other = load_checkpoint(base.directory)
    with torch.no_grad():
        other.model.wpe.weight[3] += 1e-3
    save_checkpoint(base.directory, other.model, other.tokenizer)
    with pytest.raises(DataError, match="the model beneath the LoRA"):
        train(
            folder / "toy.toml",
            data=folder,
            out=folder / "tuned",
            init=str(base.directory),
            settings=["training.steps=4", "tokenizer.files=[]"],
        )
