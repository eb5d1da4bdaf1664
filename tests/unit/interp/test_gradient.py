"""Gradient times input against finite differences: a word a little louder and a little lower."""

import numpy as np
import pytest
import torch

from cutaway.errors import ConfigError
from cutaway.interp import Edits, HeadPatch, Run
from cutaway.interp.edit import Ablator
from cutaway.interp.gradient import gradient_times_input
from cutaway.models import GPT2, Modern

IDS = [3, 1, 4, 1, 5, 9, 2, 6]
STEP = 1e-5


def scored(model: GPT2, x: torch.Tensor, *, q: int, id: int, tap: Ablator | None = None) -> float:
    """The log-probability of a token, written out from the stream below the first block."""
    from cutaway.nn import NO_TAP
    from cutaway.nn.masks import CAUSAL

    tap = NO_TAP if tap is None else tap  # type: ignore[assignment]
    with torch.no_grad():
        for i, block in enumerate(model.h):
            x = block(x, mask=CAUSAL, cache=None, tap=tap.at(f"h.{i}"))  # type: ignore[union-attr]
        return float(model.unembed(model.ln_f(x[0, q])).log_softmax(-1)[id])


@pytest.fixture
def exact(tiny_model: GPT2) -> GPT2:
    return tiny_model.double()


@pytest.mark.parametrize(("q", "id"), [(7, 2), (4, 60), (0, 5)])
def test_it_is_what_a_louder_word_does(exact: GPT2, q: int, id: int) -> None:
    found = gradient_times_input(Run(exact, IDS), q=q, id=id)
    words = exact.wte.weight[IDS].detach()
    x = (words + exact.wpe.weight[: len(IDS)].detach())[None]
    assert found.value == pytest.approx(scored(exact, x, q=q, id=id), abs=1e-12)
    assert found.products.shape == (q + 1,)
    for i in range(q + 1):
        shift = torch.zeros_like(x)
        shift[0, i] = STEP * words[i]
        slope = scored(exact, x + shift, q=q, id=id) - scored(exact, x - shift, q=q, id=id)
        assert float(found.products[i]) == pytest.approx(slope / (2 * STEP), abs=1e-6)


def test_the_logit_and_all_logits_make_the_log_probability(exact: GPT2) -> None:
    """d log p_i = d z_i - sum_j p_j d z_j, so it can be put together from logits alone."""
    run = Run(exact, IDS)
    logits = [gradient_times_input(run, q=5, id=i, of="logit") for i in range(61)]
    probs = run.logits(5).softmax(-1)
    mean = sum(p * one.products.double() for p, one in zip(probs, logits, strict=True))
    found = gradient_times_input(run, q=5, id=7)
    np.testing.assert_allclose(found.products, logits[7].products - mean, atol=1e-5)
    assert logits[7].value == pytest.approx(float(run.logits(5)[7]))


def test_edits_of_the_run_are_edits_of_the_pass(exact: GPT2) -> None:
    run = Run(exact, IDS, edits=Edits(heads_off=((1, 2), (0, 4))))
    found = gradient_times_input(run, q=6, id=3)
    words = exact.wte.weight[IDS].detach()
    x = (words + exact.wpe.weight[: len(IDS)].detach())[None]
    off = Ablator({"h.1.attn.z": [2], "h.0.attn.z": [4]})
    shift = torch.zeros_like(x)
    shift[0, 2] = STEP * words[2]
    slope = scored(exact, x + shift, q=6, id=3, tap=off) - scored(
        exact, x - shift, q=6, id=3, tap=off
    )
    assert float(found.products[2]) == pytest.approx(slope / (2 * STEP), abs=1e-6)


def test_without_the_mask_words_behind_count(tiny_model: GPT2) -> None:
    free = Run(tiny_model, IDS, edits=Edits(causal=False))
    found = gradient_times_input(free, q=2, id=3)
    assert found.products.shape == (8,)
    assert float(found.products[7]) != 0.0


def test_a_patched_head_and_the_models_own_choice(tiny_model: GPT2) -> None:
    donor = Run(tiny_model, [8, *IDS[1:]])
    edits = Edits(patches=(HeadPatch(0, 1, donor.id),))
    run = Run(tiny_model, IDS, edits=edits, donors={donor.id: donor})
    found = gradient_times_input(run, q=7)
    assert found.id == int(run.logits(7).argmax())
    assert found.value == pytest.approx(float(run.logits(7).log_softmax(-1).max()), abs=1e-5)


def test_a_modern_decoder(tiny_modern: Modern) -> None:
    """Its norm of the embedding is the input: behind it a louder word is louder."""
    model = tiny_modern.double()
    run = Run(model, IDS)
    found = gradient_times_input(run, q=7, id=2)
    leaf = run.stream(0)[None].clone()

    def value(x: torch.Tensor) -> float:
        from cutaway.interp import Patcher

        with torch.no_grad():
            tap = Patcher({"h.0.resid_pre": x})
            x = model.hidden(torch.tensor([IDS]), tap=tap)[0, 7]  # type: ignore[arg-type]
            return float(model.unembed(x).log_softmax(-1)[2])

    shift = torch.zeros_like(leaf)
    shift[0, 3] = STEP * leaf[0, 3]
    slope = (value(leaf + shift) - value(leaf - shift)) / (2 * STEP)
    assert float(found.products[3]) == pytest.approx(slope, abs=1e-6)


def test_the_model_is_left_as_it_was(tiny_model: GPT2) -> None:
    tiny_model.train()
    run = Run(tiny_model, IDS)
    gradient_times_input(run, q=7, id=2)
    assert tiny_model.training
    assert all(parameter.grad is None for parameter in tiny_model.parameters())


def test_what_is_not_there(tiny_model: GPT2) -> None:
    run = Run(tiny_model, IDS)
    with pytest.raises(ConfigError, match="q is 8"):
        gradient_times_input(run, q=8)
    with pytest.raises(ConfigError, match="id is 61"):
        gradient_times_input(run, q=1, id=61)
    with pytest.raises(ConfigError, match="has no text"):
        gradient_times_input(run, q=1, id=60, n_vocab=50)
    with pytest.raises(ConfigError, match="of is 'loss'"):
        gradient_times_input(run, q=1, of="loss")  # type: ignore[arg-type]
