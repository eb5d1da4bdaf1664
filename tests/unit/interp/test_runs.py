"""A run gives, piece by piece, the numbers of one forward pass that records everything."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from cutaway.errors import ConfigError, ContextLengthError
from cutaway.interp import Edits, HeadPatch, Recorder, Run
from cutaway.models import GPT2, GPT2Config

CONFIG = GPT2Config(vocab_size=37, n_ctx=16, n_embd=12, n_layer=3, n_head=2)
IDS = [5, 9, 2, 30, 9, 2, 7]
TOLERANCE = {"rtol": 1e-5, "atol": 2e-6}  # fused and plain attention add up in another order


@pytest.fixture
def model(enliven: Callable[..., GPT2]) -> GPT2:
    return enliven(GPT2(CONFIG), seed=4)


def recorded(model: GPT2, ids: list[int]) -> dict[str, torch.Tensor]:
    recorder = Recorder()
    with torch.no_grad():
        model.eval()(torch.tensor([ids]), tap=recorder)
    return {name: x[0] if name != "wpe" else x for name, x in recorder.values.items()}


def test_every_value_is_that_of_a_whole_pass(model: GPT2) -> None:
    run, whole = Run(model, IDS), recorded(model, IDS)
    for layer in range(CONFIG.n_layer):
        block = run.block(layer)
        assert len(block) == 14
        for name, value in block.items():
            torch.testing.assert_close(value, whole[f"h.{layer}.{name}"], **TOLERANCE)
        for head in range(CONFIG.n_head):
            for name, look in (("scores", run.scores), ("pattern", run.pattern)):
                expected = whole[f"h.{layer}.attn.{name}"][head]
                torch.testing.assert_close(look(layer, head), expected, **TOLERANCE)
                some = look(layer, head, slice(2, 6, 3))
                torch.testing.assert_close(some, expected[2:6:3], **TOLERANCE)
    torch.testing.assert_close(run.final(), whole["ln_f"], **TOLERANCE)
    torch.testing.assert_close(run.logits(3), whole["logits"][3], **TOLERANCE)


def test_a_text_that_grows_equals_one_made_at_once(model: GPT2) -> None:
    run = Run(model, IDS[:2])
    for id in IDS[2:]:
        run = run.extended(id)
    whole = Run(model, IDS)
    assert run.id == whole.id
    assert run.ids == whole.ids
    for q in range(len(IDS)):
        torch.testing.assert_close(run.logits(q), whole.logits(q), **TOLERANCE)


def test_branches_of_one_text_do_not_touch_each_other(model: GPT2) -> None:
    root = Run(model, IDS[:3])
    left = root.extended(1)
    before = left.stream(3).clone()
    right = root.extended(2).extended(3)
    assert left.state is root.state
    assert right.state is not root.state
    assert torch.equal(left.stream(3), before)
    torch.testing.assert_close(right.logits(4), Run(model, [*IDS[:3], 2, 3]).logits(4), **TOLERANCE)
    assert root.stream(0).shape == (3, CONFIG.n_embd)


def test_room_is_made_for_a_text_that_grows() -> None:
    model = GPT2(replace(CONFIG, n_ctx=200))
    run = first = Run(model, IDS)
    held = first.stream(1).clone()
    more = [n % 37 for n in range(190)]
    for id in more:
        run = run.extended(id)
    assert run.state is first.state
    assert torch.equal(first.stream(1), held)
    whole = Run(model, [*IDS, *more])
    for q in (0, 63, 64, 130, 196):
        torch.testing.assert_close(run.logits(q), whole.logits(q), **TOLERANCE)
    branch = first.extended(9)
    torch.testing.assert_close(branch.logits(7), Run(model, [*IDS, 9]).logits(7), **TOLERANCE)


def test_only_the_new_token_is_read(model: GPT2, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(model, IDS)
    lengths: list[int] = []
    hidden = GPT2.hidden

    def seen(self: GPT2, tokens: torch.Tensor, **more: object) -> torch.Tensor:
        lengths.append(tokens.shape[1])
        return hidden(self, tokens, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(GPT2, "hidden", seen)
    run.extended(3)
    assert lengths == [1]


def test_heads_and_neurons_off(model: GPT2) -> None:
    run = Run(model, IDS, edits=Edits(heads_off=((1, 0),), neurons_off=((0, 5), (2, 7))))
    plain = Run(model, IDS)
    assert not run.block(1)["attn.z"][0].any()
    assert run.block(1)["attn.z"][1].any()
    assert not run.block(0)["mlp.post"][:, 5].any()
    assert not run.block(2)["mlp.post"][:, 7].any()
    assert torch.equal(run.block(0)["attn.z"], plain.block(0)["attn.z"])
    assert (run.logits(6) - plain.logits(6)).abs().max() > 1e-3
    longer = run.extended(4)
    whole = Run(model, [*IDS, 4], edits=run.edits)
    torch.testing.assert_close(longer.logits(7), whole.logits(7), **TOLERANCE)


def test_without_the_mask_only_the_future_is_new(model: GPT2) -> None:
    run = Run(model, IDS, edits=Edits(causal=False))
    scores, pattern = run.scores(0, 1), run.pattern(0, 1)
    torch.testing.assert_close(pattern, scores.softmax(-1))
    torch.testing.assert_close(scores, Run(model, IDS).scores(0, 1))
    assert (pattern.triu(1) > 0).sum() == 21
    # The stream is that of a pass that looked both ways.
    v = run.block(0)["attn.v"][1]
    torch.testing.assert_close(run.block(0)["attn.z"][1], pattern @ v, **TOLERANCE)
    torch.testing.assert_close(run.extended(1).pattern(0, 0).sum(-1), torch.ones(8))


def test_a_patched_head_speaks_from_the_other_run(model: GPT2) -> None:
    donor = Run(model, [8, 8, 8])
    edits = Edits(patches=(HeadPatch(1, 1, donor.id),))
    run = Run(model, IDS, edits=edits, donors={donor.id: donor})
    z = run.block(1)["attn.z"]
    assert torch.equal(z[1, :3], donor.block(1)["attn.z"][1])
    assert not torch.allclose(z[1, 3:], donor.block(1)["attn.z"][1, :1])
    assert torch.equal(run.extended(2).block(1)["attn.z"][1, :3], z[1, :3])


def test_an_id_means_model_text_edits_and_nothing_else(model: GPT2) -> None:
    a, b = Edits(heads_off=((1, 0), (0, 1))), Edits(heads_off=((0, 1), (1, 0), (0, 1)))
    assert Run(model, IDS, edits=a).id == Run(model, IDS, edits=b).id
    ids = {
        Run(model, IDS).id,
        Run(model, IDS, edits=a).id,
        Run(model, IDS, edits=Edits(causal=False)).id,
        Run(model, IDS[:-1]).id,
        Run(model, IDS, fingerprint="x").id,
    }
    assert len(ids) == 5


def test_what_is_kept_is_linear_in_the_text() -> None:
    config = replace(CONFIG, n_ctx=400)
    model, layers = GPT2(config), config.n_layer
    for n_tokens, n_room in ((3, 64), (65, 128), (300, 320), (399, 400)):
        kept = Run(model, [1] * n_tokens).state_nbytes
        assert kept == 4 * n_room * config.n_embd * (layers + 1 + 2 * layers)
    both_ways = Run(model, [1] * 3, edits=Edits(causal=False))
    assert both_ways.state_nbytes == 4 * 64 * config.n_embd * (layers + 1)  # nothing to reuse
    run = Run(model, IDS)
    kept = run.state_nbytes
    for layer in range(layers):
        run.block(layer)
        run.pattern(layer, 0)
    assert run.block_nbytes > 0
    run.forget()
    assert run.block_nbytes == 0
    assert run.state_nbytes == kept


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        (Edits(heads_off=((3, 0),)), "layer is 3"),
        (Edits(heads_off=((0, 2),)), "head is 2"),
        (Edits(neurons_off=((0, 48),)), "neuron is 48"),
        (Edits(patches=(HeadPatch(0, 0, "absent"),)), "No run 'absent'"),
    ],
)
def test_edits_of_what_is_not_there(model: GPT2, edits: Edits, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Run(model, IDS, edits=edits)


def test_a_patch_from_another_model(model: GPT2) -> None:
    donor = Run(GPT2(replace(CONFIG, n_head=4)), IDS)
    edits = Edits(patches=(HeadPatch(0, 0, donor.id),))
    with pytest.raises(ConfigError, match="another model"):
        Run(model, IDS, edits=edits, donors={donor.id: donor})


def test_a_head_changed_twice(model: GPT2) -> None:
    donor = Run(model, IDS)
    edits = Edits(heads_off=((0, 0),), patches=(HeadPatch(0, 0, donor.id),))
    with pytest.raises(ConfigError, match="in two ways"):
        Run(model, IDS, edits=edits, donors={donor.id: donor})


def test_texts_that_cannot_be_read(model: GPT2) -> None:
    with pytest.raises(ConfigError, match="no tokens"):
        Run(model, [])
    with pytest.raises(ConfigError, match="id is 37"):
        Run(model, [37])
    with pytest.raises(ContextLengthError, match="17 tokens, and the model 16"):
        Run(model, [1] * 17)
    full = Run(model, [1] * 16)
    with pytest.raises(ContextLengthError, match="17 tokens"):
        full.extended(1)
    with pytest.raises(ConfigError, match="layer is 3"):
        full.block(3)
    with pytest.raises(ConfigError, match="head is 2"):
        full.pattern(0, 2)


@pytest.mark.parametrize("causal", [True, False])
def test_attention_is_the_same_whether_its_block_was_looked_at_or_not(
    tiny_model: GPT2, causal: bool
) -> None:
    ids, edits = [3, 1, 4, 1, 5], Edits(heads_off=((0, 1),), causal=causal)
    alone, looked = Run(tiny_model, ids, edits=edits), Run(tiny_model, ids, edits=edits)
    for layer in range(3):
        looked.block(layer)
        for head in range(5):
            assert torch.equal(alone.scores(layer, head), looked.scores(layer, head))
            assert torch.equal(alone.pattern(layer, head), looked.pattern(layer, head))
    assert 0 < alone.block_nbytes < looked.block_nbytes
    alone.forget()
    assert alone.block_nbytes == 0
    longer = alone.extended(9)
    assert longer.pattern(2, 0).shape == (6, 6)
