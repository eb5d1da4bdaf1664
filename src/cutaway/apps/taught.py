"""Which task of pairs a model was taught, told by the ``task.json`` beside its weights."""

from pathlib import Path

from cutaway.checkpoints.places import is_name, locate
from cutaway.data.task import TASK_FILE, TaskFormat
from cutaway.errors import ConfigError

__all__ = ["find_task"]


def find_task(model: str | Path, *, task: str) -> TaskFormat | None:
    """How a model was taught pairs; None if it was not.

    Args:
        model: its name, directory or file, or the directory of a run.
        task: what it is to be used for: a model that was taught another one is refused.

    Raises:
        CheckpointError: if there is no such model, or its ``task.json`` is damaged.
        ConfigError: if it was taught something else.
    """
    path = locate(model, allow_pickle=False)
    folder = path if path.is_dir() else path.parent
    for place in (folder, folder / "model"):
        if (place / TASK_FILE).exists() and (found := TaskFormat.find(place)) is not None:
            break
    else:
        return None
    others = {"translation": "translate", "summarization": "summarize"}
    if found.task != task and found.task in others:
        name = model if is_name(str(model)) else path
        raise ConfigError(
            f"{name} was taught {found.task}, not {task}.",
            f"Use `cutaway {others[found.task]}`, or name another model.",
        )
    return found
