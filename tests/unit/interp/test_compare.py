"""Two runs side by side, against whole passes of both written out by hand."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from whole_run import WholeRun

from cutaway.errors import ConfigError
from cutaway.interp import Edits, Recorder, Run
from cutaway.interp.compare import (
    added_distance,
    divergence,
    head_changes,
    head_distance,
    meet_in_bytes,
    meet_in_tokens,
)
from cutaway.models import GPT2, GPT2Config

IDS = [3, 1, 4, 1, 5, 9, 2, 6]
OTHER = [7, 7, 1, 4, 1, 8, 9, 2, 6]
TINY = GPT2Config(vocab_size=61, n_ctx=24, n_embd=20, n_layer=3, n_head=5)

tokens = st.lists(st.integers(0, 3), max_size=12)


@given(tokens, tokens)
def test_tokens_meet_in_order_and_are_the_same(a: list[int], b: list[int]) -> None:
    places = [piece.ends for piece in meet_in_tokens(a, b)]
    assert all(a[i] == b[j] for i, j in places)
    assert all(i < k and j < m for (i, j), (k, m) in pairwise(places))
    assert [piece.ends for piece in meet_in_tokens(a, a)] == [(i, i) for i in range(len(a))]


@given(st.binary(max_size=30), st.sets(st.integers(1, 29)), st.sets(st.integers(1, 29)))
def test_pieces_write_the_same_bytes(text: bytes, first: set[int], second: set[int]) -> None:
    def cut(at: set[int]) -> list[bytes]:
        ends = [0, *sorted(end for end in at if end < len(text)), len(text)]
        return [text[i:j] for i, j in pairwise(ends) if i < j]

    a, b = cut(first), cut(second)
    pieces = meet_in_bytes(a, b)
    for piece in pieces:
        written = b"".join(a[slice(*piece.a)])
        assert written == b"".join(b[slice(*piece.b)]) != b""
    assert b"".join(b"".join(a[slice(*piece.a)]) for piece in pieces) == text
    ends = set(np.cumsum([len(x) for x in a])) & set(np.cumsum([len(x) for x in b]))
    assert len(pieces) == len(ends)  # no smaller ones


def test_texts_that_part_meet_until_they_do() -> None:
    assert [p.ends for p in meet_in_bytes([b"th", b"e", b"x"], [b"the", b"y"])] == [(1, 0)]
    assert meet_in_bytes([b"a"], [b"b"]) == []


@pytest.fixture
def runs(tiny_model: GPT2, enliven) -> tuple[WholeRun, WholeRun]:  # type: ignore[no-untyped-def]
    other = enliven(GPT2(TINY), seed=5)
    return WholeRun(tiny_model, IDS), WholeRun(other, OTHER)


PLACES = [piece.ends for piece in meet_in_tokens(IDS, OTHER)]


def test_the_divergence_is_the_definition(runs: tuple[WholeRun, WholeRun]) -> None:
    a, b = runs
    assert PLACES == [(1, 2), (2, 3), (3, 4), (5, 6), (6, 7), (7, 8)]
    found = divergence(a, b, PLACES, n_vocab=50)
    for (i, j), value in zip(PLACES, found, strict=True):
        p, r = (
            np.exp(x[:50] - np.log(np.exp(x[:50]).sum()))
            for x in (a.logits(i).double().numpy(), b.logits(j).double().numpy())
        )
        assert float(value) == pytest.approx(float((p * np.log(p / r)).sum()), rel=1e-6)
    assert float(divergence(a, a, [(4, 4)])) == 0.0


def patterns(model: GPT2, ids: list[int], layer: int) -> torch.Tensor:
    recorder = Recorder({f"h.{layer}.attn.pattern", f"h.{layer}.attn.z"})
    with torch.no_grad():
        model(torch.tensor([ids]), tap=recorder)
    return recorder.values[f"h.{layer}.attn.pattern"][0].double()


def test_attention_that_lies_elsewhere(runs: tuple[WholeRun, WholeRun]) -> None:
    a, b = runs
    one, two = patterns(a.model, IDS, 1)[3], patterns(b.model, OTHER, 1)[3]
    found = head_distance(a, b, PLACES, layer=1, head=3)
    keys, others = zip(*PLACES, strict=True)
    for (i, j), value in zip(PLACES, found, strict=True):
        shared = [abs(float(one[i, k] - two[j, m])) for k, m in PLACES]
        alone_a = sum(float(one[i, k]) for k in range(len(IDS)) if k not in keys)
        alone_b = sum(float(two[j, m]) for m in range(len(OTHER)) if m not in others)
        assert float(value) == pytest.approx((sum(shared) + abs(alone_a - alone_b)) / 2, abs=1e-6)
        assert 0 <= value <= 1
    assert float(head_distance(a, a, [(5, 5)], layer=1, head=3)) == 0.0


def test_what_a_head_adds(runs: tuple[WholeRun, WholeRun]) -> None:
    a, b = runs
    parts = []
    for run, side in ((a, 0), (b, 1)):
        z = run.block(2)["attn.z"][1].double()
        weight = run.model.get_parameter("h.2.attn.c_proj.weight").detach().double()[4:8]
        parts.append((z @ weight)[[pair[side] for pair in PLACES]])
    x, y = parts
    distance, apart, long_x, long_y = added_distance(a, b, PLACES, layer=2, head=1)
    assert apart == pytest.approx(float((x - y).norm()), rel=1e-5)
    assert (long_x, long_y) == pytest.approx((float(x.norm()), float(y.norm())), rel=1e-5)
    assert distance == pytest.approx(apart / (long_x + long_y))


def test_only_what_is_behind_a_head_that_is_off_changes(tiny_model: GPT2) -> None:
    whole = Run(tiny_model, IDS)
    less = Run(tiny_model, IDS, edits=Edits(heads_off=((1, 2),)))
    places = [(i, i) for i in range(len(IDS))]
    found = head_changes(whole, less, places)
    assert found.pattern.shape == (3, 5)
    assert found.output is not None
    assert float(found.pattern[:2].max()) == 0.0
    assert float(found.pattern[2].min()) > 0.0
    assert found.output[1].tolist() == [0.0, 0.0, 1.0, 0.0, 0.0]


def test_models_that_cannot_be_compared(tiny_model: GPT2) -> None:
    run = Run(tiny_model, IDS)
    narrow = GPT2Config(vocab_size=61, n_ctx=24, n_embd=15, n_layer=3, n_head=5)
    other = Run(GPT2(narrow).eval(), IDS)
    assert head_changes(run, other, [(0, 0)]).output is None
    few = Run(GPT2(GPT2Config(vocab_size=61, n_ctx=24, n_embd=8, n_layer=1, n_head=2)), IDS)
    with pytest.raises(ConfigError, match=r"3 x 5 heads.*1 x 2"):
        head_changes(run, few, [(0, 0)])
    with pytest.raises(ConfigError, match="no token in common"):
        head_changes(run, other, [])
    with pytest.raises(ConfigError, match="q is 8"):
        divergence(run, other, [(8, 0)])
