"""Which layout a path holds: told by the files in it, never by guessing at their content."""

from pathlib import Path

from cutaway.checkpoints.folder import Folder
from cutaway.checkpoints.found import Found
from cutaway.checkpoints.huggingface import find_huggingface, read_config
from cutaway.errors import CheckpointNotFound
from cutaway.models import GPT2Config

__all__ = ["config_in", "find"]


def find(path: Path, *, allow_pickle: bool) -> Found:
    """The checkpoint at ``path``, accounted for and not yet read.

    Raises:
        CheckpointError: if there is none, or it is incomplete, damaged or unsafe.
    """
    folder = Folder.at(path)
    if folder.has("config.json"):
        return find_huggingface(folder, allow_pickle=allow_pickle)
    if (folder.path / "model").is_dir():  # a finished training run
        return find(folder.path / "model", allow_pickle=allow_pickle)
    raise CheckpointNotFound(f"No checkpoint in {path}.", "Expected config.json.")


def config_in(path: Path) -> GPT2Config:
    """The size of the checkpoint at ``path``."""
    folder = Folder.at(path)
    return read_config(folder)
