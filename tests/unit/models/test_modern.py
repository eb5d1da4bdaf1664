"""The modern decoder's contract, apart from its numbers (see oracle, parity and laws)."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from cutaway.errors import ConfigError, ContextLengthError
from cutaway.models import Modern, ModernConfig, new_model
from cutaway.nn import Mask
from cutaway.training.objectives import TokenBatch, causal_lm
from taps import Keep

TOKENS = torch.tensor([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]])
CONFIG = ModernConfig(vocab_size=61, n_ctx=24, n_embd=20, n_layer=3, n_head=5)


def seen_by(model: Modern, tokens: Tensor = TOKENS) -> dict[str, Tensor]:
    values: dict[str, Tensor] = {}
    with torch.no_grad():
        model(tokens, tap=Keep(values))
    return values


def test_a_fresh_model_knows_nothing_and_says_so() -> None:
    """What adds to the stream and the head start at 0: the loss is ln V to rounding."""
    model = Modern(CONFIG)
    batch = TokenBatch.of_windows(TOKENS)
    assert causal_lm(model, batch).item() / batch.n_targets == pytest.approx(math.log(61), rel=1e-6)
    assert not model(TOKENS).any()
    seen = seen_by(model)
    assert torch.equal(seen["h.2.resid_post"], seen["h.0.resid_pre"])
    assert seen["h.2.attn.pattern"].std() > 0.1  # it does look, and unevenly


def test_parameters_are_matrices_without_biases_gains_or_places() -> None:
    model = Modern(CONFIG)
    block = {f"h.1.attn.{c}.weight" for c in ("c_q", "c_k", "c_v", "c_proj")}
    block |= {f"h.1.mlp.{c}.weight" for c in ("c_fc", "c_proj")}
    names = model.state_dict().keys()
    assert {name for name in names if name.startswith("h.1.")} == block
    assert {name for name in names if not name.startswith("h.")} == {
        "wte.weight",
        "lm_head.weight",
    }
    assert all(p.ndim == 2 for p in model.parameters())


def test_hidden_and_unembed_are_the_two_halves_of_forward(tiny_modern: Modern) -> None:
    hidden = tiny_modern.hidden(TOKENS)
    assert hidden.shape == (2, 5, 20)
    assert torch.equal(tiny_modern.unembed(hidden), tiny_modern(TOKENS))
    torch.testing.assert_close(tiny_modern(TOKENS), hidden @ tiny_modern.head.T)
    assert tiny_modern(TOKENS[:, :0]).shape == (2, 0, 61)


def test_queries_and_keys_have_a_mean_square_of_1(tiny_modern: Modern) -> None:
    seen = seen_by(tiny_modern)
    for name in ("q", "k"):
        squares = seen[f"h.1.attn.{name}"].square().mean(-1)
        torch.testing.assert_close(squares, torch.ones_like(squares), rtol=1e-4, atol=0)
    assert seen["h.1.attn.scores"].abs().max() <= math.sqrt(CONFIG.head_dim) * 1.0001


def test_the_length_of_queries_and_keys_is_taken_off(tiny_modern: Modern) -> None:
    before = tiny_modern(TOKENS)
    with torch.no_grad():
        for block in tiny_modern.h:
            block.attn.c_q.weight *= 7.0
            block.attn.c_k.weight *= 0.3
    torch.testing.assert_close(tiny_modern(TOKENS), before, rtol=1e-3, atol=1e-3)


def test_a_neuron_gives_the_square_of_what_is_above_0(tiny_modern: Modern) -> None:
    seen = seen_by(tiny_modern)
    pre = seen["h.2.mlp.pre"]
    assert (pre < 0).any()
    assert torch.equal(seen["h.2.mlp.post"], torch.where(pre > 0, pre * pre, 0.0))


def test_order_counts_and_places_do_not(tiny_modern: Modern) -> None:
    """A text is read alike wherever it stands; with two tokens swapped it is another."""
    model = tiny_modern.double()
    there = model.hidden(TOKENS, positions=torch.arange(5).expand(2, 5) + 1000)
    torch.testing.assert_close(there, model.hidden(TOKENS), rtol=0, atol=1e-10)
    swapped = TOKENS[:, [1, 0, 2, 3, 4]]
    assert (model.hidden(swapped) - model.hidden(TOKENS))[:, -1].abs().amax(-1).min() > 1e-3


def test_documents_in_one_row_are_read_as_if_alone(tiny_modern: Modern) -> None:
    """Two and three tokens, by a mask and positions that are given."""
    model = tiny_modern.double()
    document = torch.tensor([0, 0, 1, 1, 1])
    seen = (document[:, None] == document) & torch.ones(5, 5, dtype=torch.bool).tril()
    positions = torch.tensor([[0, 1, 0, 1, 2]])
    packed = model.hidden(TOKENS[:1], mask=Mask(seen[None, None], False), positions=positions)
    apart = [model.hidden(TOKENS[:1, :2]), model.hidden(TOKENS[:1, 2:])]
    torch.testing.assert_close(packed, torch.cat(apart, dim=1), rtol=0, atol=1e-10)


def test_takes_as_many_tokens_as_it_has_positions(tiny_modern: Modern) -> None:
    assert tiny_modern(torch.zeros(1, 24, dtype=torch.long)).shape == (1, 24, 61)
    with pytest.raises(ContextLengthError, match="25 tokens, but this model has 24 positions"):
        tiny_modern(torch.zeros(1, 25, dtype=torch.long))
    with pytest.raises(ConfigError, match=r"2 row\(s\) of tokens, but the cache holds 3"):
        tiny_modern(TOKENS, cache=tiny_modern.new_cache(3))


def test_every_parameter_learns(tiny_modern: Modern) -> None:
    tiny_modern(TOKENS).square().mean().backward()
    for name, parameter in tiny_modern.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_three_updates_reach_every_parameter_of_a_fresh_model() -> None:
    """The head moves first, then what adds to the stream, then what feeds that."""
    model = Modern(CONFIG)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    for _ in range(3):
        optimizer.zero_grad()
        logits = model(TOKENS)[:, :-1].flatten(0, 1)
        F.cross_entropy(logits, TOKENS[:, 1:].flatten()).backward()
        optimizer.step()
    still = [name for name, p in model.named_parameters() if torch.equal(p, before[name])]
    assert still == []


def test_decodes_under_autocast(tiny_modern: Modern) -> None:
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        whole, cache = tiny_modern(TOKENS), tiny_modern.new_cache(2)
        parts = [tiny_modern(part, cache=cache) for part in TOKENS.split([2, 1, 2], dim=1)]
    # bfloat16 keeps 8 bits; both roundings happen in different places.
    torch.testing.assert_close(
        torch.cat(parts, dim=1), whole, rtol=0, atol=0.05 * whole.abs().max().item()
    )


def test_forward_and_construction_leave_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    model = Modern(CONFIG)
    model.train()(TOKENS, cache=model.new_cache(2))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_size_says_which_model_it_is_of() -> None:
    assert isinstance(new_model(CONFIG, seed=3), Modern)
    assert torch.equal(new_model(CONFIG, seed=3).wte.weight, Modern(CONFIG, seed=3).wte.weight)
    assert not torch.equal(Modern(CONFIG).wte.weight, Modern(CONFIG, seed=3).wte.weight)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"n_embd": 15, "n_head": 5}, "heads of 3.*\n.*even"),
        ({"rotary_base": 1}, "rotary_base is 1.*\n.*above 1"),
        ({"rotary_base": "10000"}, "rotary_base is '10000'"),
        ({"kind": "gpt2"}, "kind is 'gpt2'"),
        ({"dropout": 0.1}, "Unknown model field 'dropout'"),
        ({"n_layer": 0}, "n_layer is 0"),
    ],
)
def test_an_impossible_size_is_named(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ModernConfig.from_dict(fields)
