"""The Music Transformer's contract; its numbers are in :mod:`oracle.test_music_transformer`."""

import math
from collections.abc import Callable
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
    MusicTransformer,
    MusicTransformerConfig,
    new_model,
    parameter_table,
)
from cutaway.nn import NO_TAP, kernel
from cutaway.nn.masks import document_mask, prefix_mask
from cutaway.training.estimate import RunShape
from cutaway.training.objectives import TokenBatch, causal_lm
from taps import Explicit, Keep

CONFIG = MusicTransformerConfig(
    vocab_size=61, n_ctx=40, n_embd=20, n_layer=3, n_head=5, n_inner=28, n_att=30, max_relative=6
)
LOCAL = replace(CONFIG, window=4, max_relative=8)
TOKENS = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6], [9, 2, 6, 5, 3, 5, 8, 9]])


@pytest.fixture(params=[CONFIG, LOCAL], ids=["global", "local"])
def model(
    request: pytest.FixtureRequest, enliven: Callable[..., MusicTransformer]
) -> MusicTransformer:
    return enliven(MusicTransformer(request.param))


def test_a_fresh_model_is_not_far_from_knowing_nothing() -> None:
    size = replace(CONFIG, vocab_size=389, n_embd=64, n_head=4, n_att=128)
    batch = TokenBatch.of_windows(torch.randint(0, 389, (4, 40)))
    loss = causal_lm(MusicTransformer(size), batch).item() / batch.n_targets
    assert loss == pytest.approx(math.log(389), abs=0.25)


def test_the_papers_sizes() -> None:
    """Tables 2 and 3: 5 layers of 512 with 256 distances; 6 of 256, attention 512, 1,024."""
    jsb, piano = PRESETS["jsb"], PRESETS["piano"]
    assert piano == MusicTransformerConfig()
    assert (jsb.n_layer, jsb.n_embd, jsb.n_inner, jsb.n_head, jsb.head_dim) == (5, 512, 512, 8, 64)
    assert (piano.n_embd, piano.n_att, piano.n_inner, piano.head_dim) == (256, 512, 2048, 64)
    for config, total in ((jsb, 8_602_624), (piano, 12_702_976)):
        table = parameter_table(config)
        assert table.total == total
        assert RunShape(model=config, micro_batch=1).parameters == total
        with torch.device("meta"):
            cache = new_model(config).new_cache(1)
        assert cache.nbytes == 2048 * table.cache_bytes_per_token()


def test_without_distances_there_are_no_vectors_for_them() -> None:
    baseline = MusicTransformer(replace(CONFIG, max_relative=0))
    assert not [name for name, _ in baseline.named_parameters() if "relative" in name]
    relative = dict(MusicTransformer(CONFIG).named_parameters())["h.2.attn.relative"]
    assert relative.shape == (5, 6, 6)  # heads, distances, one head
    assert relative.std().item() == pytest.approx(6**-0.5, rel=0.2)


def test_a_motif_is_the_same_wherever_it_stands(model: MusicTransformer) -> None:
    """Without sinusoids a text that is moved is read alike: distances are all it knows."""
    moved = torch.cat([torch.zeros(2, 8, dtype=torch.long), TOKENS], dim=1)
    found: list[dict[str, Tensor]] = []
    for tokens in (TOKENS, moved):
        seen: dict[str, Tensor] = {}
        with torch.no_grad():
            positions = torch.zeros(tokens.shape, dtype=torch.long)
            model.hidden(tokens, positions=positions, tap=Keep(seen))
        found.append(seen)
    one, other = (seen["h.0.attn.scores"][..., -8:, -8:] for seen in found)
    torch.testing.assert_close(one, other)


def test_a_seen_pattern_is_that_of_the_same_attention(model: MusicTransformer) -> None:
    values: dict[str, Tensor] = {}
    with torch.no_grad():
        plain = model(TOKENS)
        seen = model(TOKENS, tap=Keep(values))
    torch.testing.assert_close(seen, plain, rtol=1e-4, atol=1e-4)
    pattern = values["h.1.attn.pattern"]
    assert pattern.shape == (2, 5, 8, 8)
    torch.testing.assert_close(pattern.sum(-1), torch.ones(2, 5, 8))
    torch.testing.assert_close(values["h.1.attn.scores"].softmax(-1)[:, :, -1], pattern[:, :, -1])
    assert values["h.1.attn.z"].shape == (2, 5, 8, 6)


def test_a_local_pattern_is_two_blocks_wide(enliven: Callable[..., MusicTransformer]) -> None:
    recorder = Recorder({"h.0.attn.pattern"})
    with torch.no_grad():
        enliven(MusicTransformer(LOCAL))(torch.randint(0, 61, (1, 11)), tap=recorder)
    t = torch.arange(11)
    seen = (t <= t[:, None]) & (t // 4 >= t[:, None] // 4 - 1)
    assert torch.equal(recorder.values["h.0.attn.pattern"][0, 0] > 0, seen)


def test_its_sites_are_gpt2s_but_for_one(model: MusicTransformer) -> None:
    recorder = Recorder()
    with torch.no_grad():
        model(TOKENS, tap=recorder)
    assert list(recorder.values) == site_names(model)
    gpt2 = site_names(GPT2(GPT2Config(vocab_size=9, n_ctx=8, n_embd=4, n_layer=3, n_head=2)))
    assert sorted(site_names(model)) == sorted(name for name in gpt2 if "qkv" not in name)


def test_what_draws_runs_says_that_it_cannot_where_heads_look_at_blocks() -> None:
    with pytest.raises(ConfigError, match=r"Music Transformer cannot be drawn.*\n.*Recorder"):
        Run(MusicTransformer(LOCAL), [3, 1, 4])


@pytest.mark.parametrize("n", [1, 2, 9])
def test_every_parameter_learns(model: MusicTransformer, n: int) -> None:
    tokens = torch.randint(0, 61, (2, n))
    model(tokens).square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all()
        if n > 1:
            assert parameter.grad.abs().max() > 0, name
        if n > 8 and name.endswith("relative"):
            assert (parameter.grad.abs().amax(-1) > 0).all(), "a distance that none looks at"


@pytest.mark.parametrize("config", [CONFIG, LOCAL], ids=["global", "local"])
def test_documents_in_a_row_are_read_as_if_alone(
    config: MusicTransformerConfig, enliven: Callable[..., MusicTransformer]
) -> None:
    """Where one does not begin with a block of the window, it sees less than it would alone."""
    model = enliven(MusicTransformer(config))
    row = torch.randint(0, 61, (1, 20))
    mask, positions = document_mask(torch.tensor([[0] * 8 + [1] * 12]))
    with torch.no_grad():
        packed = model.hidden(row, mask=mask, positions=positions)
        alone = [model.hidden(part) for part in row.split([8, 12], dim=1)]
    torch.testing.assert_close(packed, torch.cat(alone, dim=1), rtol=1e-4, atol=1e-4)


def test_a_mask_that_shows_later_tokens_is_refused(model: MusicTransformer) -> None:
    mask = prefix_mask(torch.tensor([3, 2]), 8)
    with pytest.raises(ConfigError, match=r"takes no mask.*later ones.*\n.*causal"):
        model.hidden(TOKENS, mask=mask)
    baseline = MusicTransformer(replace(CONFIG, max_relative=0))
    assert baseline.hidden(TOKENS, mask=mask).shape == (2, 8, 20)


def test_hidden_and_unembed_are_the_two_halves_of_forward(model: MusicTransformer) -> None:
    hidden = model.hidden(TOKENS)
    assert torch.equal(model.unembed(hidden), model(TOKENS))
    torch.testing.assert_close(model(TOKENS), hidden @ model.head.T)
    assert model(TOKENS[:, :0]).shape == (2, 0, 61)


def test_it_takes_as_many_tokens_as_it_has_positions(model: MusicTransformer) -> None:
    assert model(torch.zeros(1, 40, dtype=torch.long)).shape == (1, 40, 61)
    with pytest.raises(ContextLengthError, match="41 tokens, but this model has 40 positions"):
        model(torch.zeros(1, 41, dtype=torch.long))
    with pytest.raises(ConfigError, match=r"2 row\(s\) of tokens, but the cache holds 3"):
        model(TOKENS, cache=model.new_cache(3))


def test_it_decodes_under_autocast(model: MusicTransformer) -> None:
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        whole, cache = model(TOKENS), model.new_cache(2)
        parts = [model(part, cache=cache) for part in TOKENS.split([2, 1, 4, 1], dim=1)]
    torch.testing.assert_close(
        torch.cat(parts, dim=1), whole, rtol=0, atol=0.06 * whole.abs().max().item()
    )


def test_dropout_is_of_training_alone() -> None:
    for config in (CONFIG, LOCAL):
        model = MusicTransformer(replace(config, dropout=0.5))
        model.train()
        assert not torch.equal(model(TOKENS), model(TOKENS))
        model.eval()
        assert torch.equal(model(TOKENS), model(TOKENS))


@pytest.mark.parametrize("config", [CONFIG, LOCAL], ids=["global", "local"])
def test_it_is_trained_alike_on_either_path(
    config: MusicTransformerConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a size for which a CPU has a kernel of its own, if there is a compiler."""
    monkeypatch.setenv(kernel.CHOICE, "auto")
    size = replace(config, n_ctx=150, n_att=80, window=config.window and 40, max_relative=70)
    model = MusicTransformer(size)
    tokens = torch.randint(0, 61, (2, 150))
    found: list[list[Tensor]] = []
    for tap in (NO_TAP, Explicit()):
        model.zero_grad()
        loss = model(tokens, tap=tap).square().mean()
        loss.backward()
        found.append([loss.detach(), *(p.grad.clone() for p in model.parameters())])  # type: ignore[union-attr]
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_construction_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    MusicTransformer(CONFIG)(TOKENS)
    assert torch.equal(torch.get_rng_state(), before)
    assert isinstance(new_model(CONFIG, seed=3), MusicTransformer)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"max_relative": -1}, "max_relative is -1.*\n.*0 or more"),
        ({"window": True}, "window is True"),
        ({"n_inner": 0}, "n_inner is 0.*\n.*1 or more"),
        ({"n_att": 12}, "n_att 12 does not divide into 8 heads"),
        ({"n_embd": 5, "n_head": 5, "n_att": 10}, "n_embd is 5.*\n.*even"),
        ({"dropout": 1.0}, r"dropout is 1\.0"),
        ({"layer_norm_epsilon": 0}, "layer_norm_epsilon is 0"),
        ({"kind": "gpt2"}, "kind is 'gpt2'"),
        ({"block": 4}, "Unknown model field 'block'"),
    ],
)
def test_an_impossible_size_is_named(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MusicTransformerConfig.from_dict(fields)
