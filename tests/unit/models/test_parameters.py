"""The article's table of parameters, for the four sizes and for any other."""

import pytest
import torch

from cutaway.models import GPT2, PRESETS, GPT2Config, parameter_table


@pytest.mark.parametrize(
    ("name", "total", "block"),
    [
        ("gpt2", 124_439_808, 7_087_872),
        ("gpt2-medium", 354_823_168, 12_596_224),
        ("gpt2-large", 774_030_080, 19_677_440),
        ("gpt2-xl", 1_557_611_200, 30_740_800),
    ],
)
def test_totals_of_the_published_sizes(name: str, total: int, block: int) -> None:
    table = parameter_table(PRESETS[name])
    assert (table.total, table.block) == (total, block)
    assert table.weight_bytes() == 4 * total
    assert table.weight_bytes(torch.bfloat16) == 2 * total


def test_the_small_model_matrix_by_matrix() -> None:
    rows = {m.name: (m.shape, m.size, m.copies) for m in parameter_table(PRESETS["gpt2"]).matrices}
    assert rows == {
        "wte.weight": ((50257, 768), 38_597_376, 1),
        "wpe.weight": ((1024, 768), 786_432, 1),
        "h.*.ln_1.weight": ((768,), 768, 12),
        "h.*.ln_1.bias": ((768,), 768, 12),
        "h.*.attn.c_attn.weight": ((768, 2304), 1_769_472, 12),
        "h.*.attn.c_attn.bias": ((2304,), 2_304, 12),
        "h.*.attn.c_proj.weight": ((768, 768), 589_824, 12),
        "h.*.attn.c_proj.bias": ((768,), 768, 12),
        "h.*.ln_2.weight": ((768,), 768, 12),
        "h.*.ln_2.bias": ((768,), 768, 12),
        "h.*.mlp.c_fc.weight": ((768, 3072), 2_359_296, 12),
        "h.*.mlp.c_fc.bias": ((3072,), 3_072, 12),
        "h.*.mlp.c_proj.weight": ((3072, 768), 2_359_296, 12),
        "h.*.mlp.c_proj.bias": ((768,), 768, 12),
        "ln_f.weight": ((768,), 768, 1),
        "ln_f.bias": ((768,), 768, 1),
    }


def test_counts_what_a_real_model_holds(tiny_model: GPT2) -> None:
    table = parameter_table(tiny_model.config)
    assert table.total == sum(parameter.numel() for parameter in tiny_model.parameters())
    assert table.n_tensors == len(tiny_model.state_dict())
    cache = tiny_model.new_cache()
    assert table.cache_bytes_per_token() * cache.n_ctx == cache.nbytes


def test_a_size_that_fits_no_machine_is_counted_all_the_same() -> None:
    huge = GPT2Config(vocab_size=10**9, n_ctx=10**9, n_embd=2**20, n_layer=10**6, n_head=2**10)
    assert parameter_table(huge).total > 10**19
