"""The floor under a decode step: bytes of weights and cache, over what memory gives."""

import pytest
from benchmarks.engine.machine import (
    PARAMETERS,
    cache_bytes,
    floor_share,
    reader,
    step_bytes,
    weight_bytes,
)


def test_the_shape_is_gpt2s() -> None:
    assert PARAMETERS == 124_439_808  # as transformers counts them


@pytest.mark.parametrize(
    ("width", "megabytes"), [("fp32", 494.6), ("bf16", 247.5), ("int8", 124.0), ("int4", 66.1)]
)
def test_weights_take_their_width(width: str, megabytes: float) -> None:
    assert weight_bytes(width) / 1e6 == pytest.approx(megabytes, abs=0.1)


def test_a_step_reads_the_weights_once_and_every_texts_cache() -> None:
    one = step_bytes("int8", batch=1, prompt=32, new=64)
    many = step_bytes("int8", batch=8, prompt=32, new=64)
    assert one == weight_bytes("int8") + 2 * 12 * 768 * 64 * 2
    assert many - one == 7 * cache_bytes("int8", 64)


def test_a_step_as_long_as_its_reads_is_the_floor() -> None:
    step = {"n_bytes": 1e8, "bytes_per_s": 2e10}  # 5 ms
    assert floor_share(200.0, batch=1, **step) == pytest.approx(1)
    assert floor_share(1600.0, batch=8, **step) == pytest.approx(1)
    assert floor_share(100.0, batch=1, **step) == pytest.approx(0.5)


def test_what_is_read_is_read_at_the_rate_of_a_memory() -> None:
    assert 1e8 < reader(1_000_000, threads=2)() < 1e13
