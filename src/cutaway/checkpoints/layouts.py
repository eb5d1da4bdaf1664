"""Which layout a path holds: told by the names of the files in it, or by how a file begins.

Readers of the rarer ones are imported when they are needed.
"""

from pathlib import Path

from cutaway.checkpoints.folder import Folder, regular_file, shown
from cutaway.checkpoints.found import Found
from cutaway.checkpoints.huggingface import find_huggingface, read_config
from cutaway.checkpoints.llmc import MAGIC, find_llmc
from cutaway.checkpoints.ours import find_ours, is_ours, read_our_config
from cutaway.checkpoints.training import find_training_step, newest_step
from cutaway.errors import CheckpointNotFound, CorruptCheckpoint
from cutaway.models import DecoderConfig

__all__ = ["config_in", "find"]

_EXPECTED = (
    "Expected config.json and model.safetensors (Hugging Face's layout, and ours);"
    " hparams.json and model.ckpt.* (OpenAI's); ckpt.pt (nanoGPT's);"
    " a .bin of llm.c's; or a training run's directory."
)


def find(path: Path, *, allow_pickle: bool) -> Found:
    """The checkpoint at ``path``, accounted for and not yet read.

    Raises:
        CheckpointError: if there is none, or it is incomplete, damaged or unsafe.
    """
    if not path.is_dir():
        return _in_file(path)
    folder = Folder.at(path)
    if folder.has("config.json"):
        return _configured(folder, allow_pickle=allow_pickle)
    if folder.has("hparams.json"):
        from cutaway.checkpoints.openai import find_openai

        return find_openai(folder)
    if folder.has("state.json"):
        return find_training_step(folder)
    if folder.has("ckpt.pt"):
        return _nanogpt(folder.file("ckpt.pt"))
    binaries = sorted(p.name for p in folder.path.glob("*.bin") if _starts_as_llmc(p))
    if len(binaries) == 1:
        return find_llmc(folder.file(binaries[0]))
    if binaries:
        raise CheckpointNotFound(
            f"{path} holds several checkpoints of llm.c's: {', '.join(map(shown, binaries[:8]))}.",
            "Name one of the files.",
        )
    step = newest_step(folder)
    if step is not None:
        return find(step, allow_pickle=allow_pickle)
    if folder.has("adapter_config.json"):
        raise CheckpointNotFound(
            f"{path} is an adapter and no model.",
            "Name its base, and give the adapter beside it (--adapter, adapter=).",
        )
    held = ", ".join(sorted(shown(child.name) for child in folder.path.iterdir())[:8])
    raise CheckpointNotFound(f"No checkpoint in {path}; it holds {held or 'nothing'}.", _EXPECTED)


def config_in(path: Path) -> DecoderConfig:
    """The size of the checkpoint at ``path``, from a small file if one states it."""
    if path.is_dir():
        folder = Folder.at(path)
        if folder.has("config.json"):
            return read_our_config(folder) if is_ours(folder) else read_config(folder)
        if folder.has("hparams.json"):
            from cutaway.checkpoints.openai import read_hparams

            return read_hparams(folder)
    return find(path, allow_pickle=False).config


def _configured(folder: Folder, *, allow_pickle: bool, weights: str | None = None) -> Found:
    """A checkpoint whose ``config.json`` says which model it is."""
    if is_ours(folder):
        return find_ours(folder, weights=weights)
    return find_huggingface(folder, allow_pickle=allow_pickle, weights=weights)


def _nanogpt(path: Path) -> Found:
    from cutaway.checkpoints.nanogpt import find_nanogpt

    return find_nanogpt(path)


def _in_file(path: Path) -> Found:
    start = _first_bytes(regular_file(path), 8)
    if start.startswith(b"PK"):
        return _nanogpt(path)
    if int.from_bytes(start[:4], "little") == MAGIC:
        return find_llmc(path)
    if path.suffix == ".safetensors":
        folder = Folder.at(path.parent)
        return _configured(folder, allow_pickle=False, weights=path.name)
    if path.name in ("config.json", "hparams.json", "checkpoint") or path.suffix == ".index":
        return find(path.parent, allow_pickle=False)
    raise CorruptCheckpoint(f"{path} is no checkpoint of a known kind.", _EXPECTED)


def _starts_as_llmc(path: Path) -> bool:
    return path.is_file() and int.from_bytes(_first_bytes(path, 4), "little") == MAGIC


def _first_bytes(path: Path, n_bytes: int) -> bytes:
    with path.open("rb") as file:
        return file.read(n_bytes)
