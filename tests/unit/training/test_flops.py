"""The arithmetic of a token, counted by hand, and what devices can do."""

from dataclasses import replace

import pytest

from cutaway.models import PRESETS, GPT2Config, parameter_table
from cutaway.training.flops import flops_per_token, peak_of


@pytest.mark.parametrize("name", sorted(PRESETS.keys() - {"t-dmca", "jsb", "piano"}))
def test_every_parameter_is_multiplied_with_but_those_that_are_looked_up(name: str) -> None:
    config, table = PRESETS[name], parameter_table(PRESETS[name])
    sizes = {matrix.name: matrix.size for matrix in table.matrices}
    has_head = "lm_head.weight" in sizes
    n = table.total - sizes["wte.weight" if has_head else "wpe.weight"]
    attention = 12 * config.n_layer * config.n_embd * config.n_ctx
    assert flops_per_token(config) == 6 * n + attention


def test_a_shorter_context_costs_less_attention_and_nothing_else() -> None:
    config = GPT2Config(vocab_size=10, n_ctx=64, n_embd=8, n_layer=3, n_head=2)
    assert flops_per_token(config) - flops_per_token(config, 16) == 12 * 3 * 8 * 48


def test_another_architecture_brings_its_own_count() -> None:
    config = GPT2Config(vocab_size=10, n_ctx=64, n_embd=8, n_layer=3, n_head=2)
    assert flops_per_token(config, 0, parameters=1000) == 6000


def test_nanogpts_figure_for_the_small_gpt2() -> None:
    """nanoGPT's estimate_mfu gives 6 N + 12 L H Q T with N = 123,653,376 at 1,024 positions."""
    assert flops_per_token(PRESETS["gpt2"]) == 6 * 123_653_376 + 12 * 12 * 12 * 64 * 1024


@pytest.mark.parametrize(
    ("device", "tera"),
    [
        ("NVIDIA H200", 989),
        ("NVIDIA H100 80GB HBM3", 989),
        ("NVIDIA H100 PCIe", 756),
        ("NVIDIA GH200 480GB", 989),
        ("NVIDIA A100-SXM4-40GB", 312),
        ("NVIDIA A10G", 70),
        ("NVIDIA A10", 125),
        ("NVIDIA L40S", 362),
        ("NVIDIA L4", 121),
        ("NVIDIA B200", 2250),
        ("NVIDIA GeForce RTX 4090", 165),
        ("AMD Instinct MI300X", 1307),
    ],
)
def test_peaks(device: str, tera: float) -> None:
    assert peak_of(device) == tera * 1e12


@pytest.mark.parametrize("device", ["AMD EPYC 9R14", "Tesla T4", "mps", "", "NVIDIA A1000"])
def test_of_other_devices_nothing_is_made_up(device: str) -> None:
    assert peak_of(device) is None


def test_what_makes_a_slot_counts_once_for_its_tokens() -> None:
    """A third of the weights that compress; their biases and the null slot are not worth a term."""
    config, table = PRESETS["t-dmca"], parameter_table(PRESETS["t-dmca"])
    of_slots = {m for m in table.matrices if "compress" in m.name or "null" in m.name}
    weights = sum(m.size * m.copies for m in of_slots if m.name.endswith("weight"))
    n = table.total - sum(m.size * m.copies for m in of_slots) + weights // 3
    keys = 3 * 256 + 2 * (1 + 1024 // 3)
    assert flops_per_token(config, 1024) == 6 * n + 12 * 256 * keys


def test_music_multiplies_with_every_vector_of_a_distance_that_there_is() -> None:
    """And with a window no query has more than two blocks of keys."""
    config, table = PRESETS["piano"], parameter_table(PRESETS["piano"])
    assert flops_per_token(config) == 6 * table.total + 12 * 6 * 512 * 2048
    distances = 1024 * 512
    assert flops_per_token(config, 100) == (
        6 * (table.total - 6 * (distances - 100 * 512)) + 12 * 6 * 512 * 100
    )
    local = replace(config, window=256)
    assert flops_per_token(local) == (
        6 * (table.total - 6 * (distances - 512 * 512)) + 12 * 6 * 512 * 512
    )
