"""The Transformer-Decoder's contract; its numbers are in :mod:`oracle.test_transformer_decoder`."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from cutaway.errors import ConfigError, ContextLengthError
from cutaway.interp import Recorder, site_names
from cutaway.interp.runs import Run
from cutaway.models import (
    GPT2,
    PRESETS,
    GPT2Config,
    TransformerDecoder,
    TransformerDecoderConfig,
    new_model,
    parameter_table,
)
from cutaway.models.transformer_decoder import CompressedAttention, FullAttention, LocalAttention
from cutaway.nn import NO_TAP, long_attention
from cutaway.nn.masks import CAUSAL
from cutaway.training.objectives import TokenBatch, causal_lm
from taps import Explicit, Keep

CONFIG = TransformerDecoderConfig(vocab_size=61, n_ctx=40, n_embd=20, n_layer=5, n_head=5, block=4)
TOKENS = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6], [9, 2, 6, 5, 3, 5, 8, 9]])


@pytest.fixture
def model(enliven: Callable[..., TransformerDecoder]) -> TransformerDecoder:
    return enliven(TransformerDecoder(CONFIG))


def test_blocks_follow_the_letters() -> None:
    kinds = [type(block.attn) for block in TransformerDecoder(CONFIG).h]
    assert kinds == [LocalAttention, CompressedAttention] * 2 + [LocalAttention]
    full = TransformerDecoder(replace(CONFIG, pattern="f"))
    assert {type(block.attn) for block in full.h} == {FullAttention}
    assert replace(CONFIG, pattern="lmf", n_layer=7).letters == "lmflmfl"
    assert replace(CONFIG, pattern="lmf", n_layer=10**9 + 1).count("m") == 333_333_334


def test_a_fresh_model_is_not_far_from_knowing_nothing() -> None:
    size = replace(CONFIG, vocab_size=1000, n_embd=64, n_head=4)
    batch = TokenBatch.of_windows(torch.randint(0, 1000, (4, 40)))
    loss = causal_lm(TransformerDecoder(size), batch).item() / batch.n_targets
    assert loss == pytest.approx(math.log(1000), abs=0.25)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 12, 17, 40])
@pytest.mark.parametrize("sizes", [(4, 3), (1, 2), (6, 5), (256, 3)], ids=str)
def test_no_token_sees_a_later_one(
    n: int, sizes: tuple[int, int], enliven: Callable[..., TransformerDecoder]
) -> None:
    """Each token is changed in turn: what is before it keeps every bit, its own place does not."""
    block, stride = sizes
    config = replace(CONFIG, n_layer=3, pattern="lmf", block=block, stride=stride)
    model = enliven(TransformerDecoder(config))
    tokens = torch.randint(0, 61, (1, n))
    changed = tokens.repeat(n, 1)
    changed[range(n), range(n)] = (tokens[0] + 1) % 61
    with torch.no_grad():
        before = model(tokens.repeat(n, 1))
        after = model(changed)
    for at in range(n):
        assert torch.equal(before[at, :at], after[at, :at]), at
        assert not torch.equal(before[at, at], after[at, at])


@pytest.mark.parametrize("n", [256, 259, 770])
def test_no_token_sees_a_later_one_at_the_papers_sizes(n: int) -> None:
    """Around the ends of blocks, and of the text."""
    config = TransformerDecoderConfig(vocab_size=61, n_ctx=800, n_embd=8, n_layer=2, n_head=2)
    model = TransformerDecoder(config).eval()
    tokens = torch.randint(0, 61, (1, n))
    with torch.no_grad():
        before = model.hidden(tokens)[0]
        for at in sorted({0, 1, 2, 3, 254, 255, min(256, n - 1), min(512, n - 1), n - 2, n - 1}):
            changed = tokens.clone()
            changed[0, at] = (changed[0, at] + 1) % 61
            after = model.hidden(changed)[0]
            assert torch.equal(before[:at], after[:at])
            assert not torch.equal(before[at], after[at])


def reach(pattern: str, n: int, **sizes: int) -> Tensor:
    """Which tokens, in columns, the stream above one block knows of, in rows."""
    config = replace(CONFIG, n_layer=len(pattern), pattern=pattern, **sizes)
    model = TransformerDecoder(config).double()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if not name.endswith("bias") and p.ndim == 2:
                p.normal_(std=0.3)
    wte = model.wte(torch.randint(0, 61, (1, n))).detach().requires_grad_()
    model.wte.forward = lambda _: wte  # type: ignore[method-assign,assignment]
    x = model.hidden(torch.zeros(1, n, dtype=torch.long))[0]
    rows = [torch.autograd.grad(x[t].sum() + x[t, 0], wte, retain_graph=True)[0] for t in range(n)]
    return torch.stack([row[0].abs().amax(-1) > 0 for row in rows]).int()


def test_what_each_letter_sees() -> None:
    t = torch.arange(11)
    itself = torch.eye(11, dtype=torch.int)
    local = ((t[:, None] // 4 == t // 4) & (t <= t[:, None])).int()
    assert torch.equal(reach("l", 11), local)
    full_slots = (3 * (t // 3) + 2 <= t[:, None]).int()
    assert torch.equal(reach("m", 11), full_slots | itself)
    assert torch.equal(reach("f", 11), (t <= t[:, None]).int())


def test_a_token_between_slot_and_block_is_unseen_until_its_slot_is_full() -> None:
    """As the module's docstring says; with a block of whole slots there is none."""
    four = reach("lm", 9, block=4)
    assert four[4].tolist() == [1, 1, 1, 0, 1, 0, 0, 0, 0]
    assert four[5].tolist() == [1, 1, 1, 1, 1, 1, 0, 0, 0]
    assert torch.equal(reach("lm", 9, block=6), torch.ones(9, 9, dtype=torch.int).tril())


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The scores that every call of attention stands for: queries times keys, of all heads."""
    counts: list[int] = []
    real = long_attention.attend

    def attend(q: Tensor, k: Tensor, v: Tensor, **settings: object) -> Tensor:
        counts.append(q.shape[:3].numel() * k.shape[2])
        assert settings["mask"] == CAUSAL  # nothing of that size lies in memory
        return real(q, k, v, **settings)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(long_attention, "attend", attend)
        yield counts


@pytest.mark.parametrize("n", [512, 1024, 2048])
def test_scores_grow_as_they_should(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """T * 256 in local attention; in the other 3 (T / 3 + 1)^2, the padding of queries included."""
    config = TransformerDecoderConfig(vocab_size=9, n_ctx=2048, n_embd=4, n_layer=2, n_head=2)
    model = TransformerDecoder(config)
    with counted(monkeypatch) as counts, torch.no_grad():
        model(torch.zeros(1, n, dtype=torch.long))
    slots = n // 3 + 1
    assert counts == [2 * n * 256, 2 * 3 * slots * slots]
    assert counts[1] <= 2 * (n + 3) * slots


def test_a_seen_pattern_is_that_of_the_same_attention(model: TransformerDecoder) -> None:
    values: dict[str, Tensor] = {}
    with torch.no_grad():
        plain = model(TOKENS)
        seen = model(TOKENS, tap=Keep(values))
    torch.testing.assert_close(seen, plain, rtol=1e-4, atol=1e-4)
    local, slots = values["h.0.attn.pattern"], values["h.1.attn.pattern"]
    assert local.shape == (2, 5, 8, 8)
    assert not local[:, :, 4:, :4].any()
    assert slots.shape == (2, 5, 8, 3)  # the null slot and two full ones
    assert torch.equal(slots[:, :, :2, 0], torch.ones(2, 5, 2))
    assert slots[:, :, 2:, 0].max() < 1
    assert values["h.1.attn.slot_k"].shape == (2, 5, 2, 4)
    for pattern in (local, slots):
        torch.testing.assert_close(pattern.sum(-1), torch.ones(2, 5, 8))


def test_its_sites_are_gpt2s_and_those_of_slots(model: TransformerDecoder) -> None:
    recorder = Recorder()
    with torch.no_grad():
        model(TOKENS, tap=recorder)
    assert list(recorder.values) == site_names(model)
    gpt2 = site_names(GPT2(GPT2Config(vocab_size=9, n_ctx=8, n_embd=4, n_layer=5, n_head=2)))
    slots = [f"h.{i}.attn.slot_{kind}" for i in (1, 3) for kind in "kv"]
    assert sorted(site_names(model)) == sorted([*gpt2, *slots])
    assert Recorder({"h.3.attn.slot_v"}).names == {"h.3.attn.slot_v"}


def test_what_draws_runs_says_that_it_cannot(model: TransformerDecoder) -> None:
    with pytest.raises(ConfigError, match=r"cannot be drawn.*\n.*Recorder"):
        Run(model, [3, 1, 4])


@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_every_parameter_learns(model: TransformerDecoder, n: int) -> None:
    """With less than a slot of tokens, what makes slots has nothing to learn from."""
    model(TOKENS[:, :n]).square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        lives = parameter.grad.abs().max() > 0
        if n >= 4:
            assert lives, name
        assert torch.isfinite(parameter.grad).all()


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_folded_attention_is_trained_as_that_with_a_mask(dropout: float) -> None:
    """At a size for which a CPU may have a kernel of its own; with dropout, the loss roughly."""
    config = replace(CONFIG, n_ctx=200, n_embd=32, n_head=2, block=70, dropout=dropout)
    model = TransformerDecoder(config)
    tokens = torch.randint(0, 61, (2, 200))
    found: list[list[Tensor]] = []
    for tap in (NO_TAP, Explicit()):
        model.zero_grad()
        torch.manual_seed(1)
        loss = model(tokens, tap=tap).square().mean()
        loss.backward()
        found.append([loss.detach(), *(p.grad.clone() for p in model.parameters())])  # type: ignore[union-attr]
    if dropout:
        assert found[0][0].item() == pytest.approx(found[1][0].item(), rel=0.1)
        return
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_hidden_and_unembed_are_the_two_halves_of_forward(model: TransformerDecoder) -> None:
    hidden = model.hidden(TOKENS)
    assert torch.equal(model.unembed(hidden), model(TOKENS))
    torch.testing.assert_close(model(TOKENS), hidden @ model.head.T)
    assert model(TOKENS[:, :0]).shape == (2, 0, 61)


def test_order_counts(model: TransformerDecoder) -> None:
    swapped = TOKENS[:, [1, 0, *range(2, 8)]]
    assert (model.hidden(swapped) - model.hidden(TOKENS))[:, -1].abs().amax(-1).min() > 1e-3


def test_it_takes_as_many_tokens_as_it_has_positions(model: TransformerDecoder) -> None:
    assert model(torch.zeros(1, 40, dtype=torch.long)).shape == (1, 40, 61)
    with pytest.raises(ContextLengthError, match="41 tokens, but this model has 40 positions"):
        model(torch.zeros(1, 41, dtype=torch.long))
    with pytest.raises(ConfigError, match=r"2 row\(s\) of tokens, but the cache holds 3"):
        model(TOKENS, cache=model.new_cache(3))


def test_a_mask_is_refused(model: TransformerDecoder) -> None:
    with pytest.raises(ConfigError, match=r"takes no mask.*\n.*document_mask"):
        model.hidden(TOKENS, mask=CAUSAL)


def test_it_decodes_under_autocast(model: TransformerDecoder) -> None:
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        whole, cache = model(TOKENS), model.new_cache(2)
        parts = [model(part, cache=cache) for part in TOKENS.split([2, 1, 4, 1], dim=1)]
    torch.testing.assert_close(
        torch.cat(parts, dim=1), whole, rtol=0, atol=0.06 * whole.abs().max().item()
    )


def test_dropout_is_of_training_alone() -> None:
    model = TransformerDecoder(replace(CONFIG, dropout=0.5))
    model.train()
    assert not torch.equal(model(TOKENS), model(TOKENS))
    model.eval()
    assert torch.equal(model(TOKENS), model(TOKENS))


def test_construction_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    TransformerDecoder(CONFIG)(TOKENS)
    assert torch.equal(torch.get_rng_state(), before)
    assert isinstance(new_model(CONFIG, seed=3), TransformerDecoder)


def test_its_parameters_are_counted() -> None:
    table = parameter_table(PRESETS["t-dmca"])
    assert table.total == sum(p.numel() for p in new_model(PRESETS["t-dmca"]).parameters())
    copies = {matrix.name: matrix.copies for matrix in table.matrices}
    assert copies["h.*.attn.c_attn.weight"] == 5
    assert copies["h.*.attn.compress_k.weight"] == 2
    assert table.blocks < 5 * table.block
    cache = new_model(PRESETS["t-dmca"]).new_cache(1)
    assert cache.nbytes == pytest.approx(4096 * table.cache_bytes_per_token(), rel=0.02)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"pattern": ""}, "pattern is ''"),
        ({"pattern": "lmx"}, "pattern is 'lmx'.*\n.*memory-compressed"),
        ({"block": 0}, "block is 0"),
        ({"stride": 1}, "stride is 1.*\n.*2 or more"),
        ({"n_embd": 5, "n_head": 5}, "n_embd is 5.*\n.*even"),
        ({"dropout": 1.0}, r"dropout is 1\.0"),
        ({"layer_norm_epsilon": 0}, "layer_norm_epsilon is 0"),
        ({"kind": "gpt2"}, "kind is 'gpt2'"),
        ({"window": 4}, "Unknown model field 'window'"),
    ],
)
def test_an_impossible_size_is_named(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TransformerDecoderConfig.from_dict(fields)
