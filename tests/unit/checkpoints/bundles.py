"""A small writer of TensorFlow's tensor bundles, from the description of the formats.

Independent of the reader, and slow: its checksum goes bit by bit. What TensorFlow itself wrote is
in `fixtures/`; this writes what TensorFlow never would.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MAGIC = bytes.fromhex("57fb808b247547db")


def crc32c_bit_by_bit(data: bytes) -> int:
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def stored_crc(data: bytes) -> bytes:
    crc = crc32c_bit_by_bit(data)
    rotated = (crc >> 15 | crc << 17) & 0xFFFFFFFF
    return ((rotated + 0xA282EAD8) % 2**32).to_bytes(4, "little")


def varint(value: int) -> bytes:
    groups = bytearray()
    while True:
        groups.append(value & 0x7F | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(groups)


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def message(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


HEADER = number(1, 1) + message(3, number(1, 1))


def entry(
    shape: tuple[int, ...], offset: int, size: int, crc: bytes, *, kind: int = 1, shard: int = 0
) -> bytes:
    dims = b"".join(message(2, number(1, n)) for n in shape)
    place = number(3, shard) if shard else b""
    return (
        number(1, kind) + message(2, dims) + place + number(4, offset) + number(5, size)
        + varint(6 << 3 | 5) + crc
    )  # fmt: skip


@dataclass
class Block:
    """A block with prefixes shared, and a restart now and then."""

    data: bytes = b""

    @classmethod
    def of(cls, pairs: list[tuple[bytes, bytes]], *, restart_every: int = 4) -> "Block":
        data, restarts, last = b"", [], b""
        for i, (key, value) in enumerate(pairs):
            shared = 0
            if i % restart_every == 0:
                restarts.append(len(data))
            else:
                while shared < min(len(key), len(last)) and key[shared] == last[shared]:
                    shared += 1
            own = key[shared:]
            data += varint(shared) + varint(len(own)) + varint(len(value)) + own + value
            last = key
        restarts = restarts or [0]
        data += b"".join(n.to_bytes(4, "little") for n in [*restarts, len(restarts)])
        return cls(data)

    def with_trailer(self, *, kind: int = 0) -> bytes:
        return self.data + bytes([kind]) + stored_crc(self.data + bytes([kind]))


def table(entries: Mapping[bytes, bytes], *, per_block: int = 7, kind: int = 0) -> bytes:
    """A sorted table of several blocks."""
    pairs = sorted(entries.items())
    out, handles = b"", []
    for start in range(0, len(pairs), per_block):
        chunk = pairs[start : start + per_block]
        block = Block.of(chunk)
        handles.append((chunk[-1][0], varint(len(out)) + varint(len(block.data))))
        out += block.with_trailer(kind=kind)
    meta, meta_at = Block.of([]), len(out)
    out += meta.with_trailer()
    index, index_at = Block.of(handles, restart_every=1), len(out)
    out += index.with_trailer()
    ends = varint(meta_at) + varint(len(meta.data)) + varint(index_at) + varint(len(index.data))
    return out + ends.ljust(40, b"\0") + MAGIC


def bundle(tensors: Mapping[str, np.ndarray]) -> tuple[dict[bytes, bytes], bytes]:
    """The entries of an index, and the data."""
    entries, data = {b"": HEADER}, b""
    for name in sorted(tensors):
        raw = np.ascontiguousarray(tensors[name], "<f4").tobytes()
        entries[name.encode()] = entry(tensors[name].shape, len(data), len(raw), stored_crc(raw))
        data += raw
    return entries, data


def write_bundle(
    folder: Path, tensors: Mapping[str, np.ndarray], prefix: str = "model.ckpt"
) -> None:
    entries, data = bundle(tensors)
    (folder / f"{prefix}.index").write_bytes(table(entries))
    (folder / f"{prefix}.data-00000-of-00001").write_bytes(data)
