"""A size is checked field by field; a message names the field, the value and the rule."""

from dataclasses import FrozenInstanceError

import pytest

from cutaway.errors import ConfigError
from cutaway.models import PRESETS, DecoderConfig, GPT2Config


@pytest.mark.parametrize("field", ["vocab_size", "n_ctx", "n_embd", "n_layer", "n_head"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True, "12", None])
def test_counts_are_positive_whole_numbers(field: str, value: object) -> None:
    with pytest.raises(ConfigError) as caught:
        GPT2Config.from_dict({field: value})
    assert caught.value.what == f"{field} is {value!r}."
    assert "positive whole number" in caught.value.hint


@pytest.mark.parametrize("value", [-0.1, 1.0, float("nan"), float("inf"), "0.1", None, False])
def test_dropout_is_a_probability_below_1(value: object) -> None:
    with pytest.raises(ConfigError, match=r"dropout is .*\n.*\[0, 1\)"):
        GPT2Config.from_dict({"dropout": value})


@pytest.mark.parametrize("value", [0, -1e-5, 1.0, float("nan"), "1e-5", None, True])
def test_epsilon_is_small_and_positive(value: object) -> None:
    with pytest.raises(ConfigError, match=r"layer_norm_epsilon is .*\n.*\(0, 1\)"):
        GPT2Config.from_dict({"layer_norm_epsilon": value})


def test_heads_divide_the_width() -> None:
    with pytest.raises(ConfigError, match="n_embd 100 does not divide into 12 heads"):
        GPT2Config(n_embd=100)


def test_an_unknown_field_names_the_nearest() -> None:
    with pytest.raises(ConfigError) as caught:
        GPT2Config.from_dict({"n_layers": 3})
    assert caught.value.what == "Unknown model field 'n_layers'."
    assert caught.value.hint == "Did you mean 'n_layer'?"


@pytest.mark.parametrize("config", PRESETS.values(), ids=PRESETS)
def test_to_dict_and_back(config: DecoderConfig) -> None:
    assert type(config).from_dict(dict(config.to_dict())) == config


def test_derived_widths() -> None:
    assert (PRESETS["gpt2-xl"].head_dim, PRESETS["gpt2-xl"].n_inner) == (64, 6400)


def test_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        GPT2Config().n_layer = 3  # type: ignore[misc]
