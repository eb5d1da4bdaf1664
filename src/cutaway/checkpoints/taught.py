"""How a model was taught pairs, as a file beside its weights that goes where they go.

What it says is the business of :mod:`cutaway.data.task`; here it is only found and carried along.
"""

import json
from pathlib import Path
from typing import Any

from cutaway.checkpoints.folder import Folder
from cutaway.errors import ConfigError

__all__ = ["TASK_FILE", "check_task_beside", "taught_by", "write_task"]

TASK_FILE = "task.json"


def taught_by(folder: Folder, adapter: str | Path | None = None) -> dict[str, Any] | None:
    """What the file of a model says, or that of an adapter of it; None if there is none.

    Raises:
        CheckpointError: if it is damaged or unsafe.
    """
    places = [folder]
    if adapter is not None:
        from cutaway.checkpoints.adapter import adapter_folder  # rarely needed

        places.insert(0, Folder.at(adapter_folder(adapter)))
    return next((place.json(TASK_FILE) for place in places if place.has(TASK_FILE)), None)


def write_task(folder: Path, task: dict[str, Any]) -> None:
    """Writes the file into a folder that nobody reads yet."""
    (folder / TASK_FILE).write_text(json.dumps(task, indent=2) + "\n")


def check_task_beside(folder: Path, task: dict[str, Any] | None) -> bool:
    """Refuses to put weights beside a file that says how another model was taught.

    Returns:
        Whether there is one, and it is theirs.

    Raises:
        ConfigError: if it is another's.
    """
    if not (folder / TASK_FILE).exists():
        return False
    if Folder.at(folder).json(TASK_FILE) == task:
        return True
    raise ConfigError(
        f"{folder} holds {TASK_FILE}, which says how another model was taught.",
        "Name a directory of its own.",
    )
