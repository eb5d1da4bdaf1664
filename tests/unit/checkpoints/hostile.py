"""Files that lie, end early, or want more than to be read: a corpus made in code.

A case gets a directory with a sound checkpoint in it, and spoils that.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from hostile_bundles import BUNDLES
from hostile_headers import CONFIGURED, SAFETENSORS
from hostile_pickles import PICKLES
from sound import Spoil

__all__ = ["CASES"]

# ---------------------------------------------------------------- any file: cut off, exchanged


def _cut(name: str, share: float, folder: Path) -> None:
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: int(len(data) * share)])


def _last_byte(name: str, folder: Path) -> None:
    (folder / name).write_bytes((folder / name).read_bytes()[:-1])


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
    **{f"tensorflow: {name}": ("openai", spoil) for name, spoil in BUNDLES.items()},
    **{f"pickle: {name}": ("nanogpt", spoil) for name, spoil in PICKLES.items()},
    **{f"llm.c: {name}": ("llmc", spoil) for name, spoil in LLMC.items()},
}
