"""Small files that unfold: each was found by asking what grows faster than a file is long."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from bundles import HEADER, MAGIC, Block, entry, message, varint, write_bundle
from limits import little_memory, little_time
from sound import CONFIG

from cutaway.checkpoints import load_checkpoint, save_checkpoint
from cutaway.checkpoints.crc32c import crc32c, masked
from cutaway.checkpoints.nanogpt import write_nanogpt
from cutaway.errors import CheckpointError, CheckpointNotFound, CorruptCheckpoint, UnsafeCheckpoint
from cutaway.models import GPT2

Case = Callable[[Path], None]

# ---------------------------------------------------------------- pickles

_TABLES = b"\x80\x02}(X\x05\0\0\0model}X\x0a\0\0\0model_args}X\x07\0\0\0n_layer"


def _pickle(value: bytes) -> Case:
    """``ckpt.pt`` in which this instruction leaves the number of layers."""

    def write(folder: Path) -> None:
        with zipfile.ZipFile(folder / "ckpt.pt", "w") as archive:
            archive.writestr("a/data.pkl", _TABLES + value + b"su.")
            archive.writestr("a/byteorder", "little")

    return write


# ---------------------------------------------------------------- TensorFlow


def _table(block: bytes, handles: Callable[[bytes], list[tuple[bytes, bytes]]]) -> bytes:
    """A table with one block, to which the index may point more than once."""
    blocks = [block, Block.of([]).data]
    blocks.append(Block.of(handles(varint(0) + varint(len(block))), restart_every=1 << 30).data)
    out, places = b"", b""
    for data in blocks:
        places = places + varint(len(out)) + varint(len(data)) if out else places
        out += data + b"\0" + masked(crc32c(data + b"\0")).to_bytes(4, "little")
    return out + places.ljust(40, b"\0") + MAGIC


def _index(block: bytes, *, times: int = 1) -> Case:
    def write(folder: Path) -> None:
        write_bundle(folder, {"model/wte": np.zeros((64, 8), "f4")})
        sizes = {"n_vocab": 64, "n_ctx": 8, "n_embd": 8, "n_head": 2, "n_layer": 2}
        (folder / "hparams.json").write_text(json.dumps(sizes))
        keys = [i.to_bytes(3, "big") for i in range(times)]
        table = _table(block, lambda handle: [(key, handle) for key in keys])
        (folder / "model.ckpt.index").write_bytes(table)

    return write


def _block(*entries: tuple[int, bytes, bytes]) -> bytes:
    """Entries of (letters shared with the last key, own letters, value), after the header."""
    data = bytearray()
    for shared, own, value in ((0, b"", HEADER), *entries):
        data += varint(shared) + varint(len(own)) + varint(len(value)) + own + value
    return bytes(data) + bytes(4) + b"\1\0\0\0"


_RESTARTS = 500_000
_SMALL = entry((1,), 0, 4, bytes(4))

# ---------------------------------------------------------------- JSON


def _config(**changes: object) -> Case:
    def write(folder: Path) -> None:
        save_checkpoint(folder, GPT2(CONFIG), None)
        fields = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(fields | changes))

    return write


def _rename_a_tensor(folder: Path) -> None:
    save_checkpoint(folder, GPT2(CONFIG), None)
    data = (folder / "model.safetensors").read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    header = data[8:end].replace(b'"ln_f.bias"', rb'"\u001b[2J\u202e\ud800"')
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    with (folder / "model.safetensors").open("ab") as file:
        file.write(data[end:])


CASES: dict[str, Case] = {
    "tuples of the same tuple": _pickle(b"K\1K\1\x86q\0" + b"h\0\x86q\0" * 60),
    "100,000 tuples deep": _pickle(b"K\1" + b"\x85" * 100_000),
    "a table for a number": _pickle(b"}"),
    "blocks of restarts, read 20,000 times": _index(
        bytes(4 * _RESTARTS) + _RESTARTS.to_bytes(4, "little"), times=20_000
    ),
    "keys of a megabyte, shared 100,000 times": _index(
        _block((0, b"a" * 10**6, b""), *((10**6 + i, b"b", b"") for i in range(100_000)))
    ),
    "40,000 entries": _index(_block(*((0, b"%06d" % i, _SMALL) for i in range(40_000)))),
    "a shape of a million axes": _index(_block((0, b"a", message(2, message(2, b"") * 10**6)))),
    "a width of 4,001 digits": _config(n_embd=10**4000, n_head=1),
    "a megabyte for a number": _config(n_layer="x" * 900_000),
    "a number that clears the screen": _config(n_inner="\x1b[2J"),
    "a name that clears the screen": _rename_a_tensor,
}


@pytest.mark.parametrize("case", CASES)
def test_is_refused_in_little_time_and_memory(case: str, tmp_path: Path) -> None:
    CASES[case](tmp_path)
    with little_time(), little_memory(), pytest.raises(CheckpointError) as caught:
        load_checkpoint(tmp_path)
    message = str(caught.value)
    assert len(message) < 1000
    assert message.replace("\n", "").isprintable()


def test_an_allowed_pickle_cannot_unfold(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, GPT2(CONFIG), None)
    (tmp_path / "model.safetensors").unlink()
    write_nanogpt(tmp_path / "plain.pt", GPT2(CONFIG), torch.float32)
    with (
        zipfile.ZipFile(tmp_path / "plain.pt") as plain,
        zipfile.ZipFile(
            tmp_path / "pytorch_model.bin", "w", zipfile.ZIP_DEFLATED, compresslevel=1
        ) as bomb,
    ):
        for name in plain.namelist():
            data = plain.read(name)
            bomb.writestr(name, bytes(300 << 20) if name.endswith("data/0") else data)
    with little_time(), little_memory(), pytest.raises(CorruptCheckpoint, match="compressed"):
        load_checkpoint(tmp_path, allow_pickle=True)


@pytest.mark.parametrize("linked", ["checkpoints", "checkpoints/step-00000001", "model"])
def test_a_run_does_not_lead_out_of_its_directory(tmp_path: Path, linked: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    place = elsewhere / "step-00000001" if linked == "checkpoints" else elsewhere
    save_checkpoint(place, GPT2(CONFIG), None)
    link = tmp_path / "run" / linked
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere)
    with pytest.raises(CheckpointNotFound):
        load_checkpoint(tmp_path / "run")


@pytest.mark.parametrize("name", ["", "\0", "\ud800", "a\0b"])
def test_what_cannot_be_a_path_is_refused(name: str) -> None:
    with pytest.raises(UnsafeCheckpoint, match="is no path"):
        load_checkpoint(name)
