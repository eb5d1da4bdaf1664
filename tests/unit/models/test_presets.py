"""The published sizes, counted without memory."""

import pytest
import torch

from cutaway.models import GPT2, PRESETS


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("gpt2", 124_439_808),
        ("gpt2-medium", 354_823_168),
        ("gpt2-large", 774_030_080),
        ("gpt2-xl", 1_557_611_200),
        ("pocket", 14_186_496),
    ],
)
def test_parameter_counts(name: str, parameters: int) -> None:
    with torch.device("meta"):
        model = GPT2(PRESETS[name])
    assert sum(p.numel() for p in model.parameters()) == parameters


def test_every_preset_has_heads_of_64() -> None:
    assert {config.head_dim for config in PRESETS.values()} == {64}


def test_the_small_model_s_matrices_are_those_of_the_article() -> None:
    with torch.device("meta"):
        state = GPT2(PRESETS["gpt2"]).state_dict()
    assert len(state) == 148
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    assert shapes["wte.weight"] == (50257, 768)
    assert shapes["wpe.weight"] == (1024, 768)
    assert shapes["h.0.attn.c_attn.weight"] == (768, 2304)
    assert shapes["h.0.attn.c_attn.bias"] == (2304,)
    assert shapes["h.11.attn.c_proj.weight"] == (768, 768)
    assert shapes["h.11.mlp.c_fc.weight"] == (768, 3072)
    assert shapes["h.11.mlp.c_proj.weight"] == (3072, 768)
    assert shapes["ln_f.weight"] == (768,)
