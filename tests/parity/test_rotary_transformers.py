"""Rotary positions against those of Llama and GPT-NeoX in transformers, on the same numbers."""

import pytest
import torch
from torch import Tensor
from transformers.models.gpt_neox import GPTNeoXConfig
from transformers.models.gpt_neox import modeling_gpt_neox as neox
from transformers.models.llama import LlamaConfig
from transformers.models.llama import modeling_llama as llama

from cutaway.nn import rotate, rotation

H, K, T = 3, 8, 40
# Angles in float32: one of 40 radians is known to 2e-6, and so are its cosine and sine.
TOLERANCE = 1e-5


def by_llama(x: Tensor, positions: Tensor, base: float) -> Tensor:
    config = LlamaConfig(
        hidden_size=H * K,
        num_attention_heads=H,
        rope_parameters={"rope_type": "default", "rope_theta": base},
    )
    cos, sin = llama.LlamaRotaryEmbedding(config)(x, positions)
    return llama.apply_rotary_pos_emb(x, x, cos, sin)[0]


def by_neox(x: Tensor, positions: Tensor, base: float) -> Tensor:
    parameters = {"rope_type": "default", "rope_theta": base, "partial_rotary_factor": 1.0}
    config = GPTNeoXConfig(hidden_size=H * K, num_attention_heads=H, rope_parameters=parameters)
    cos, sin = neox.GPTNeoXRotaryEmbedding(config)(x, positions)
    return neox.apply_rotary_pos_emb(x, x, cos, sin)[0]


@pytest.mark.parametrize("theirs", [by_llama, by_neox])
@pytest.mark.parametrize("base", [10_000.0, 500_000.0])
def test_heads_are_turned_as_theirs_are(theirs, base, generator: torch.Generator) -> None:  # type: ignore[no-untyped-def]
    x = torch.randn(2, H, T, K, generator=generator)
    positions = torch.stack([torch.arange(T), torch.arange(T).flip(0)])
    ours = rotate(x, rotation(positions, K, base=base, dtype=x.dtype))
    torch.testing.assert_close(ours, theirs(x, positions, base), rtol=0, atol=TOLERANCE)
