"""All looks at real runs, edited ones too: against one pass that records everything, to the laws.

The oracle is :class:`WholeRun`, which answers out of one explicit forward pass. A real run fuses
attention and records blocks on demand, so the two agree to rounding.
"""

from dataclasses import fields

import pytest
import torch
from torch import Tensor
from whole_run import WholeRun

from cutaway.interp import Edits, HeadPatch, Run
from cutaway.interp.heads import head_rows, head_scores
from cutaway.interp.ledger import ledger, measure
from cutaway.interp.lens import lens, lens_logits, lens_sites
from cutaway.interp.loss import loss
from cutaway.interp.masklab import masklab
from cutaway.interp.merge import merge
from cutaway.interp.neurons import neurons
from cutaway.interp.river import river
from cutaway.models import GPT2, Decoder, Modern

IDS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5]
N, Q = len(IDS), 8
EDITS = {
    "none": Edits(),
    "heads off": Edits(heads_off=((0, 1), (2, 4))),
    "neurons off": Edits(neurons_off=((1, 7), (1, 30))),
    "no mask": Edits(causal=False),
    "patched": Edits(patches=(HeadPatch(1, 2, "donor"),)),
}


def close(found: object, expected: object, *, name: str = "") -> None:
    """Holds two results against each other, field by field."""
    if isinstance(found, Tensor) and found.is_floating_point():
        near = {"rtol": 1e-4, "atol": 2e-5, "equal_nan": True}
        torch.testing.assert_close(found, expected, msg=name, **near)
    elif isinstance(found, Tensor):
        assert torch.equal(found, expected), name  # type: ignore[arg-type]
    elif isinstance(found, float):
        assert found == pytest.approx(expected, rel=1e-4, abs=2e-5), name
    elif isinstance(found, tuple):
        for one, other in zip(found, expected, strict=True):  # type: ignore[arg-type]
            close(one, other, name=name)
    elif hasattr(found, "__dataclass_fields__"):
        for field in fields(found):  # type: ignore[arg-type]
            inner = f"{name}.{field.name}"
            close(getattr(found, field.name), getattr(expected, field.name), name=inner)
    else:
        assert found == expected, name


@pytest.fixture(params=["gpt2", "modern"])
def model(tiny_model: GPT2, tiny_modern: Modern, request: pytest.FixtureRequest) -> Decoder:
    """One of each kind."""
    return tiny_model if request.param == "gpt2" else tiny_modern


@pytest.fixture(params=EDITS)
def run(model: Decoder, request: pytest.FixtureRequest) -> Run:
    donor = Run(model, [9, 8, 7, 6, 5])
    return Run(model, IDS, edits=EDITS[request.param], donors={"donor": donor})


LOOKS = {
    "lens": lens,
    "lens in part": lambda run: lens(run, id=5, rows=slice(2, 9, 2)),
    "lens logits": lambda run: tuple(lens_logits(run, site=site, q=Q) for site in lens_sites(3)),
    "head rows": lambda run: head_rows(run, q=Q),
    "head scores": head_scores,
    "merge": lambda run: tuple(merge(run, layer=layer, q=Q, id=40) for layer in range(3)),
    "neurons": lambda run: tuple(neurons(run, layer=layer, q=Q, top=9) for layer in range(3)),
    "river": lambda run: river(run, q=Q),
    "masklab": lambda run: masklab(run, layer=1, head=3),
    "loss": loss,
    "ledger": ledger,
}


@pytest.mark.parametrize("name", LOOKS)
def test_a_run_shows_what_a_whole_pass_has(model: Decoder, name: str) -> None:
    look = LOOKS[name]
    close(look(Run(model, IDS)), look(WholeRun(model, IDS)))


@pytest.mark.parametrize("name", ["lens", "merge", "neurons", "river", "loss"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_weights_in_half_precision_give_the_same_to_their_rounding(
    tiny_model: GPT2, name: str, dtype: torch.dtype
) -> None:
    with torch.no_grad():
        half = GPT2(tiny_model.config).to(dtype).eval()
        half.load_state_dict(tiny_model.state_dict())
        tiny_model.load_state_dict(half.state_dict())  # the same numbers
    looks = {
        "lens": lambda run: lens(run, id=5).prob,
        "merge": lambda run: merge(run, layer=1, q=Q, id=40).push,
        "neurons": lambda run: neurons(run, layer=1, q=Q, id=40, top=80).push.sort().values,
        "river": lambda run: torch.tensor([i.push for i in river(run, q=Q, id=40).inflows]),
        "loss": lambda run: loss(run).nll,
    }
    found, expected = looks[name](Run(half, IDS)), looks[name](Run(tiny_model, IDS))
    assert found.dtype == expected.dtype
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0.02 * float(expected.abs().max()))


def test_the_last_height_is_the_logits_to_the_bit(run: Run) -> None:
    for q in range(N):
        assert torch.equal(lens_logits(run, site="h.2.resid_post", q=q), run.logits(q))
    seen = lens(run)
    assert seen.best[-1].tolist() == [int(run.logits(q).argmax()) for q in range(N)]


def test_weights_sum_to_one_and_obey_the_mask_of_the_run(run: Run) -> None:
    rows = head_rows(run, q=Q)
    torch.testing.assert_close(rows.sum(-1), torch.ones(3, 5), rtol=0, atol=1e-6)
    assert bool((rows[..., Q + 1 :] == 0).all()) is run.edits.causal
    alone = masklab(run, layer=0, head=0, mask="-inf" if run.edits.causal else "none")
    assert torch.equal(alone.pattern, run.pattern(0, 0))  # to the bit
    assert torch.equal(alone.scaled, run.scores(0, 0))


def test_parts_sum_to_the_whole(run: Run) -> None:
    for layer in range(3):
        heads = merge(run, layer=layer, q=Q)
        whole = run.block(layer)["attn_out"][Q]
        torch.testing.assert_close(heads.parts.sum(0) + heads.bias, whole, rtol=0, atol=3e-6)
        total = float(heads.push.sum()) + heads.bias_push
        assert total == pytest.approx(heads.attn_out_push, abs=1e-5)
        some = neurons(run, layer=layer, q=Q, top=5)
        total = float(some.push.sum()) + some.rest_push + some.bias_push
        assert total == pytest.approx(some.mlp_out_push, abs=1e-5)
    stream = river(run, q=Q)
    total = sum(inflow.push for inflow in stream.inflows) + stream.constant
    assert total == pytest.approx(stream.logit, abs=2e-5)
    pushes = {inflow.name: inflow.push for inflow in stream.inflows}
    assert pushes["h.2.attn_out"] == pytest.approx(heads.attn_out_push, abs=1e-6)


def test_what_is_off_adds_nothing(tiny_model: GPT2) -> None:
    heads = merge(Run(tiny_model, IDS, edits=EDITS["heads off"]), layer=2, q=Q)
    assert (heads.norms == 0).tolist() == [False, False, False, False, True]
    assert float(heads.push[4]) == 0
    silent = neurons(Run(tiny_model, IDS, edits=EDITS["neurons off"]), layer=1, q=Q, top=80)
    off = {int(i) for i, post in zip(silent.index, silent.post, strict=True) if post == 0}
    assert off == {7, 30}
    assert set(silent.index[-2:].tolist()) == off


def test_the_loss_looks_at_no_later_token(tiny_model: GPT2) -> None:
    whole, begun = loss(Run(tiny_model, IDS)), loss(Run(tiny_model, [*IDS[:6], 60]))
    torch.testing.assert_close(begun.nll[:5], whole.nll[:5], rtol=1e-5, atol=1e-6)


def test_a_grown_run_is_looked_at_like_one_made_at_once(model: Decoder) -> None:
    grown = Run(model, IDS[:-1]).extended(IDS[-1])
    for look in (lens, loss, head_scores, lambda run: merge(run, layer=1, q=N - 1)):
        close(look(grown), look(Run(model, IDS)))


def test_looking_changes_nothing_in_a_run(run: Run) -> None:
    before = [run.logits(q) for q in range(N)]
    lens(run)
    head_scores(run)
    masklab(run, layer=0, head=0, dtype="float16", mask="min")
    neurons(run, layer=2, q=Q)
    loss(run)
    measure(run, positions=[2])
    assert all(torch.equal(logits, run.logits(q)) for q, logits in enumerate(before))
