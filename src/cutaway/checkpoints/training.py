"""This project's own training runs: the finished model, or the weights of a step.

``run/model`` is in the Hugging Face layout and written when the run ends. Before that there are
``run/checkpoints/step-*`` with the weights, and the recipe in ``state.json`` instead of a config.
"""

import re
from pathlib import Path
from typing import Any, cast

from cutaway.checkpoints.folder import Folder, shown
from cutaway.checkpoints.found import Found
from cutaway.checkpoints.names import our_table
from cutaway.checkpoints.pieces import damage
from cutaway.checkpoints.safetensors_file import open_safetensors
from cutaway.checkpoints.stored import accounted, check_size
from cutaway.errors import ConfigError, CorruptCheckpoint, MissingWeights
from cutaway.models.config import config_of_kind

__all__ = ["find_training_step", "newest_step"]

_STEP = re.compile(r"step-\d{8}")


def find_training_step(folder: Folder) -> Found:
    """The weights of one step of a run; no tensor is read.

    Raises:
        CorruptCheckpoint: if ``state.json`` holds no recipe with a model.
        MissingWeights: if the run trains an adapter, which alone is in its steps.
    """
    where = folder.path / "state.json"
    recipe: object = folder.json("state.json").get("recipe")
    if _is_adapter(recipe):
        raise MissingWeights(
            f"{folder.path} holds what a LoRA has learnt so far, and not its base.",
            "Let the run end, which writes the model; or load an earlier one.",
        )
    fields = cast(dict[str, Any], recipe).get("model") if isinstance(recipe, dict) else None
    if not isinstance(fields, dict):
        raise CorruptCheckpoint(f"{where} holds no recipe with a model.", "The file is damaged.")
    try:
        kind, fields = config_of_kind(cast(dict[str, Any], fields))
        config = kind.from_dict(fields)
    except ConfigError as error:
        raise CorruptCheckpoint(f"{where}: {shown(error.what, limit=200)}", error.hint) from error
    path = folder.file("model.safetensors")
    tensors = open_safetensors(path)
    check_size(config, tensors.values(), str(path), n_bytes=path.stat().st_size)
    ours = accounted(our_table(config), config, tensors, str(path))
    run = folder.path.parent.parent  # the vocabulary belongs to the run
    return Found("training", config, ours, Folder.at(run) if _is_step(folder.path) else folder)


def newest_step(folder: Folder) -> Path | None:
    """What a run's directory stands for: its finished model, else its newest step.

    A step that names and sizes show to be damaged is passed over if there is a whole one.
    """
    finished = folder.path / "model"
    if _is_directory(finished):
        return finished
    steps = folder.path / "checkpoints"
    if not _is_directory(steps):
        return None
    found = sorted(path for path in steps.glob("step-*") if _is_step(path) and _is_directory(path))
    whole = (path for path in reversed(found) if not damage(path, fast=True))
    return next(whole, found[-1] if found else None)


def _is_adapter(recipe: object) -> bool:
    lora = cast(dict[str, Any], recipe).get("lora") if isinstance(recipe, dict) else None
    return isinstance(lora, dict) and bool(cast(dict[str, Any], lora).get("rank"))


def _is_directory(path: Path) -> bool:
    """Whether a directory is here, and not a link that leads out of the run."""
    return path.is_dir() and not path.is_symlink()


def _is_step(path: Path) -> bool:
    return _STEP.fullmatch(path.name) is not None and path.parent.name == "checkpoints"
