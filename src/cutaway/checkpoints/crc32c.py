"""CRC-32C (Castagnoli), as TensorFlow's files carry it, at the speed of memory, with numpy alone.

A text is a polynomial over GF(2), its CRC the remainder by 0x1EDC6F41 after ``x**32``. Two facts
make that quick without a loop over bytes:

- The CRC's polynomial divides ``x**5275 + x**4508 + x**2751 + 1``, and so, squaring again and
  again, the same with ``x**(2**n)`` for ``x``. A stretch of text may therefore be added (XOR) at
  three later places and forgotten: three passes of plain XOR do away with all but the last 5275
  units of a text. (The exponents were found by a search for a short sum of powers equal to 1.)
- Taking in a word ``w`` turns the register ``r`` into ``A(r ^ w)``, and ``A`` is linear. The rest
  is laid in rows; all columns move at once by Horner's rule with ``A`` to the power of a row's
  length, and the columns of the last register are folded together in halves.

Test values: RFC 3720, appendix B.4.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["crc32c", "masked"]

Words = NDArray[np.uint32]

_POLYNOMIAL = 0x82F63B78  # the first bit of a text is its highest power: all is mirrored
_SUM_OF_POWERS = (5275, 4508, 2751)
_UNIT = 32  # words, a power of two
_WINDOW = _SUM_OF_POWERS[0] * _UNIT
_ROWS = tuple(1 << k for k in range(12, -1, -1))  # lengths of a row, in words


def crc32c(data: bytes | memoryview | NDArray[np.uint8]) -> int:
    """The checksum of ``data``.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    raw = np.frombuffer(data, np.uint8)
    register = 0xFFFFFFFF
    whole = len(raw) & ~3
    if whole:
        register = _over_words(_folded(raw[:whole].view("<u4"), register))
    for byte in raw[whole:].tolist():
        register = (register >> 8) ^ int(_byte_table()[(register ^ byte) & 0xFF])
    return register ^ 0xFFFFFFFF


def masked(crc: int) -> int:
    """The form in which a checksum is stored, so that one over it would not be trivial."""
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _folded(words: Words, register: int) -> Words:
    """At most ``_WINDOW`` words with the same remainder as ``words`` from that register."""
    first, second, third = (exponent * _UNIT for exponent in _SUM_OF_POWERS)
    block = first - second
    carried = np.zeros(_WINDOW + block, np.uint32)  # what was added to the words to come
    carried[0] = register
    end = max(0, len(words) - _WINDOW)
    for start in range(0, end, block):
        n = min(block, end - start)
        stretch = carried[:n] ^ words[start : start + n]
        carried[:-n] = carried[n:]
        carried[-n:] = 0
        for exponent in (block, first - third, first):
            carried[exponent - n : exponent] ^= stretch
    return carried[: len(words) - end] ^ words[end:]


def _over_words(words: Words) -> int:
    """The register after these words, from zero."""
    width = next((length for length in _ROWS if length * 8 <= len(words)), 1)
    # Zeros before a text leave an empty register empty, so the first row is filled up with them.
    row = np.zeros(width, np.uint32)
    head = len(words) % width
    row[width - head :] = words[:head]
    step = _Power.of(width)
    for more in words[head:].reshape(-1, width):
        row = step(row)
        row ^= more
    while width > 1:
        width //= 2
        row = _Power.of(width)(row[:width]) ^ row[width:]
    return int(_Power.of(1)(row)[0])


class _Power:
    """``A`` to some power, by tables for the four bytes of a register."""

    def __init__(self, images: Words) -> None:
        """Takes the images of the 32 registers that have one bit."""
        self.images = images
        tables = np.zeros((4, 256), np.uint32)
        for bit, image in enumerate(images):
            place = 1 << bit % 8
            tables[bit // 8, place : 2 * place] = tables[bit // 8, :place] ^ image
        self.tables = tables

    def __call__(self, registers: Words) -> Words:
        octets = registers.view(np.uint8).reshape(-1, 4)
        moved = self.tables[0, octets[:, 0]]
        for place in (1, 2, 3):
            moved ^= self.tables[place, octets[:, place]]
        return moved

    @staticmethod
    @lru_cache
    def of(exponent: int) -> "_Power":
        """``A`` to the power of ``exponent``, a power of two."""
        if exponent == 1:
            registers = np.uint32(1) << np.arange(32, dtype=np.uint32)
            for _ in range(4):
                registers = (registers >> np.uint32(8)) ^ _byte_table()[registers & np.uint32(255)]
            return _Power(registers)
        half = _Power.of(exponent // 2)
        return _Power(half(half.images))


@lru_cache
def _byte_table() -> Words:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(_POLYNOMIAL), table >> 1)
    return table.astype(np.uint32)
