"""Adapters between us and PEFT (Hugging Face): ours loads there, theirs here, with equal logits."""

from pathlib import Path

import pytest
import torch
from benchmarks.peers import transformers_gpt2
from torch import nn

from cutaway.checkpoints import load_checkpoint, save_checkpoint
from cutaway.models import GPT2
from cutaway.training.lora import TARGETS, LoRA, LoRAConfig

peft = pytest.importorskip("peft")
# PEFT asks transformers by an old name.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")

IDS = torch.tensor([[3, 14, 15, 9, 26, 5, 35, 8, 9], [7, 9, 3, 2, 38, 46, 26, 43, 38]])
# Two float32 computations of the same numbers in another order; logits are of size 1 to 10.
TOLERANCE = 1e-5


def close(actual: torch.Tensor, expected: torch.Tensor) -> None:
    bound = TOLERANCE * max(1.0, float(expected.abs().max()))
    torch.testing.assert_close(actual, expected, rtol=0, atol=bound)


@torch.no_grad()
@pytest.mark.parametrize("targets", [("attn.c_attn",), TARGETS])
def test_ours_loads_there(tmp_path: Path, tiny_model: GPT2, targets: tuple[str, ...]) -> None:
    theirs = transformers_gpt2(tiny_model)
    base = theirs(IDS).logits.clone()
    lora = LoRA(tiny_model, LoRAConfig(rank=3, alpha=7.5, targets=targets))
    for layer in lora.layers.values():
        nn.init.normal_(layer.lora_B, std=0.2)
    lora.save(tmp_path / "adapter", base="tiny")
    expected = tiny_model.eval()(IDS)
    adapted = peft.PeftModel.from_pretrained(theirs, tmp_path / "adapter").eval()
    n_matrices = sum("lora_" in name for name, _ in adapted.named_parameters())
    assert n_matrices == 2 * len(lora.layers)
    close(adapted(IDS).logits, expected)
    assert (expected - base).abs().max() > 0.1
    with lora.merged() as model:
        close(adapted.merge_and_unload()(IDS).logits, model(IDS))


@torch.no_grad()
@pytest.mark.parametrize(
    "settings",
    [
        {"target_modules": ["c_attn"]},
        {"target_modules": ["c_attn", "c_proj", "c_fc"], "lora_alpha": 3},
        {"target_modules": ["c_attn", "c_fc"], "use_rslora": True},
        {
            "target_modules": ["c_attn", "c_proj"],
            "rank_pattern": {"h.1.attn.c_attn": 2, "mlp.c_proj": 5},
            "alpha_pattern": {r"h.\d+.attn.c_proj": 32, "c_attn": 2},
        },
        {"target_modules": ["c_attn"], "layers_to_transform": [0, 2], "layers_pattern": "h"},
        {"target_modules": r".*\.mlp\.c_fc", "init_lora_weights": "gaussian"},
    ],
)
def test_theirs_loads_here(tmp_path: Path, tiny_model: GPT2, settings: dict[str, object]) -> None:
    save_checkpoint(tmp_path / "base", tiny_model, None)
    config = peft.LoraConfig(r=4, task_type="CAUSAL_LM", fan_in_fan_out=True, **settings)
    adapted = peft.get_peft_model(transformers_gpt2(tiny_model), config).eval()
    for name, p in adapted.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(p, std=0.2)
    adapted.save_pretrained(tmp_path / "adapter")
    expected = adapted(IDS).logits
    ours = load_checkpoint(tmp_path / "base", adapter=tmp_path / "adapter").model
    close(ours(IDS), expected)
    assert (expected - tiny_model(IDS)).abs().max() > 0.1
