"""LoRA on a model: what is trained, what stays, and the way back."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from cutaway.checkpoints import load_checkpoint, save_checkpoint
from cutaway.errors import ConfigError, UnknownName
from cutaway.models import GPT2, GPT2Config
from cutaway.nn import Conv1D
from cutaway.training.checkpoint import TrainingState
from cutaway.training.lora import TARGETS, LoRA, LoRAConfig
from cutaway.training.objectives import TokenBatch, causal_lm
from cutaway.training.optimizers import OptimizerConfig, build_optimizers
from cutaway.training.recipe import Recipe

IDS = torch.tensor([[3, 14, 15, 9, 26], [5, 35, 8, 9, 7]])
ALL = LoRAConfig(rank=2, alpha=6.0, targets=TARGETS)


def moved(lora: LoRA) -> LoRA:
    """As if it had learnt something."""
    for layer in lora.layers.values():
        nn.init.normal_(layer.lora_B, std=0.3)
    return lora


def copies(model: GPT2) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def equal(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@torch.no_grad()
def test_the_first_step_sees_the_base_exactly(tiny_model: GPT2) -> None:
    expected = tiny_model(IDS)
    names = list(tiny_model.state_dict())
    LoRA(tiny_model, ALL)
    assert torch.equal(tiny_model(IDS), expected)
    assert [name for name in tiny_model.state_dict() if "lora" not in name] == names


def test_only_the_new_matrices_are_trained(tiny_model: GPT2) -> None:
    before = copies(tiny_model)
    lora = LoRA(tiny_model, LoRAConfig(rank=2, targets=("attn.c_attn", "mlp.c_fc")))
    state = TrainingState(lora.trained, build_optimizers(lora.trained, OptimizerConfig(lr=0.1)))
    names = {
        f"h.{i}.{layer}.lora_{letter}"
        for i in range(3)
        for layer in ("attn.c_attn", "mlp.c_fc")
        for letter in "AB"
    }
    assert set(lora.trained.state_dict()) == names
    for _ in range(2):
        causal_lm(tiny_model, TokenBatch.of_windows(IDS)).backward()
        state.optimizers["adamw"].step()
    held = {path.split("/")[2] for path in state.optimizer_tensors()}
    assert held == names
    after = tiny_model.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert all(p.grad is None for name, p in tiny_model.named_parameters() if name not in names)
    assert all(layer.lora_B.abs().max() > 0 for layer in lora.layers.values())
    assert lora.n_trained == 3 * 2 * (20 + 60 + 20 + 80)
    assert "1,080 of 18,000 parameters are trained (6 %)" in str(lora)


def test_what_is_trained_comes_back_from_its_state(tiny_model: GPT2) -> None:
    lora = moved(LoRA(tiny_model, ALL))
    state = {name: tensor.clone() for name, tensor in lora.trained.state_dict().items()}
    with torch.no_grad():
        expected = tiny_model(IDS)
        moved(lora)
        assert not torch.equal(tiny_model(IDS), expected)
        lora.trained.load_state_dict(state)
        torch.testing.assert_close(tiny_model(IDS), expected, rtol=0, atol=1e-6)


@torch.no_grad()
def test_merged_it_is_one_matrix_and_then_as_before(tiny_model: GPT2) -> None:
    base = copies(tiny_model)
    lora = moved(LoRA(tiny_model, ALL))
    tiny_model.eval()
    expected, before = tiny_model(IDS), copies(tiny_model)
    with lora.merged() as model:
        assert all(type(m) is not type(lora.layers["h.0.attn.c_attn"]) for m in model.modules())
        assert list(model.state_dict()) == list(base)
        assert not torch.equal(model.h[0].attn.c_attn.weight, base["h.0.attn.c_attn.weight"])
        torch.testing.assert_close(model(IDS), expected, rtol=0, atol=2e-5)
    assert equal(copies(tiny_model), before)
    assert torch.equal(tiny_model(IDS), expected)
    assert equal(copies(lora.detach()), base)
    assert {type(m) for name, m in tiny_model.named_modules() if name.endswith("c_fc")} == {Conv1D}
    assert all(p.requires_grad for p in tiny_model.parameters())


@torch.no_grad()
def test_what_was_saved_is_what_was_merged_bit_for_bit(tmp_path: Path, tiny_model: GPT2) -> None:
    save_checkpoint(tmp_path / "base", tiny_model, None)
    lora = moved(LoRA(tiny_model, ALL))
    lora.save(tmp_path / "adapter")
    with lora.merged() as model:
        merged = copies(model)
        save_checkpoint(tmp_path / "model", model, None)
    read = load_checkpoint(tmp_path / "base", adapter=tmp_path / "adapter")
    assert equal(copies(read.model), merged)
    assert read.fingerprint == load_checkpoint(tmp_path / "model").fingerprint


def test_dropout_draws_only_in_training(tiny_model: GPT2) -> None:
    moved(LoRA(tiny_model.eval(), LoRAConfig(rank=2, dropout=0.5)))
    assert torch.equal(tiny_model(IDS), tiny_model(IDS))
    tiny_model.train()
    assert not torch.equal(tiny_model(IDS), tiny_model(IDS))


def test_two_on_one_model_are_refused(tiny_model: GPT2) -> None:
    LoRA(tiny_model, ALL)
    with pytest.raises(ConfigError, match=r"h\.0\.attn\.c_attn is a LoRAConv1D"):
        LoRA(tiny_model, ALL)


def test_the_same_seed_begins_the_same(tiny_config: GPT2Config) -> None:
    a, b, c = (LoRA(GPT2(tiny_config), ALL, seed=seed) for seed in (1, 1, 2))
    assert equal(a.trained.state_dict(), b.trained.state_dict())
    assert not equal(a.trained.state_dict(), c.trained.state_dict())


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"rank": -1}, "lora.rank is -1"),
        ({"alpha": 8.0}, "lora.rank is 0"),
        ({"rank": 4, "alpha": 0.0}, "lora.alpha is 0.0"),
        ({"rank": 4, "dropout": 1.0}, "lora.dropout is 1.0"),
        ({"rank": 4, "targets": ()}, "lora.targets is"),
        ({"rank": 4, "targets": ("mlp.c_fc", "mlp.c_fc")}, "lora.targets is"),
    ],
)
def test_impossible_values_are_refused(fields: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        LoRAConfig(**fields)  # type: ignore[arg-type]


def test_a_layer_that_is_none_has_a_near_one() -> None:
    with pytest.raises(UnknownName, match=r"(?s)'attn\.c_atn'.*'attn\.c_attn'"):
        Recipe.from_dict({"lora": {"rank": 4, "targets": ["attn.c_atn"]}})


def test_a_table_in_the_recipe() -> None:
    recipe = Recipe.from_dict({"lora": {"rank": 4, "targets": ["mlp.c_fc", "mlp.c_proj"]}})
    assert recipe.lora == LoRAConfig(rank=4, targets=("mlp.c_fc", "mlp.c_proj"))
    assert Recipe.from_dict(recipe.to_dict()) == recipe


def test_new_rows_of_the_vocabulary_are_trained_whole_and_no_others(tiny_model: GPT2) -> None:
    before, wte = copies(tiny_model), tiny_model.wte
    lora = LoRA(tiny_model, LoRAConfig(rank=2), n_new=3)
    with torch.no_grad():
        assert equal({"wte.weight": tiny_model.wte.weight}, {"wte.weight": before["wte.weight"]})
    state = TrainingState(lora.trained, build_optimizers(lora.trained, OptimizerConfig(lr=0.1)))
    assert "wte.rows" in lora.trained.state_dict()
    assert "and 3 new rows of the vocabulary" in str(lora)
    digest = lora.digest_of_base()
    causal_lm(tiny_model, TokenBatch.of_windows(IDS)).backward()
    state.optimizers["adamw"].step()
    rows = tiny_model.wte.weight.detach()
    assert torch.equal(rows[:-3], before["wte.weight"][:-3])
    assert not (rows[-3:] == before["wte.weight"][-3:]).any()
    assert lora.digest_of_base() == digest
    with torch.no_grad(), lora.base() as base:
        assert list(base.state_dict()) == list(before)
        assert torch.equal(base.wte.weight, rows)
        assert torch.equal(base.h[0].attn.c_attn.weight, before["h.0.attn.c_attn.weight"])
    with lora.merged() as merged:
        assert list(merged.state_dict()) == list(before)
        assert torch.equal(merged.wte.weight, rows)
    assert tiny_model.wte is lora.grown
    assert equal(copies(lora.detach()), before)
    assert tiny_model.wte is wte
    assert all(p.requires_grad for p in tiny_model.parameters())


def test_a_grown_model_computes_what_it_would_in_one_table(tiny_model: GPT2) -> None:
    """Gradients of the new rows are those of the whole table, from both of its uses."""
    last = tiny_model.config.vocab_size - 1
    ids = [[last - 1, 14, last, 9, last - 2], [last - 2, last, 8, 9, 7]]
    batch = TokenBatch.of_windows(torch.tensor(ids))
    causal_lm(tiny_model, batch).backward()
    assert tiny_model.wte.weight.grad is not None
    expected = tiny_model.wte.weight.grad[-3:].clone()
    tiny_model.zero_grad()
    lora = LoRA(tiny_model, LoRAConfig(rank=2), n_new=3)
    causal_lm(tiny_model, batch).backward()
    assert lora.grown is not None
    torch.testing.assert_close(lora.grown.rows.grad, expected)
    assert lora.grown.kept.grad is None
