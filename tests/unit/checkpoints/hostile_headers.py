"""Hostile files in the layout of Hugging Face: headers of safetensors, config.json, the index."""

import json
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from sound import Spoil, one_more, replace

__all__ = ["CONFIGURED", "SAFETENSORS"]


def _safetensors(header: object, data: bytes = b"", *, length: int | None = None) -> Spoil:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    length = len(text) if length is None else length
    raw = length.to_bytes(8, "little") + text + data
    return lambda folder: replace(folder / "model.safetensors", raw)


def _header(change: Callable[[dict[str, Any]], Any]) -> Spoil:
    """The sound file with a changed header."""

    def spoil(folder: Path) -> None:
        path = folder / "model.safetensors"
        raw = path.read_bytes()
        n = int.from_bytes(raw[:8], "little")
        header = json.loads(raw[8 : 8 + n])
        text = json.dumps(change(header) or header).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + raw[8 + n :])

    return spoil


def _wte(**changes: object) -> Spoil:
    return _header(lambda header: header["wte.weight"].update(changes))


def _entry(**changes: object) -> dict[str, object]:
    return {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} | changes


def _number(value: float) -> Spoil:
    def spoil(folder: Path) -> None:
        path = folder / "model.safetensors"
        data = bytearray(path.read_bytes())
        data[-4:] = struct.pack("<f", value)
        path.write_bytes(data)

    return spoil


SAFETENSORS: dict[str, Spoil] = {
    "header of 2**63 bytes": _safetensors({}, length=2**63),
    "header of 2**64 - 1 bytes": _safetensors({}, length=2**64 - 1),
    "header longer than the file": _safetensors({}, length=3),
    "header of 2 MB": _safetensors(b"{" + b" " * (2 << 20) + b"}"),
    "no header": _safetensors(b"", length=0),
    "no tensors": _safetensors({}),
    "a list": _safetensors([1, 2]),
    "a number": _safetensors(b"12345678"),
    "not UTF-8": _safetensors(b'{"\xff\xfe": 1}'),
    "deep lists": _safetensors(b'{"a":' + b"[" * 500_000 + b"]" * 500_000 + b"}"),
    "deep objects": _safetensors(b'{"a":' * 100_000),
    "a key twice": _safetensors(
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
        b'"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        bytes(4),
    ),
    "NaN in the header": _safetensors(b'{"a":NaN}'),
    "a number of 100,000 digits": _safetensors(b'{"a":' + b"9" * 100_000 + b"}"),
    "a zip bomb by name": _safetensors(b"PK\3\4" + bytes(100)),
    "entry is text": _safetensors({"a": "b"}),
    "entry lacks a shape": _safetensors({"a": {"dtype": "F32", "data_offsets": [0, 4]}}, bytes(4)),
    "entry has more": _safetensors({"a": _entry(code="x")}, bytes(4)),
    "unknown dtype": _safetensors({"a": _entry(dtype="F33")}, bytes(4)),
    "dtype is a list": _safetensors({"a": _entry(dtype=["F32"])}, bytes(4)),
    "metadata is a list": _safetensors({"__metadata__": [], "a": _entry()}, bytes(4)),
    "metadata is not text": _safetensors({"__metadata__": {"a": 1}, "a": _entry()}, bytes(4)),
    "a negative dimension": _wte(shape=[-64, -8]),
    "a dimension of 2**62": _wte(shape=[2**62, 8]),
    "dimensions that overflow": _wte(shape=[2**32, 2**32]),
    "a thousand dimensions": _wte(shape=[1] * 1000 + [512]),
    "a dimension of 0": _wte(shape=[0, 64]),
    "a dimension that is true": _wte(shape=[True, 512]),
    "a dimension with a point": _wte(shape=[64.0, 8]),
    "a flat shape": _wte(shape=[512]),
    "a scalar": _wte(shape=[], data_offsets=[0, 4]),
    "a wider dtype": _wte(dtype="F64"),
    "a narrower dtype": _wte(dtype="F16"),
    "integers": _wte(dtype="I32"),
    "offsets reversed": _wte(data_offsets=[2048, 0]),
    "offsets below 0": _wte(data_offsets=[-2048, 0]),
    "offsets past the end": _wte(data_offsets=[2**40, 2**40 + 2048]),
    "three offsets": _wte(data_offsets=[0, 4, 2048]),
    "an overlap": _header(lambda h: h["wpe.weight"].update(data_offsets=[0, 256])),
    "a hole": _header(lambda h: h.pop("wpe.weight") and h),
    "a tensor that claims all": _header(
        lambda h: h | {"big": _entry(shape=[10**15], data_offsets=[0, 4 * 10**15])}
    ),
    "one more byte": partial(one_more, "model.safetensors"),
    "NaN": _number(float("nan")),
    "infinity": _number(float("inf")),
    "minus infinity": _number(float("-inf")),
    "an unknown tensor": _header(lambda h: {n + "x" * (n == "ln_f.bias"): e for n, e in h.items()}),
    "a name of 100,000 letters": _header(
        lambda h: {n if n != "ln_f.bias" else "x" * 100_000: e for n, e in h.items()}
    ),
}


def _config(**changes: object) -> Spoil:
    def spoil(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return spoil


def _index(content: object) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / "model.safetensors").rename(folder / "a.safetensors")
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / "model.safetensors.index.json").write_text(text)

    return spoil


def _big_config(folder: Path) -> None:
    (folder / "config.json").write_bytes(b" " * (3 << 20) + b"{}")


CONFIGURED: dict[str, Spoil] = {
    "10**12 layers": _config(n_layer=10**12),
    "10**12 wide": _config(n_embd=10**12, n_head=1),
    "10**12 entries": _config(vocab_size=10**12),
    "10**12 positions": _config(n_positions=10**12),
    "a width of 10**300": _config(n_embd=10**300, n_head=1),
    "no layers": _config(n_layer=0),
    "minus one layer": _config(n_layer=-1),
    "sizes are text": _config(n_layer="2"),
    "sizes are null": _config(n_embd=None),
    "sizes are lists": _config(n_head=[2]),
    "heads that do not divide": _config(n_head=3),
    "epsilon 0": _config(layer_norm_epsilon=0),
    "epsilon huge": _config(layer_norm_epsilon=1e300),
    "dropout 2": _config(resid_pdrop=2),
    "code of its own": _config(auto_map={"AutoModel": "x.Y"}),
    "another activation": _config(activation_function=["gelu_new"]),
    "3 MB of config": _big_config,
    "deep config": lambda f: replace(f / "config.json", b'{"a":' * 200_000),
    "index leads out": _index({"weight_map": {"wte.weight": "../../../etc/passwd"}}),
    "index leads to root": _index({"weight_map": {"wte.weight": "/etc/passwd"}}),
    "index leads to a folder": _index({"weight_map": {"wte.weight": "x/../a.safetensors"}}),
    "index names nothing": _index({"weight_map": {}}),
    "index is a list": _index([]),
    "index of numbers": _index({"weight_map": {"wte.weight": 7}}),
    "index without its shard": _index({"weight_map": {"wte.weight": "b.safetensors"}}),
    "index of one tensor": _index({"weight_map": {"wte.weight": "a.safetensors"}}),
    "index of 5,000 shards": _index({"weight_map": {f"t{i}": f"s{i}" for i in range(5000)}}),
    "index names a hidden file": _index({"weight_map": {"wte.weight": ".a.safetensors"}}),
    "index with a NUL": _index({"weight_map": {"wte.weight": "a\0.safetensors"}}),
    "index cut off": _index('{"weight_map": {"wte.weight": "a.safe'),
    "a vocabulary cut off": lambda f: replace(f / "tokenizer.json", b'{"model": {"vocab": {'),
    "a vocabulary of bytes": lambda f: replace(f / "tokenizer.json", bytes(1000)),
    "deep vocabulary": lambda f: replace(f / "tokenizer.json", b"[" * 200_000),
    "a vocabulary outside": lambda f: (f / "vocab.json").symlink_to("/etc/passwd"),
}
