"""Hostile bundles of TensorFlow: indexes that lie about the data, or about themselves."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bundles import HEADER, Block, bundle, entry, number, table, varint
from sound import Spoil, variables

__all__ = ["BUNDLES"]

Make = Callable[[dict[bytes, bytes], int], bytes]
_NO_CRC = bytes(4)


def _of_wte(*args: Any, **kwargs: Any) -> Make:
    return lambda entries, _: table(entries | {b"model/wte": entry(*args, **kwargs)})


def _raw_block(data: bytes) -> bytes:
    """A table whose only block is this."""
    out = Block(data).with_trailer()
    index, at = Block.of([(b"z", b"\0" + varint(len(data)))]), len(out)
    out += index.with_trailer()
    ends = b"\0\0" + varint(at) + varint(len(index.data))
    return out + ends.ljust(40, b"\0") + bytes.fromhex("57fb808b247547db")


def _pairs(*pairs: tuple[bytes, bytes]) -> bytes:
    return _raw_block(Block.of([(b"", HEADER), *pairs], restart_every=1).data)


_TABLES: dict[str, Make] = {
    "beyond the data": lambda e, n: table(e | {b"model/wte": entry((64, 8), n, 2048, _NO_CRC)}),
    "negative offset": _of_wte((64, 8), 2**64 - 2048, 2048, _NO_CRC),
    "wrong length": _of_wte((64, 8), 0, 2052, _NO_CRC),
    "wrong checksum": _of_wte((64, 8), 0, 2048, _NO_CRC),
    "negative dimension": _of_wte((2**64 - 64, 8), 0, 2048, _NO_CRC),
    "huge tensor": _of_wte((2**31, 2**31), 0, 2**64 - 1, _NO_CRC),
    "empty dimension": _of_wte((64, 0), 0, 0, _NO_CRC),
    "a thousand dimensions": _of_wte((1,) * 1000, 0, 4, _NO_CRC),
    "integers": _of_wte((64, 8), 0, 2048, _NO_CRC, kind=3),
    "text": _of_wte((64, 8), 0, 2048, _NO_CRC, kind=7),
    "another shard": _of_wte((64, 8), 0, 2048, _NO_CRC, shard=5),
    "not a message": lambda e, n: table(e | {b"model/wte": b"\xff" * 12}),
    "unknown kind of field": lambda e, n: table(e | {b"model/wte": b"\x0b\x00"}),
    "a long varint": lambda e, n: table(e | {b"model/wte": b"\x08" + b"\x80" * 500 + b"\1"}),
    "no header": lambda e, n: table({k: v for k, v in e.items() if k}),
    "a million shards": lambda e, n: table(e | {b"": number(1, 10**6)}),
    "big endian": lambda e, n: table(e | {b"": HEADER + number(2, 1)}),
    "compressed": lambda e, n: table(e, kind=1),
    "not ASCII": lambda e, n: table(e | {b"\xff\xfe": entry((1,), 0, 4, _NO_CRC)}),
    "no magic": lambda e, n: table(e)[:-1] + b"\0",
    "a footer of ones": lambda e, n: table(e)[:-48] + b"\xff" * 40 + table(e)[-8:],
    "a footer alone": lambda e, n: table(e)[-48:],
    "a key twice": lambda e, n: _pairs((b"a", b""), (b"a", b"")),
    "keys out of order": lambda e, n: _pairs((b"b", b""), (b"a", b"")),
    "shared beyond": lambda e, n: _raw_block(b"\x7f\x01\x01ab" + bytes(4) + b"\1\0\0\0"),
    "value beyond": lambda e, n: _raw_block(b"\0\x01\xff\xff\xff\xff\x07a" + bytes(8)),
    "varint without end": lambda e, n: _raw_block(b"\xff" * 4000 + bytes(8)),
    "restarts beyond": lambda e, n: _raw_block(b"\0\x01\x01ab" + b"\xff\xff\xff\xff"),
    "all at one place": lambda e, n: table({k: v + number(4, 0) * bool(k) for k, v in e.items()}),
    "an index of 5 MB": lambda e, n: bytes(5 << 20) + table(e),
}


def _tensorflow(make: Make) -> Spoil:
    def spoil(folder: Path) -> None:
        entries, data = bundle(variables())
        (folder / "model.ckpt.index").write_bytes(make(entries, len(data)))

    return spoil


BUNDLES: dict[str, Spoil] = {name: _tensorflow(make) for name, make in _TABLES.items()}
