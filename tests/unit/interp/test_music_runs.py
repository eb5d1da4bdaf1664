"""Runs of a Music Transformer: what is computed when somebody looks is what a pass computes."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from cutaway.interp import Edits, Recorder, Run
from cutaway.interp.gradient import gradient_vectors
from cutaway.interp.masklab import masklab
from cutaway.interp.parts import embedded
from cutaway.models import MusicTransformer
from musical import PIECE, music_transformer

SHAPES = {"relative": 7, "none": 0, "far": 40}


@pytest.fixture(params=SHAPES)
def run(request: pytest.FixtureRequest, enliven: Callable[..., MusicTransformer]) -> Run:
    lm = music_transformer(enliven, max_relative=SHAPES[request.param])
    return Run(lm.model, lm.tokenizer.encode(PIECE))


def recorded(run: Run, *sites: str) -> dict[str, Tensor]:
    recorder = Recorder(set(sites))
    with torch.no_grad():
        run.model(torch.tensor([run.ids]), tap=recorder)
    values = recorder.values  # places are the same for every row, and have no batch
    return {name: x if name == "wpe" else x[0] for name, x in values.items()}


@pytest.mark.parametrize("name", ["pattern", "scores"])
def test_attention_is_that_of_a_plain_pass(run: Run, name: str) -> None:
    values = recorded(run, *(f"h.{i}.attn.{name}" for i in range(2)))
    look = run.pattern if name == "pattern" else run.scores
    for layer in range(2):
        for head in range(5):
            plain = values[f"h.{layer}.attn.{name}"][head]
            torch.testing.assert_close(look(layer, head), plain)
            torch.testing.assert_close(look(layer, head, slice(9, 13)), plain[9:13])
            torch.testing.assert_close(look(layer, head, slice(2, 3)), plain[2:3])


def test_the_stream_and_what_begins_it(run: Run) -> None:
    values = recorded(run, "wte", "wpe", "h.0.resid_pre", "h.1.resid_post", "ln_f", "logits")
    torch.testing.assert_close(embedded(run.model, "wte", run.ids), values["wte"])
    torch.testing.assert_close(embedded(run.model, "wpe", range(3, 9)), values["wpe"][3:9])
    torch.testing.assert_close(run.stream(0), values["h.0.resid_pre"])
    torch.testing.assert_close(run.stream(2), values["h.1.resid_post"])
    torch.testing.assert_close(run.final(), values["ln_f"])
    torch.testing.assert_close(run.logits(5), values["logits"][5])


def test_it_grows_token_by_token(run: Run) -> None:
    short = Run(run.model, run.ids[:6])
    for id in run.ids[6:]:
        short = short.extended(id)
    assert short.id == run.id
    for head in (0, 4):
        torch.testing.assert_close(short.pattern(1, head), run.pattern(1, head))


def test_a_head_that_is_off_and_no_mask(run: Run) -> None:
    off = Run(run.model, run.ids, edits=Edits(heads_off=((0, 1),)))
    assert not torch.equal(off.logits(8), run.logits(8))
    assert off.block(0)["attn.z"][1].count_nonzero() == 0
    free = Run(run.model, run.ids, edits=Edits(causal=False))
    torch.testing.assert_close(free.pattern(0, 2)[0].sum(), torch.tensor(1.0))
    torch.testing.assert_close(free.scores(0, 2), run.scores(0, 2))


def test_the_mask_laboratory_ends_with_the_pattern_of_the_model(run: Run) -> None:
    found = masklab(run, layer=0, head=1)
    torch.testing.assert_close(found.pattern, run.pattern(0, 1))
    torch.testing.assert_close(found.scaled, run.scores(0, 1))
    some = masklab(run, layer=1, head=4, rows=slice(3, 6))
    torch.testing.assert_close(some.pattern, run.pattern(1, 4, slice(3, 6)))


def test_gradients_meet_what_was_looked_up(run: Run) -> None:
    found = gradient_vectors(run, q=8)
    torch.testing.assert_close(found.words, embedded(run.model, "wte", run.ids[:9]))
