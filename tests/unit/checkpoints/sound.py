"""A sound checkpoint of each layout, to be spoilt."""

import json
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from bundles import write_bundle

from cutaway.checkpoints.llmc import write_llmc
from cutaway.checkpoints.names import OPENAI
from cutaway.checkpoints.nanogpt import write_nanogpt
from cutaway.checkpoints.save import save_checkpoint
from cutaway.models import GPT2, GPT2Config

__all__ = ["CONFIG", "SOUND", "Spoil", "one_more", "replace", "variables"]

Spoil = Callable[[Path], None]

CONFIG = GPT2Config(vocab_size=64, n_ctx=8, n_embd=8, n_layer=2, n_head=2)


def variables() -> dict[str, np.ndarray]:
    state = GPT2(CONFIG).state_dict()
    rows = OPENAI.expanded(CONFIG.n_layer)
    return {row.theirs: row.form.to_theirs(state[row.ours]).numpy() for row in rows}


def _openai(folder: Path) -> None:
    write_bundle(folder, variables())
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


def replace(path: Path, data: bytes) -> None:
    """Other contents."""
    path.write_bytes(data)


def one_more(name: str, folder: Path) -> None:
    """A byte too many."""
    (folder / name).write_bytes((folder / name).read_bytes() + b"\0")
