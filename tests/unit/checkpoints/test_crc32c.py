"""The checksum against its published values and against the definition."""

import numpy as np
import pytest
from bundles import crc32c_bit_by_bit, stored_crc
from hypothesis import given
from hypothesis import strategies as st

from cutaway.checkpoints.crc32c import crc32c, masked

WINDOW_BYTES = 5275 * 32 * 4


@pytest.mark.parametrize(
    ("data", "crc"),
    [  # RFC 3720, appendix B.4, and the value by which CRCs are told apart
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_published_values(data: bytes, crc: int) -> None:
    assert crc32c(data) == crc


@given(st.binary(max_size=700))
def test_every_short_length(data: bytes) -> None:
    assert crc32c(data) == crc32c_bit_by_bit(data)
    assert masked(crc32c(data)).to_bytes(4, "little") == stored_crc(data)


def test_the_polynomial_divides_the_sum_of_powers() -> None:
    """What lets long texts be folded; by long division, highest power first."""
    remainder = 1 << 5275 | 1 << 4508 | 1 << 2751 | 1
    for power in range(5275, 31, -1):
        if remainder >> power & 1:
            remainder ^= 0x11EDC6F41 << (power - 32)
    assert remainder == 0


@pytest.mark.parametrize("n_bytes", [-4, 0, 1, 4, 98_175, 98_180, WINDOW_BYTES])
def test_long_texts_equal_their_halves_joined(n_bytes: int) -> None:
    """crc(a + b) follows from crc(a), crc(b) and the length of b, by zeros put behind a."""
    data = np.random.default_rng(1).integers(0, 256, WINDOW_BYTES + n_bytes, np.uint8).tobytes()
    cut = len(data) // 2
    a, b = data[:cut], data[cut:]
    zeros = bytes(len(b))
    # crc is affine: crc(a + b) ^ crc(a + 0) = crc(0 + b) ^ crc(0 + 0), each of the full length.
    front = bytes(cut)
    parts = crc32c(a + zeros) ^ crc32c(front + b) ^ crc32c(front + zeros)
    assert crc32c(data) == parts
    assert crc32c(data[:-1] + bytes([data[-1] ^ 1])) != crc32c(data)


def test_a_long_text_bit_by_bit() -> None:
    data = np.random.default_rng(2).integers(0, 256, WINDOW_BYTES + 12_345, np.uint8).tobytes()
    expected = 0xFFFFFFFF
    table = [
        crc32c_bit_by_bit(bytes([byte])) ^ crc32c_bit_by_bit(b"\0") for byte in range(256)
    ]  # linear: the table of a single byte
    for byte in data:
        expected = expected >> 8 ^ table[(expected ^ byte) & 0xFF]
    assert crc32c(data) == expected ^ 0xFFFFFFFF
