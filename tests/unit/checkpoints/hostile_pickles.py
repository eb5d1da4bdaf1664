"""Hostile pickles: programs that call, that never end, that take memory, and their archives."""

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from sound import Spoil

__all__ = ["PICKLES"]


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
