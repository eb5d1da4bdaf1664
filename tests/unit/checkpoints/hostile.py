"""Files that lie, end early, or want more than to be read: a corpus made in code.

A case gets a directory with a sound checkpoint in it, and spoils that.
"""

import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from bundles import HEADER, Block, bundle, entry, number, table, varint, write_bundle

from cutaway.checkpoints.llmc import write_llmc
from cutaway.checkpoints.names import OPENAI
from cutaway.checkpoints.nanogpt import write_nanogpt
from cutaway.checkpoints.save import save_checkpoint
from cutaway.models import GPT2, GPT2Config

__all__ = ["CASES", "CONFIG", "SOUND"]

Spoil = Callable[[Path], None]

CONFIG = GPT2Config(vocab_size=64, n_ctx=8, n_embd=8, n_layer=2, n_head=2)


def _variables() -> dict[str, np.ndarray]:
    state = GPT2(CONFIG).state_dict()
    rows = OPENAI.expanded(CONFIG.n_layer)
    return {row.theirs: row.form.to_theirs(state[row.ours]).numpy() for row in rows}


def _openai(folder: Path) -> None:
    write_bundle(folder, _variables())
    sizes = {"n_vocab": 64, "n_ctx": 8, "n_embd": 8, "n_layer": 2, "n_head": 2}
    (folder / "hparams.json").write_text(json.dumps(sizes))


def _llmc(folder: Path) -> None:
    with (folder / "model.bin").open("wb") as file:
        write_llmc(file, GPT2(CONFIG), torch.float32)


_MAKERS: dict[str, Spoil] = {
    "hf": lambda folder: save_checkpoint(folder, GPT2(CONFIG), None),
    "openai": _openai,
    "nanogpt": lambda folder: write_nanogpt(folder / "ckpt.pt", GPT2(CONFIG), torch.float32),
    "llmc": _llmc,
}


@cache
def _sound(layout: str) -> dict[str, bytes]:
    with TemporaryDirectory() as name:
        _MAKERS[layout](Path(name))
        return {path.name: path.read_bytes() for path in Path(name).iterdir()}


def _put(layout: str, folder: Path) -> None:
    for name, data in _sound(layout).items():
        (folder / name).write_bytes(data)


SOUND: dict[str, Spoil] = {layout: partial(_put, layout) for layout in _MAKERS}

# ---------------------------------------------------------------- any file: cut off, exchanged


def _cut(name: str, share: float, folder: Path) -> None:
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: int(len(data) * share)])


def _last_byte(name: str, folder: Path) -> None:
    (folder / name).write_bytes((folder / name).read_bytes()[:-1])


def _one_more(name: str, folder: Path) -> None:
    (folder / name).write_bytes((folder / name).read_bytes() + b"\0")


def _zeros(name: str, folder: Path) -> None:
    (folder / name).write_bytes(bytes((folder / name).stat().st_size))


def _pipe(name: str, folder: Path) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)


def _device(name: str, folder: Path) -> None:
    (folder / name).unlink()
    (folder / name).symlink_to("/dev/zero")


def _loop(name: str, folder: Path) -> None:
    (folder / name).unlink()
    (folder / name).symlink_to(name)


def _outside(name: str, folder: Path) -> None:
    (folder / name).rename(folder.parent / "outside")
    (folder / name).symlink_to("../outside")


def _directory(name: str, folder: Path) -> None:
    (folder / name).unlink()
    (folder / name).mkdir()


FILES = {
    "hf": ["config.json", "model.safetensors"],
    "openai": ["hparams.json", "model.ckpt.index", "model.ckpt.data-00000-of-00001"],
    "nanogpt": ["ckpt.pt"],
    "llmc": ["model.bin"],
}
ANY: dict[str, Callable[[str, Path], None]] = {
    "empty": lambda name, folder: _cut(name, 0.0, folder),
    "a tenth": lambda name, folder: _cut(name, 0.1, folder),
    "half": lambda name, folder: _cut(name, 0.5, folder),
    "one byte short": _last_byte,
    "zeros": _zeros,
    "a pipe": _pipe,
    "a device": _device,
    "a link to itself": _loop,
    "a link outside": _outside,
    "a directory": _directory,
}

# ---------------------------------------------------------------- safetensors


def _safetensors(header: object, data: bytes = b"", *, length: int | None = None) -> Spoil:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    length = len(text) if length is None else length
    raw = length.to_bytes(8, "little") + text + data
    return lambda folder: _replace(folder / "model.safetensors", raw)


def _replace(path: Path, data: bytes) -> None:
    path.write_bytes(data)


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
    "one more byte": partial(_one_more, "model.safetensors"),
    "NaN": _number(float("nan")),
    "infinity": _number(float("inf")),
    "minus infinity": _number(float("-inf")),
    "an unknown tensor": _header(lambda h: {n + "x" * (n == "ln_f.bias"): e for n, e in h.items()}),
    "a name of 100,000 letters": _header(
        lambda h: {n if n != "ln_f.bias" else "x" * 100_000: e for n, e in h.items()}
    ),
}

# ---------------------------------------------------------------- config.json and the index


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
    "deep config": lambda f: _replace(f / "config.json", b'{"a":' * 200_000),
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
    "a vocabulary cut off": lambda f: _replace(f / "tokenizer.json", b'{"model": {"vocab": {'),
    "a vocabulary of bytes": lambda f: _replace(f / "tokenizer.json", bytes(1000)),
    "deep vocabulary": lambda f: _replace(f / "tokenizer.json", b"[" * 200_000),
    "a vocabulary outside": lambda f: (f / "vocab.json").symlink_to("/etc/passwd"),
}

# ---------------------------------------------------------------- TensorFlow

_NO_CRC = bytes(4)


def _of_wte(*args: Any, **kwargs: Any) -> Callable[[dict[bytes, bytes], int], bytes]:
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


TENSORFLOW: dict[str, Callable[[dict[bytes, bytes], int], bytes]] = {
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


def _tensorflow(make: Callable[[dict[bytes, bytes], int], bytes]) -> Spoil:
    def spoil(folder: Path) -> None:
        entries, data = bundle(_variables())
        (folder / "model.ckpt.index").write_bytes(make(entries, len(data)))

    return spoil


# ---------------------------------------------------------------- pickles and their archives


class Evil:
    """What calls a function when it is unpickled."""

    def __init__(self, function: Callable[..., Any], *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return self.call


def _repacked(folder: Path, change: Callable[[str, bytes], bytes | None], **options: Any) -> None:
    """The archive written anew by zipfile, entries changed or left out."""
    path = folder / "ckpt.pt"
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, data in held.items():
            changed = change(name, data)
            if changed is not None:
                archive.writestr(name, changed)


def _program(program: bytes) -> Spoil:
    def change(name: str, data: bytes) -> bytes:
        return program if name.endswith("/data.pkl") else data

    return lambda folder: _repacked(folder, change)


def _canary(folder: Path) -> None:
    torch.save({"model": Evil(os.mkdir, str(folder / "canary"))}, folder / "ckpt.pt")


def _bare_pickle(folder: Path) -> None:
    (folder / "ckpt.pt").write_bytes(pickle.dumps(Evil(os.mkdir, str(folder / "canary"))))


def _legacy(folder: Path) -> None:
    saved = {"model": Evil(os.mkdir, str(folder / "canary"))}
    torch.save(saved, folder / "ckpt.pt", _use_new_zipfile_serialization=False)


def _saved(**changes: object) -> Spoil:
    """The sound checkpoint with parts exchanged."""

    def spoil(folder: Path) -> None:
        saved = torch.load(folder / "ckpt.pt", weights_only=True)
        for path, value in changes.items():
            part, _, name = path.partition("__")
            if name:
                saved[part][name.replace("__", ".")] = value
            else:
                saved[part] = value
        torch.save(saved, folder / "ckpt.pt")

    return spoil


def _end_record(at: int, value: int, n_bytes: int) -> Spoil:
    """A number in the record at the end of the archive."""

    def spoil(folder: Path) -> None:
        _repacked(folder, lambda _, data: data)  # without 64-bit records
        data = bytearray((folder / "ckpt.pt").read_bytes())
        at_end = len(data) - 22 + at
        data[at_end : at_end + n_bytes] = value.to_bytes(n_bytes, "little")
        (folder / "ckpt.pt").write_bytes(data)

    return spoil


def _bomb(folder: Path) -> None:
    """A gigabyte of zeros in a megabyte."""

    def change(name: str, data: bytes) -> bytes:
        return bytes(64 << 20) if name.endswith("data/0") else data

    _repacked(folder, change, compression=zipfile.ZIP_DEFLATED)


def _twice(folder: Path) -> None:
    with zipfile.ZipFile(folder / "ckpt.pt", "a") as archive:
        archive.writestr("other/data.pkl", pickle.dumps({}))


_KEYS = b"".join(b"M" + i.to_bytes(2, "little") + b"Ns" for i in range(11_000))
PICKLES: dict[str, Spoil] = {
    "runs code": _canary,
    "runs code, bare": _bare_pickle,
    "runs code, before 2020": _legacy,
    "names eval": _program(b"\x80\x02cbuiltins\neval\n."),
    "names a loader of torch": _program(b"\x80\x02ctorch\nload\n."),
    "names by stack": _program(b"\x80\x04\x8c\x02os\x8c\x06system\x93."),
    "text protocol": _program(pickle.dumps(Evil(print, "never"), protocol=0)),
    "empty program": _program(b""),
    "nothing left": _program(b"."),
    "no end": _program(b"\x80\x02}"),
    "an unknown protocol": _program(b"\x80\x09}."),
    "an empty table": _program(b"\x80\x02}."),
    "no mark": _program(b"\x80\x02u."),
    "a list as a key": _program(b"\x80\x02}]Ns."),
    "memory that is empty": _program(b"\x80\x02h\x07."),
    "memory at 2**32": _program(b"\x80\x02}r\xff\xff\xff\xff."),
    "text of 2 GB": _program(b"\x80\x02X\xff\xff\xff\x7fabc."),
    "bytes of 2**63": _program(b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f."),
    "text that is not UTF-8": _program(b"\x80\x02X\x02\0\0\0\xff\xff."),
    "a number of 255 bytes": _program(b"\x80\x02\x8a\xff" + b"\x7f" * 255 + b"."),
    "calls a number": _program(b"\x80\x02K\1K\1R."),
    "a storage that is none": _program(b"\x80\x02}X\x05\0\0\0modelNQs."),
    "a name without end": _program(b"\x80\x02c" + b"a" * 5000),
    "changes a number": _program(b"\x80\x02K\1}b."),
    "40,000 marks": _program(b"\x80\x02" + b"(" * 40_000 + b"t."),
    "260,000 lists": _program(b"\x80\x02" + b"]" * 260_000),
    "5 MB of pickle": _program(b"\x80\x02" + b"N" * (5 << 20)),
    "a table of 11,000": _program(b"\x80\x02}" + _KEYS + b"."),
    "no model": _program(b"\x80\x02}X\x0a\0\0\0model_args}s."),
    "the model is a list": _saved(model=[]),
    "the model holds a number": _saved(model__x=1),
    "a tensor that repeats": _saved(model__lm_head__weight=torch.zeros(1).expand(64, 8)),
    "a tensor turned": _saved(model__transformer__wpe__weight=torch.zeros(8, 8).T),
    "a part of a tensor": _saved(model__transformer__wpe__weight=torch.zeros(9, 8)[1:]),
    "integers for weights": _saved(
        model__transformer__wpe__weight=torch.zeros(8, 8, dtype=torch.long)
    ),
    "NaN for weights": _saved(model__transformer__wpe__weight=torch.full((8, 8), torch.nan)),
    "an argument too many": _saved(model_args__use_relu=True),
    "10**9 layers": _saved(model_args__n_layer=10**9),
    "compressed": _bomb,
    "two pickles": _twice,
    "a storage missing": lambda f: _repacked(
        f, lambda name, data: None if name.endswith("data/0") else data
    ),
    "a storage cut": lambda f: _repacked(
        f, lambda name, data: data[:-4] if name.endswith("data/0") else data
    ),
    "big endian": lambda f: _repacked(
        f, lambda name, data: b"big" if name.endswith("byteorder") else data
    ),
    "65,534 entries": _end_record(10, 65_534, 2),
    "contents of 4 GB": _end_record(12, 2**32 - 2, 4),
    "contents past the end": _end_record(16, 2**32 - 2, 4),
    "contents at 0": _end_record(16, 0, 4),
    "64-bit contents that are not there": _end_record(10, 65_535, 2),
    "a comment": _end_record(20, 7, 2),
}

# ---------------------------------------------------------------- llm.c


def _llmc_header(place: int, value: int) -> Spoil:
    def spoil(folder: Path) -> None:
        data = bytearray((folder / "model.bin").read_bytes())
        data[4 * place : 4 * place + 4] = value.to_bytes(4, "little", signed=True)
        (folder / "model.bin").write_bytes(data)

    return spoil


LLMC = {
    f"header {place} is {value}": _llmc_header(place, value)
    for place, value in [
        *((0, 20240520), (1, 1), (1, -3), (2, 0), (2, 2**31 - 1), (3, -64), (3, 129), (4, 3)),
        *((4, 2**31 - 1), (5, 0), (5, 3), (6, 2**30), (6, -8), (7, 64), (7, 256), (7, -(2**31))),
    ]
}

CASES: dict[str, tuple[str, Spoil]] = {
    **{
        f"{layout}: {name}: {damage}": (layout, partial(spoil, name))
        for layout, names in FILES.items()
        for name in names
        for damage, spoil in ANY.items()
        if (name, damage) != ("config.json", "one byte short")  # only the end of its last line
    },
    **{f"safetensors: {name}": ("hf", spoil) for name, spoil in SAFETENSORS.items()},
    **{f"hf: {name}": ("hf", spoil) for name, spoil in CONFIGURED.items()},
    **{f"tensorflow: {name}": ("openai", _tensorflow(make)) for name, make in TENSORFLOW.items()},
    **{f"pickle: {name}": ("nanogpt", spoil) for name, spoil in PICKLES.items()},
    **{f"llm.c: {name}": ("llmc", spoil) for name, spoil in LLMC.items()},
}
