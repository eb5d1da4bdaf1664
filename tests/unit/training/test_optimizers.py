"""Which parameters are updated by what rule."""

import pytest
import torch

from cutaway.models import GPT2, Modern
from cutaway.training.optimizers import OptimizerConfig, build_optimizers, set_rate


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_every_parameter_is_in_exactly_one_group(tiny_model: GPT2, kind: str) -> None:
    optimizers = build_optimizers(tiny_model, OptimizerConfig(kind=kind))  # type: ignore[arg-type]
    held = [id(p) for o in optimizers.values() for g in o.param_groups for p in g["params"]]
    assert len(held) == len(set(held))
    assert set(held) == {id(p) for p in tiny_model.parameters()}


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_biases_and_gains_do_not_decay(tiny_model: GPT2, kind: str) -> None:
    optimizers = build_optimizers(tiny_model, OptimizerConfig(kind=kind))  # type: ignore[arg-type]
    for optimizer in optimizers.values():
        for group in optimizer.param_groups:
            decays = group["weight_decay"] > 0
            assert all((p.ndim >= 2) == decays for p in group["params"])


def test_muon_takes_the_matrices_of_the_blocks_and_no_embedding(tiny_model: GPT2) -> None:
    muon = build_optimizers(tiny_model, OptimizerConfig(kind="muon"))["muon"]
    held = {id(p) for p in muon.param_groups[0]["params"]}
    named = {name for name, p in tiny_model.named_parameters() if id(p) in held}
    parts = ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
    assert named == {f"h.{i}.{part}.weight" for i in range(3) for part in parts}


def test_of_a_modern_model_too_muon_takes_the_matrices_of_the_blocks(tiny_modern: Modern) -> None:
    optimizers = build_optimizers(tiny_modern, OptimizerConfig(kind="muon"))
    names = {id(p): name for name, p in tiny_modern.named_parameters()}
    held = {
        rule: {names[id(p)] for group in optimizer.param_groups for p in group["params"]}
        for rule, optimizer in optimizers.items()
    }
    parts = ("attn.c_q", "attn.c_k", "attn.c_v", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
    assert held["muon"] == {f"h.{i}.{part}.weight" for i in range(3) for part in parts}
    assert held["adamw"] == {"wte.weight", "lm_head.weight"}


def test_rates_follow_the_factor_of_each_group_s_peak(tiny_model: GPT2) -> None:
    optimizers = build_optimizers(tiny_model, OptimizerConfig(kind="muon", lr=0.5, muon_lr=0.2))
    set_rate(optimizers, 0.5)
    set_rate(optimizers, 0.25)  # of the peak, not of the rate before
    assert {g["lr"] for g in optimizers["adamw"].param_groups} == {0.125}
    assert {g["lr"] for g in optimizers["muon"].param_groups} == {0.05}


def test_muon_moves_a_matrix_along_its_orthogonal_factor() -> None:
    """One step on a fresh momentum: the update is U V^T of the gradient, scaled to AdamW's size."""
    generator = torch.Generator().manual_seed(0)
    model = torch.nn.ModuleDict({"h": torch.nn.ModuleList([torch.nn.Linear(12, 12, bias=False)])})
    weight = model["h"][0].weight  # type: ignore[index]
    config = OptimizerConfig(kind="muon", muon_lr=0.1, weight_decay=0.0)
    muon = build_optimizers(model, config)["muon"]
    before = weight.detach().clone()
    weight.grad = torch.randn(12, 12, generator=generator)
    u, _, vh = torch.linalg.svd(weight.grad)
    muon.step()
    moved = (before - weight.detach()) / (0.1 * 0.2 * 12**0.5)
    # Five Newton-Schulz steps in bfloat16 bring the singular values near 1, not to 1.
    cosine = torch.nn.functional.cosine_similarity(moved.flatten(), (u @ vh).flatten(), dim=0)
    assert cosine > 0.95
    assert torch.linalg.svdvals(moved).max() < 1.4
