"""The figures of rounding, by arithmetic."""

import math

import pytest
import torch

from cutaway.checkpoints import quality
from cutaway.checkpoints.rounding import logits_of, written_by
from cutaway.models import GPT2, GPT2Config


def test_figures_of_a_coin() -> None:
    fair, loaded = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.25, 0.75]]).log()
    found = quality([fair, fair], [loaded + 3, loaded], torch.tensor([[0], [1]]))
    assert found.n_tokens == 2
    assert found.perplexity_before == pytest.approx(2)
    assert found.perplexity_after == pytest.approx(1 / math.sqrt(0.25 * 0.75))
    assert found.kl == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2 / 3))
    assert found.perplexity_change == pytest.approx(found.perplexity_after / 2 - 1)
    assert found.to_dict()["perplexity_change"] == found.perplexity_change


def test_rows_of_different_number_are_a_mistake() -> None:
    row = torch.zeros(1, 2)
    with pytest.raises(ValueError, match="shorter"):
        quality([row, row], [row], torch.tensor([[0], [1]]))


def test_a_model_writes_the_same_rows_again_and_they_are_its_own(tiny_model: GPT2) -> None:
    rows = written_by(tiny_model, start=7)
    assert rows.shape == (8, 25)  # all positions are read, and one more token is written
    assert (rows[:, 0] == 7).all()
    assert len({tuple(row) for row in rows.tolist()}) == 8
    assert torch.equal(rows, written_by(tiny_model, start=7))
    other = GPT2(tiny_model.config, seed=3)
    own, strange = (list(logits_of(model, rows[:, :-1])) for model in (tiny_model, other))
    found = quality(own, strange, rows[:, 1:])
    assert found.perplexity_before < 0.7 * found.perplexity_after
    assert found.kl == pytest.approx(math.log1p(found.perplexity_change), rel=0.5)


def test_a_model_of_one_position_and_without_a_start() -> None:
    model = GPT2(GPT2Config(vocab_size=9, n_ctx=1, n_embd=4, n_layer=1, n_head=1))
    rows = written_by(model, start=None)
    assert rows.shape == (8, 2)
    assert (
        quality(logits_of(model, rows[:, :-1]), logits_of(model, rows[:, :-1]), rows[:, 1:]).kl == 0
    )
