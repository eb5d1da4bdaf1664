"""The directory that is being prepared: by what plan, by one process at a time."""

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cutaway.data.shards import MANIFEST, PLAN, read_manifest, write_json
from cutaway.errors import ConfigError, DataError, ResourceError
from cutaway.files import sweep
from cutaway.lock import alone
from cutaway.tokenizers import Tokenizer

__all__ = ["clear_plan", "open_folder"]

_LOCK = ".lock"


@contextmanager
def open_folder(folder: Path, plan: Mapping[str, object], tokenizer: Tokenizer) -> Generator[None]:
    """Begins a directory, or goes on with one that was begun by the same plan.

    Args:
        folder: the directory; made if it is not there.
        plan: what decides the shards.
        tokenizer: a copy of its vocabulary is put into the directory.

    Raises:
        ConfigError: if the directory was begun by another plan or holds something else.
        ResourceError: if another process is at work there, or the disk refuses.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file.", "Name a directory to write into.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError(f"{folder} cannot be made: {error}.", "See to the disk.") from error
    with alone(folder, "preparing"):
        if not (folder / PLAN).exists() and not (folder / MANIFEST).exists():
            if any(not path.name.startswith(".") for path in folder.iterdir()):
                raise ConfigError(
                    f"{folder} holds something else.", "Name an empty or a new directory."
                )
            write_json(folder / PLAN, dict(plan))
        _check(folder, plan)
        sweep(folder)
        if not (folder / "tokenizer.json").exists():
            tokenizer.save(folder)
        yield


def _check(folder: Path, plan: Mapping[str, object]) -> None:
    begun = _plan_of(folder)
    for name, value in plan.items():
        if begun.get(name) != value:
            raise ConfigError(
                f"{folder} was begun with {name} = {begun.get(name)}, not {value}.",
                "Give the same options and tokenizer to go on, or choose another --out.",
            )


def _plan_of(folder: Path) -> Mapping[str, Any]:
    if (folder / MANIFEST).exists():
        manifest = read_manifest(folder)
        return {**manifest.options, "tokenizer": manifest.tokenizer}
    try:
        return json.loads((folder / PLAN).read_bytes())
    except ValueError as error:
        raise DataError(f"{folder / PLAN} is damaged: {error}.", f"Remove {folder}.") from None


def clear_plan(folder: Path, splits: Sequence[str]) -> None:
    """Removes what only a directory under preparation needs."""
    for split in splits:
        for path in folder.glob(f"{split}-*.json"):
            path.unlink(missing_ok=True)
    (folder / PLAN).unlink(missing_ok=True)
    with suppress(OSError):
        (folder / _LOCK).unlink()
