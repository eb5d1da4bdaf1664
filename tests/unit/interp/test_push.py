"""Direct logit attribution: with the scale frozen, the parts of the stream sum to the logit."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from whole_run import WholeRun

from cutaway.errors import ConfigError
from cutaway.interp.push import own_choice, readout
from cutaway.models import GPT2, GPT2Config

IDS = [3, 1, 4, 1, 5, 9, 2, 6]
TINY = GPT2Config(vocab_size=61, n_ctx=24, n_embd=20, n_layer=1, n_head=5)


@pytest.fixture
def run(tiny_model: GPT2) -> WholeRun:
    return WholeRun(tiny_model, IDS)


@pytest.mark.parametrize("q", [0, 7])
def test_the_whole_stream_pushes_the_logits_themselves(run: WholeRun, q: int) -> None:
    through = readout(run, q=q)
    stream = run.stream(3)[q]
    x = stream.double().numpy()
    assert through.scale == pytest.approx(np.sqrt(x.var() + 1e-5), rel=1e-12)
    for id in range(61):
        whole = float(through.push(stream, id=id)) + through.constant(id=id)
        assert whole == pytest.approx(float(run.logits(q)[id]), abs=2e-5)


def test_pushes_of_all_tokens_are_the_pushes_of_each(run: WholeRun) -> None:
    through = readout(run, q=5)
    parts = run.block(1)["mlp_out"][:3]
    every = through.pushes(parts)
    assert every.shape == (3, 61)
    each = torch.stack([through.push(parts, id=id) for id in range(61)], dim=-1)
    torch.testing.assert_close(every, each, rtol=1e-5, atol=1e-5)


@given(seed=st.integers(0, 1000), scale=st.floats(-3, 3))
def test_a_push_is_linear_and_blind_to_what_all_dimensions_share(seed: int, scale: float) -> None:
    model = GPT2(TINY)
    through = readout(WholeRun(model, IDS), q=3)
    a, b = torch.randn(2, TINY.n_embd, generator=torch.Generator().manual_seed(seed))
    push = through.push(torch.stack([a, b, a + scale * b, a + scale]), id=9)
    torch.testing.assert_close(push[2], push[0] + scale * push[1], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(push[3], push[0], rtol=1e-4, atol=1e-6)


def test_the_choice_is_the_models_own_unless_one_is_given(run: WholeRun) -> None:
    assert own_choice(run, q=2) == int(run.at("logits")[2].argmax())
    assert own_choice(run, q=2, id=60) == 60
    assert own_choice(run, q=2, n_vocab=3) == int(run.at("logits")[2, :3].argmax())


def test_what_is_not_there_is_refused(run: WholeRun) -> None:
    with pytest.raises(ConfigError, match=r"q is 8.\nIt must be a whole number from 0 to 7."):
        readout(run, q=8)
    with pytest.raises(ConfigError, match="q is -1"):
        own_choice(run, q=-1)
    with pytest.raises(ConfigError, match=r"id is 61.\nIt must be a whole number from 0 to 60."):
        own_choice(run, q=0, id=61)
