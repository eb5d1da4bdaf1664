"""The elements of arrays: bytes, what is finite, and what fits into a narrower kind."""

import numpy as np
import pytest

from cutaway.checkpoints.raw import all_finite, narrowed, raw_bytes
from cutaway.errors import CorruptCheckpoint
from cutaway.numbers import BFLOAT16, FLOAT16, FLOAT32, Kind

FLOAT64: Kind = np.dtype(np.float64)
KINDS = (FLOAT32, FLOAT16, BFLOAT16, FLOAT64)
MANY = 70_000  # more than is looked at at a time


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("at", [0, 65_535, 65_536, MANY - 1])
@pytest.mark.parametrize("wrong", [float("nan"), -float("nan"), float("inf"), -float("inf")])
def test_one_number_that_is_not_finite_is_found(kind: Kind, at: int, wrong: float) -> None:
    array = np.zeros(MANY, kind)
    assert all_finite(array)
    array[at] = wrong
    assert not all_finite(array)
    assert not all_finite(array.reshape(-1, 7).T)


@pytest.mark.parametrize("kind", [FLOAT32, FLOAT16, BFLOAT16], ids=str)
def test_every_pattern_of_sixteen_bits_is_judged_as_numpy_judges_it(kind: Kind) -> None:
    patterns = np.arange(1 << 16, dtype=np.uint16)
    bits = patterns.astype(np.uint32) << 16 if kind == FLOAT32 else patterns
    with np.errstate(all="ignore"):
        expected = np.isfinite(bits.view(kind))
    for value, finite in zip(bits, expected, strict=True):
        assert all_finite(np.array([value]).view(kind)) == finite


def test_nothing_is_finite() -> None:
    assert all_finite(np.zeros((0, 3), np.float32))


def test_bytes_are_in_order_of_rows() -> None:
    array = np.arange(6, dtype=np.int8).reshape(2, 3)
    assert raw_bytes(array) == bytes(range(6))
    assert raw_bytes(array.T) == bytes([0, 3, 1, 4, 2, 5])
    assert raw_bytes(np.ones(1, BFLOAT16)) == b"\x80\x3f"


def test_what_fits_is_narrowed() -> None:
    array = np.array([1.0, 1 + 2**-9, -0.0], np.float32)
    assert narrowed("x", array, FLOAT32) is array
    assert narrowed("x", array, BFLOAT16).tobytes() == bytes.fromhex("803f 803f 0080")


@pytest.mark.parametrize(
    ("value", "kind", "reason"),
    [(1e5, FLOAT16, "too large for float16"), (float("nan"), BFLOAT16, "not finite, in bfloat16")],
)
def test_what_does_not_fit_is_named(value: float, kind: Kind, reason: str) -> None:
    with pytest.raises(CorruptCheckpoint, match=f"An element of x is {reason}"):
        narrowed("x", np.array([0.0, value], np.float32), kind)
