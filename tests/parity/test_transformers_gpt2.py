"""The model against Hugging Face transformers, on random weights of the official shapes.

Both models hold the same tensors in memory. *Relative error* is the largest absolute difference
of two logits over the largest absolute logit. float32 carries 6e-8 in each operation, and the
models order theirs differently (fused or explicit attention, one bias added before or after);
1e-5 leaves room for the depth of the largest and none for a different formula. Measured, eager:
6.4e-7 (gpt2), 7.0e-7 (medium), 7.2e-7 (large), 8.0e-7 (xl).
"""

from collections.abc import Callable

import pytest
import torch
from benchmarks.peers import transformers_gpt2
from torch import Tensor
from transformers import DynamicCache, GPT2LMHeadModel

from cutaway.models import GPT2, PRESETS, GPT2Config
from taps import Keep

TOLERANCE = 1e-5
IDS = [[464, 3290, 318, 257, 1310, 1128, 11, 290], [50256, 0, 50255, 1, 198, 628, 220, 42]]


def relative_error(actual: Tensor, expected: Tensor) -> float:
    return float((actual - expected).abs().max() / expected.abs().max())


def theirs(model: GPT2, attention: str) -> GPT2LMHeadModel:
    return transformers_gpt2(model, attn_implementation=attention)


@pytest.fixture
def build(enliven: Callable[[GPT2], GPT2]) -> Callable[[GPT2Config], GPT2]:
    def on_random_weights(config: GPT2Config) -> GPT2:
        with torch.device("meta"):
            model = GPT2(config)
        return enliven(model.to_empty(device="cpu"))

    return on_random_weights


@torch.no_grad()
@pytest.mark.parametrize(
    "name",
    [
        "gpt2",
        "gpt2-medium",
        pytest.param("gpt2-large", marks=pytest.mark.slow),
        pytest.param("gpt2-xl", marks=pytest.mark.slow),
    ],
)
def test_logits_of_the_official_sizes(build: Callable[[GPT2Config], GPT2], name: str) -> None:
    model, tokens = build(PRESETS[name]), torch.tensor(IDS)
    logits = model(tokens)
    for attention in ("eager", "sdpa"):
        error = relative_error(logits, theirs(model, attention)(tokens).logits)
        assert error < TOLERANCE, attention


@pytest.fixture
def model(tiny_model: GPT2) -> GPT2:
    return tiny_model


TINY_IDS = torch.tensor([[3, 14, 15, 9, 26, 5, 35, 8, 9], [7, 9, 3, 2, 38, 46, 26, 43, 38]])


@torch.no_grad()
def test_their_explicit_attention_and_hidden_states(model: GPT2) -> None:
    kept: dict[str, Tensor] = {}
    model(TINY_IDS, tap=Keep(kept))
    out = theirs(model, "eager")(TINY_IDS, output_attentions=True, output_hidden_states=True)
    for i, pattern in enumerate(out.attentions):
        assert relative_error(kept[f"h.{i}.attn.pattern"], pattern) < TOLERANCE
        assert relative_error(kept[f"h.{i}.resid_pre"], out.hidden_states[i]) < TOLERANCE
    assert relative_error(kept["ln_f"], out.hidden_states[-1]) < TOLERANCE


@torch.no_grad()
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_decoding_with_their_cache(model: GPT2, attention: str) -> None:
    """A prefill, single steps and a chunk: the same logits, keys and values after each."""
    their_model = theirs(model, attention)
    ours, their_cache = model.new_cache(2), DynamicCache(config=their_model.config)
    for chunk in TINY_IDS.split([3, 1, 1, 2, 1, 1], dim=1):
        logits = model(chunk, cache=ours)
        expected = their_model(chunk, their_cache, use_cache=True).logits
        assert relative_error(logits, expected) < TOLERANCE
    assert their_cache.get_seq_length() == 9
    for i, layer in enumerate(their_cache.layers):
        assert relative_error(ours.k[i, :, :, :9], layer.keys) < TOLERANCE
        assert relative_error(ours.v[i, :, :, :9], layer.values) < TOLERANCE


@torch.no_grad()
def test_a_ragged_batch_with_their_attention_mask(model: GPT2) -> None:
    """They pad on the left, with a mask and position ids; we on the right, with neither."""
    lengths = [4, 9]
    cache = model.new_cache(2)
    prefill = model(TINY_IDS, cache=cache)
    cache.truncate(lengths)
    step = model(torch.tensor([[1], [2]]), cache=cache)

    padded = torch.zeros(2, 10, dtype=torch.long)
    for b, length in enumerate(lengths):
        padded[b, 10 - length - 1 :] = torch.cat([TINY_IDS[b, :length], torch.tensor([b + 1])])
    mask = torch.arange(10) >= 9 - torch.tensor(lengths)[:, None]
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    out = theirs(model, "eager")(padded, attention_mask=mask.long(), position_ids=positions).logits
    for b, length in enumerate(lengths):
        assert relative_error(prefill[b, :length], out[b, 9 - length : 9]) < TOLERANCE
        assert relative_error(step[b, 0], out[b, 9]) < TOLERANCE


def test_gradients(model: GPT2) -> None:
    """Backward agrees too, parameter by parameter."""
    weight = torch.linspace(-1, 1, 61)
    grads = torch.autograd.grad((model(TINY_IDS) * weight).sum(), list(model.parameters()))
    their_model = theirs(model, "eager")
    named = {
        name: parameter
        for name, parameter in their_model.named_parameters()
        if name != "lm_head.weight"
    }
    their_model.tie_weights()
    expected = torch.autograd.grad((their_model(TINY_IDS).logits * weight).sum(), named.values())
    by_name = dict(zip(named, expected, strict=True))
    for (name, _), grad in zip(model.named_parameters(), grads, strict=True):
        assert relative_error(grad, by_name[f"transformer.{name}"]) < TOLERANCE, name
