"""From any layout to another: written, read back and compared before it counts as done."""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import torch

from cutaway.checkpoints.llmc import is_llmc, write_llmc
from cutaway.checkpoints.load import Loaded, load_checkpoint
from cutaway.checkpoints.nanogpt import write_nanogpt
from cutaway.checkpoints.save import save_checkpoint
from cutaway.errors import ConfigError, CorruptCheckpoint, nearest
from cutaway.files import atomic_write, disk_full
from cutaway.models import GPT2

__all__ = ["ConvertReport", "Layout", "convert"]

Layout = Literal["hf", "nanogpt", "llmc"]

_PROMPTS, _LENGTH = 2, 32


@dataclass(frozen=True, slots=True)
class ConvertReport:
    """What a conversion wrote.

    Attributes:
        destination: the directory or file.
        files: written, with their bytes.
        max_difference: between the logits of source and result on fixed prompts; 0 for equal bits.
    """

    destination: Path
    files: dict[str, int]
    max_difference: float


def convert(
    source: str | Path,
    destination: str | Path,
    *,
    to: Layout,
    dtype: torch.dtype | None = None,
    allow_pickle: bool = False,
) -> ConvertReport:
    """Writes a model in another layout and proves that it computes the same.

    The result is written beside the destination, loaded, and its logits compared with the source's;
    only then it takes its place.

    Args:
        source: as for :func:`load_checkpoint`.
        destination: a directory for ``hf``, a file for ``nanogpt`` (``.pt``) and ``llmc``
            (``.bin``). A previous result of that kind is replaced, nothing else.
        to: the layout.
        dtype: of the weights; None for the one they are loaded in.
        allow_pickle: as for :func:`load_checkpoint`.

    Raises:
        ConfigError: for an unknown layout, or a destination that holds something else.
        CorruptCheckpoint: if the result does not compute what the source does.
        ResourceError: if the disk is full; the destination is as it was.
    """
    if to not in get_args(Layout):
        raise ConfigError(f"Unknown layout {to!r}.", nearest(to, get_args(Layout)))
    target = Path(destination)
    _check_destination(target, to)
    loaded = load_checkpoint(source, dtype=dtype, allow_pickle=allow_pickle)
    with disk_full(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as temporary:
            written = Path(temporary) / target.name
            _WRITERS[to](written, loaded)
            difference = _compare(loaded.model, written, dtype=dtype)
            files = _sizes(written)
            _replace(written, target)
    return ConvertReport(target, files, difference)


def _write_huggingface(path: Path, loaded: Loaded) -> None:
    save_checkpoint(path, loaded.model, loaded.tokenizer)


def _write_nanogpt(path: Path, loaded: Loaded) -> None:
    with atomic_write(path) as file:
        write_nanogpt(file, loaded.model)


def _write_llmc(path: Path, loaded: Loaded) -> None:
    with atomic_write(path) as file:
        write_llmc(file, loaded.model)


_WRITERS: dict[str, Callable[[Path, Loaded], None]] = {
    "hf": _write_huggingface,
    "nanogpt": _write_nanogpt,
    "llmc": _write_llmc,
}
_SUFFIXES = {"nanogpt": ".pt", "llmc": ".bin"}


def _check_destination(path: Path, to: Layout) -> None:
    if to == "hf":
        if path.is_dir() and any(path.iterdir()) and not (path / "config.json").is_file():
            raise ConfigError(f"{path} is not empty and holds no model.", "Choose another place.")
        if path.is_file():
            raise ConfigError(f"{path} is a file.", "Give a directory for the layout hf.")
        return
    suffix = _SUFFIXES[to]
    if path.suffix != suffix or path.is_dir():
        raise ConfigError(f"{path} is no {suffix} file.", f"Name the file, such as model{suffix}.")
    if path.is_file() and to == "llmc" and not is_llmc(path):
        raise ConfigError(f"{path} exists and is no llm.c model.", "Choose another place.")


def _compare(model: GPT2, written: Path, *, dtype: torch.dtype | None) -> float:
    """The largest difference of logits between a model and its copy on disk."""
    again = load_checkpoint(written, dtype=dtype or model.wte.weight.dtype).model
    generator = torch.Generator().manual_seed(0)
    length = min(_LENGTH, model.config.n_ctx)
    shape = (_PROMPTS, length)
    tokens = torch.randint(model.config.vocab_size, shape, generator=generator)
    with torch.inference_mode():
        wanted, got = model(tokens).double(), again(tokens).double()
    difference = float((wanted - got).abs().max())
    if not difference <= 1e-5 * max(1.0, float(wanted.abs().max())):
        raise CorruptCheckpoint(
            f"The converted model differs: logits are off by {difference:.3g}.",
            "Nothing was put in place. Please report this.",
        )
    return difference


def _sizes(path: Path) -> dict[str, int]:
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return {file.name: file.stat().st_size for file in files}


def _replace(written: Path, target: Path) -> None:
    """Moves the result into place; a directory that was there moves aside until it is."""
    if not target.is_dir():
        written.replace(target)
        return
    aside = written.parent / "previous"
    target.rename(aside)
    try:
        written.replace(target)
    except OSError:
        aside.rename(target)
        raise
    shutil.rmtree(aside)
