"""The floor under a decode step: bytes of weights and cache, over what memory gives."""

import json
from pathlib import Path

import pytest

from cutaway.benchmarking.cases import CASES
from cutaway.benchmarking.contenders import OURS, Contender
from cutaway.benchmarking.figures import floor_of, medians, share
from cutaway.benchmarking.floor import (
    cache_bytes,
    floor_rate,
    step_bytes,
    weight_bytes,
)
from cutaway.benchmarking.machine import reader
from cutaway.benchmarking.rounds import Result
from cutaway.benchmarking.shape import GPT2_124M, Shape
from cutaway.models import PRESETS, GPT2Config, parameter_table


@pytest.mark.parametrize("name", [n for n, c in PRESETS.items() if isinstance(c, GPT2Config)])
def test_parameters_are_those_of_the_model(name: str) -> None:
    assert Shape.of(PRESETS[name]).parameters == parameter_table(PRESETS[name]).total


def test_the_shape_is_gpt2s() -> None:
    assert Shape.of(PRESETS["gpt2"]) == GPT2_124M
    assert GPT2_124M.title == "GPT-2 124M"


def test_a_shape_is_read_from_the_file_of_transformers(tmp_path: Path) -> None:
    fields = {**GPT2_124M.to_dict(), "n_positions": 1024, "n_ctx": "not this", "model_type": "gpt2"}
    (tmp_path / "config.json").write_text(json.dumps(fields))
    assert Shape.read(tmp_path) == GPT2_124M


@pytest.mark.parametrize(
    ("width", "megabytes"), [("fp32", 494.6), ("bf16", 247.5), ("int8", 124.0), ("int4", 66.1)]
)
def test_weights_take_their_width(width: str, megabytes: float) -> None:
    assert weight_bytes(GPT2_124M, width) / 1e6 == pytest.approx(megabytes, abs=0.1)


def test_a_step_reads_the_weights_once_and_every_texts_cache() -> None:
    one = step_bytes(GPT2_124M, "int8", batch=1, prompt=32, new=64)
    many = step_bytes(GPT2_124M, "int8", batch=8, prompt=32, new=64)
    assert one == weight_bytes(GPT2_124M, "int8") + 2 * 12 * 768 * 64 * 2
    assert many - one == 7 * cache_bytes(GPT2_124M, "int8", 64)


def test_a_step_as_long_as_its_reads_is_the_floor() -> None:
    step = {"n_bytes": 1e8, "bytes_per_s": 2e10}  # 5 ms
    assert floor_rate(batch=1, **step) == pytest.approx(200)
    assert 200.0 / floor_rate(batch=1, **step) == pytest.approx(1)
    assert 1600.0 / floor_rate(batch=8, **step) == pytest.approx(1)
    assert 100.0 / floor_rate(batch=1, **step) == pytest.approx(0.5)


def test_what_is_read_is_read_at_the_rate_of_a_memory() -> None:
    assert 1e8 < reader(1_000_000, threads=2)() < 1e13


def test_a_share_is_of_the_median_beside_the_median_of_the_reads() -> None:
    result = Result(Contender(OURS, "int8", "", "", ""))
    result.figures = {"decode-32": [150.0, 100.0, 900.0], "prefill": [1.0]}
    result.reads = {"decode-32": [1e10, 2e10, 9e10]}
    assert medians(result) == {"decode-32": 150.0, "prefill": 1.0}
    floor = floor_of(result, CASES["decode-32"], GPT2_124M)
    assert floor is not None
    assert floor.rate == pytest.approx(2e10 / floor.n_bytes)
    assert share(result, CASES["decode-32"], GPT2_124M) == pytest.approx(150 / floor.rate)
    assert share(result, CASES["prefill"], GPT2_124M) is None  # bound by arithmetic
    assert share(result, CASES["decode-900"], GPT2_124M) is None
