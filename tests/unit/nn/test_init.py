"""How weights start: the table, the seed, and nothing global touched."""

import math

import pytest
import torch

from cutaway.models import GPT2, PRESETS, GPT2Config, Modern, ModernConfig

CONFIG = GPT2Config(vocab_size=400, n_ctx=120, n_embd=96, n_layer=8, n_head=4)
MODERN = ModernConfig(vocab_size=400, n_ctx=120, n_embd=96, n_layer=8, n_head=4)
SCALED = 0.02 / math.sqrt(2 * CONFIG.n_layer)


@pytest.mark.parametrize(
    ("name", "std"),
    [
        ("wte.weight", 0.02),
        ("wpe.weight", 0.01),
        ("h.3.attn.c_attn.weight", 0.02),
        ("h.3.attn.c_proj.weight", SCALED),
        ("h.7.mlp.c_fc.weight", 0.02),
        ("h.7.mlp.c_proj.weight", SCALED),
    ],
)
def test_matrices_are_normal_with_the_table_s_spread(name: str, std: float) -> None:
    weight = GPT2(CONFIG).get_parameter(name)
    # The spread of n normal draws is known to 1/sqrt(2n); five of those never happen by chance.
    slack = 5 / math.sqrt(2 * weight.numel())
    assert weight.std().item() == pytest.approx(std, rel=slack)
    assert abs(weight.mean().item()) < 5 * std / math.sqrt(weight.numel())


@pytest.mark.parametrize(
    ("name", "std"),
    [
        ("wte.weight", 0.02),
        *[(f"h.3.attn.c_{c}.weight", 96**-0.5) for c in "qkv"],
        ("h.7.mlp.c_fc.weight", 96**-0.5),
        *[(f"h.{i}.{part}.c_proj.weight", 0.0) for i, part in ((3, "attn"), (7, "mlp"))],
        ("lm_head.weight", 0.0),
    ],
)
def test_a_modern_model_s_matrices_keep_the_mean_square_or_add_nothing(
    name: str, std: float
) -> None:
    weight = Modern(MODERN).get_parameter(name)
    slack = 5 / math.sqrt(2 * weight.numel())
    assert weight.std().item() == pytest.approx(std, rel=slack)


def test_biases_start_at_0_and_gains_at_1() -> None:
    for name, parameter in GPT2(CONFIG).named_parameters():
        if parameter.ndim == 1:
            expected = 0.0 if name.endswith("bias") else 1.0
            assert (parameter == expected).all(), name


def test_every_parameter_is_filled() -> None:
    """The tensors are allocated empty; what was in memory before must not shine through."""
    for name, parameter in GPT2(CONFIG).named_parameters():
        assert parameter.isfinite().all(), name


def test_a_seed_fixes_the_weights() -> None:
    a, b, c = (GPT2(CONFIG, seed=seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not torch.equal(a["wte.weight"], c["wte.weight"])
    assert not torch.equal(a["h.0.mlp.c_fc.weight"], a["h.1.mlp.c_fc.weight"])


def test_the_global_random_state_is_neither_read_nor_changed() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    a = GPT2(CONFIG).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(GPT2(CONFIG).wte.weight, a["wte.weight"])


def test_the_largest_size_costs_nothing_on_the_meta_device() -> None:
    with torch.device("meta"):
        model = GPT2(PRESETS["gpt2-xl"])
    assert all(parameter.is_meta for parameter in model.parameters())
    assert sum(parameter.numel() for parameter in model.parameters()) == 1_557_611_200
