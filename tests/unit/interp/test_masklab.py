"""The mask laboratory: the model's own attention in float32, and honest damage elsewhere."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from whole_run import WholeRun

from cutaway.errors import ConfigError
from cutaway.interp.masklab import DTYPES, MASKS, masklab
from cutaway.models import GPT2, GPT2Config

IDS = [3, 1, 4, 1, 5, 9, 2, 6]
N = len(IDS)
TINY = GPT2(GPT2Config(vocab_size=61, n_ctx=24, n_embd=20, n_layer=2, n_head=5)).eval()


@pytest.fixture
def run(tiny_model: GPT2) -> WholeRun:
    return WholeRun(tiny_model, IDS)


def test_minus_infinity_in_float32_is_the_models_own_attention(run: WholeRun) -> None:
    for layer in range(3):
        for head in range(5):
            seen = masklab(run, layer=layer, head=head)
            torch.testing.assert_close(seen.scaled, run.scores(layer, head), rtol=0, atol=1e-6)
            torch.testing.assert_close(seen.pattern, run.pattern(layer, head), rtol=0, atol=1e-6)


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_stages_follow_from_each_other(run: WholeRun, mask: str, dtype: str) -> None:
    seen = masklab(run, layer=1, head=2, mask=mask, dtype=dtype)
    stages = {name: getattr(seen, name) for name in ("qk", "scaled", "masked", "pattern")}
    assert all(stage.dtype == DTYPES[dtype] for stage in stages.values())
    assert all(stage.shape == (N, N) for stage in stages.values())
    q, k = (run.at(f"h.1.attn.{name}")[2].to(DTYPES[dtype]).double().numpy() for name in "qk")
    tolerance = 1e-5 if dtype == "float32" else 4e-3
    np.testing.assert_allclose(seen.qk.double(), q @ k.T, rtol=tolerance, atol=tolerance)
    assert torch.equal(seen.scaled, seen.qk / math.sqrt(4))
    future = torch.ones(N, N, dtype=torch.bool).triu(1)
    assert torch.equal(seen.masked[~future], seen.scaled[~future])
    if mask == "none":
        assert torch.equal(seen.masked, seen.scaled)
    else:
        assert (seen.masked[future] == seen.value).all()
        assert (seen.pattern[future] == 0).all()  # exactly
    sums = seen.pattern.double().sum(-1)
    torch.testing.assert_close(sums, torch.ones_like(sums), rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("mask", "dtype", "value"),
    [
        ("none", "float32", None),
        ("-inf", "float32", -math.inf),
        ("-1e9", "float32", -1e9),
        ("-1e10", "float32", -1e10),
        ("min", "float32", torch.finfo(torch.float32).min),
        ("-inf", "float16", -math.inf),
        ("-1e9", "float16", -math.inf),
        ("-1e10", "float16", -math.inf),
        ("min", "float16", -65504.0),
    ],
)
def test_a_fully_masked_row_is_nan_or_uniform(
    run: WholeRun, mask: str, dtype: str, value: float | None
) -> None:
    seen = masklab(run, layer=0, head=0, mask=mask, dtype=dtype)
    assert seen.value == value
    hidden = N * (N - 1) // 2 if value == -math.inf else 0
    assert (seen.odd["masked"].neginf, seen.odd["masked"].nan) == (hidden, 0)
    if value is None:
        assert seen.lost_row is None
    elif math.isinf(value):
        assert seen.lost_row is not None
        assert seen.lost_row.isnan().all()
    else:
        assert seen.lost_row is not None
        assert (seen.lost_row == 1 / N).all()


def test_overflow_is_counted(tiny_model: GPT2) -> None:
    with torch.no_grad():
        tiny_model.h[0].attn.c_attn.weight.mul_(200)
    seen = masklab(WholeRun(tiny_model, IDS), layer=0, head=1, dtype="float16", mask="min")
    scores = seen.qk.isinf()
    assert scores.any()
    assert seen.odd["qk"].posinf + seen.odd["qk"].neginf == int(scores.sum())
    assert seen.odd["pattern"].nan == int(seen.pattern.isnan().sum()) > 0
    fine = masklab(WholeRun(tiny_model, IDS), layer=0, head=1, dtype="float32", mask="min")
    assert (fine.odd["pattern"].nan, fine.odd["qk"].posinf) == (0, 0)


@given(start=st.integers(0, N - 1), stop=st.integers(1, N), step=st.integers(1, 3))
def test_rows_are_a_part_of_the_whole(start: int, stop: int, step: int) -> None:
    run, rows = WholeRun(TINY, IDS), slice(start, stop, step)
    if start >= stop:
        with pytest.raises(ConfigError, match="rows is"):
            masklab(run, layer=1, head=3, rows=rows)
        return
    whole, part = masklab(run, layer=1, head=3), masklab(run, layer=1, head=3, rows=rows)
    assert part.rows == tuple(range(start, stop, step))
    torch.testing.assert_close(part.pattern, whole.pattern[rows], rtol=0, atol=1e-6)
    assert torch.equal(part.masked.isneginf(), whole.masked.isneginf()[rows])


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"layer": 3}, r"layer is 3.\nIt must be a whole number from 0 to 2."),
        ({"head": 5}, r"head is 5.\nIt must be a whole number from 0 to 4."),
        ({"mask": "-1e4"}, r"mask is '-1e4'.\nIt must be one of none, -inf, -1e9, -1e10, min."),
        ({"dtype": "float8"}, r"dtype is 'float8'.\nIt must be one of float32, float16."),
        ({"rows": slice(0, 9)}, r"rows is '0:9'.\nIt must be a part, not empty, of 0:8."),
    ],
)
def test_what_is_not_there_is_refused(run: WholeRun, asked: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        masklab(run, **{"layer": 0, "head": 0, **asked})
