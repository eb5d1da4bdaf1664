"""The model's contract, apart from its numbers (see oracle, parity and laws)."""

import pytest
import torch

from cutaway.errors import ConfigError, ContextLengthError
from cutaway.models import GPT2, GPT2Config

TOKENS = torch.tensor([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]])


def test_parameters_have_the_names_of_the_official_checkpoint(tiny_model: GPT2) -> None:
    block = {
        f"h.1.{name}.{kind}"
        for name in ("ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj")
        for kind in ("weight", "bias")
    }
    names = tiny_model.state_dict().keys()
    assert {name for name in names if name.startswith("h.1.")} == block
    outside = {name for name in names if not name.startswith("h.")}
    assert outside == {"wte.weight", "wpe.weight", "ln_f.weight", "ln_f.bias"}


def test_returns_one_score_for_every_word_at_every_position(tiny_model: GPT2) -> None:
    assert tiny_model(TOKENS).shape == (2, 5, 61)
    assert tiny_model(TOKENS[:, :0]).shape == (2, 0, 61)


def test_hidden_and_unembed_are_the_two_halves_of_forward(tiny_model: GPT2) -> None:
    hidden = tiny_model.hidden(TOKENS)
    assert hidden.shape == (2, 5, 20)
    assert torch.equal(tiny_model.unembed(hidden), tiny_model(TOKENS))
    assert tiny_model.unembed(hidden[:, -1]).shape == (2, 61)


def test_the_head_is_the_token_embedding(tiny_model: GPT2) -> None:
    hidden = tiny_model.hidden(TOKENS)
    torch.testing.assert_close(tiny_model(TOKENS), hidden @ tiny_model.wte.weight.T)


def test_takes_as_many_tokens_as_it_has_positions(tiny_model: GPT2) -> None:
    full = torch.zeros(1, 24, dtype=torch.long)
    assert tiny_model(full).shape == (1, 24, 61)
    with pytest.raises(ContextLengthError, match="25 tokens, but this model has 24 positions"):
        tiny_model(torch.zeros(1, 25, dtype=torch.long))


def test_a_cache_does_not_add_positions(tiny_model: GPT2) -> None:
    cache = tiny_model.new_cache(1)
    tiny_model(torch.zeros(1, 20, dtype=torch.long), cache=cache)
    with pytest.raises(ContextLengthError, match="25 tokens, but this model has 24 positions"):
        tiny_model(torch.zeros(1, 5, dtype=torch.long), cache=cache)
    assert cache.lengths == [20]


def test_more_rows_than_the_cache_holds_are_refused(tiny_model: GPT2) -> None:
    with pytest.raises(ConfigError, match=r"2 row\(s\) of tokens, but the cache holds 3"):
        tiny_model(TOKENS, cache=tiny_model.new_cache(3))


def test_every_parameter_learns(tiny_model: GPT2) -> None:
    tiny_model(TOKENS).square().mean().backward()
    for name, parameter in tiny_model.named_parameters():
        assert parameter.grad is not None, name
        if name == "wpe.weight":
            assert parameter.grad[:5].any(dim=1).all()
            assert not parameter.grad[5:].any()
        elif name == "h.1.attn.c_attn.bias":
            # A key bias moves all scores of a query alike, which softmax takes out again.
            q, k, v = parameter.grad.chunk(3)
            assert k.abs().max() < 1e-4 * min(q.abs().max(), v.abs().max())
        else:
            assert parameter.grad.abs().max() > 0, name


def test_dropout_works_in_training_only(tiny_config: GPT2Config) -> None:
    fields = tiny_config.to_dict() | {"dropout": 0.5}
    model = GPT2(GPT2Config.from_dict(dict(fields)))
    assert not torch.equal(model.train()(TOKENS), model(TOKENS))
    assert torch.equal(model.eval()(TOKENS), model(TOKENS))
    assert torch.equal(model(TOKENS), GPT2(tiny_config)(TOKENS))


def test_forward_leaves_the_global_random_state_alone(tiny_model: GPT2) -> None:
    before = torch.get_rng_state()
    tiny_model(TOKENS, cache=tiny_model.new_cache(2))
    assert torch.equal(torch.get_rng_state(), before)


def test_any_whole_number_type_of_tokens_will_do(tiny_model: GPT2) -> None:
    assert torch.equal(tiny_model(TOKENS.int()), tiny_model(TOKENS))


def test_decodes_under_autocast(tiny_model: GPT2) -> None:
    """Training in bfloat16 samples text on the way, with a cache that is float32."""
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        whole, cache = tiny_model(TOKENS), tiny_model.new_cache(2)
        parts = [tiny_model(part, cache=cache) for part in TOKENS.split([2, 1, 2], dim=1)]
    # bfloat16 keeps 8 bits; both roundings happen in different places.
    torch.testing.assert_close(
        torch.cat(parts, dim=1), whole, rtol=0, atol=0.05 * whole.abs().max().item()
    )
