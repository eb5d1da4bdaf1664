"""A layer with a narrow path beside it."""

import torch
from torch import nn

from cutaway.nn import Conv1D
from cutaway.nn.lora import LoRAConv1D


def layers(generator: torch.Generator, **settings: float) -> tuple[Conv1D, LoRAConv1D]:
    base = Conv1D(6, 10)
    with torch.no_grad():
        base.weight.normal_(generator=generator)
        base.bias.normal_(generator=generator)
    return base, LoRAConv1D(base, rank=3, generator=generator, **{"scale": 0.5, **settings})


def test_it_begins_as_the_base_bit_for_bit(generator: torch.Generator) -> None:
    base, layer = layers(generator)
    x = torch.randn(4, 5, 6, generator=generator)
    assert torch.equal(layer(x), base(x))
    assert layer.lora_A.abs().max() <= 6**-0.5
    assert layer.lora_A.std() > 0.1


def test_the_weights_are_those_of_the_base_under_the_same_names(
    generator: torch.Generator,
) -> None:
    base, layer = layers(generator)
    assert layer.weight is base.weight
    assert layer.bias is base.bias
    assert set(layer.state_dict()) == {*base.state_dict(), "lora_A", "lora_B"}


def test_it_adds_the_product_of_its_matrices(generator: torch.Generator) -> None:
    base, layer = layers(generator)
    nn.init.normal_(layer.lora_B, generator=generator)
    x = torch.randn(7, 6, generator=generator)
    weight = base.weight + 0.5 * (layer.lora_B @ layer.lora_A).T
    torch.testing.assert_close(layer(x), torch.addmm(base.bias, x, weight))


def test_dropout_is_before_the_path_and_only_in_training(generator: torch.Generator) -> None:
    base, layer = layers(generator, dropout=0.5)
    nn.init.normal_(layer.lora_B, generator=generator)
    x = torch.ones(1, 6)
    path = layer(x) - base(x)
    kept = nn.functional.dropout(x, 0.5)
    torch.manual_seed(0)
    kept = nn.functional.dropout(x, 0.5)
    torch.manual_seed(0)
    assert torch.equal(layer(x), base(x) + 0.5 * (kept @ layer.lora_A.T) @ layer.lora_B.T)
    layer.eval()
    torch.testing.assert_close(layer(x), base(x) + 0.5 * (x @ layer.lora_A.T) @ layer.lora_B.T)
    assert not torch.equal(path, torch.zeros_like(path))
