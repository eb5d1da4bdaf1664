"""Which file is for which measurement: told by its name, or by ``TASK=PATH``."""

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from cutaway.errors import ConfigError, DataError, nearest

__all__ = ["FILE_TASKS", "find_files"]

_IN_FOLDERS = {
    "bpb": "*.valid.txt*",
    "blimp": "*blimp*.jsonl*",
    "lambada": "*lambada*test*.jsonl*",
    "wikitext": "*wikitext*test*.txt*",
    "copies": "*.train.txt*",
}
_BY_NAME = {
    "blimp": "*blimp*",
    "lambada": "*lambada*",
    "wikitext": "*wikitext*",
    "copies": "*.train.txt*",
    "bpb": "*",
}
FILE_TASKS = tuple(_IN_FOLDERS)
"""The measurements that read files."""


def find_files(paths: Iterable[str]) -> dict[str, list[Path]]:
    """Sorts files to the measurements that can use them.

    A file goes by its name: those with ``blimp``, ``lambada`` or ``wikitext`` in it are these
    test sets, ``*.train.txt`` is training text to look for copies in, anything else is text for
    bits per byte. In a folder, and in the folders directly in it, ``*.valid.txt``,
    ``*.train.txt`` and the test sets are found, packed or not. ``TASK=PATH`` overrules the name.

    Args:
        paths: files, folders, or either behind the name of a measurement and an equals sign.

    Returns:
        The files of each measurement that has some, in order, each once.

    Raises:
        ConfigError: for an unknown measurement in ``TASK=PATH``.
        DataError: if there is no such file or folder, or a folder has nothing of use.
    """
    found: dict[str, list[Path]] = {}
    for given in paths:
        for task, path in _sorted(given):
            files = found.setdefault(task, [])
            if path not in files:
                files.append(path)
    return found


def _sorted(given: str) -> Iterator[tuple[str, Path]]:
    task, equals, rest = given.partition("=")
    is_told = bool(equals) and not Path(given).exists()
    path = Path(rest if is_told else given)
    if is_told and task not in FILE_TASKS:
        raise ConfigError(f"No measurement {task!r} reads files.", nearest(task, FILE_TASKS))
    if not path.exists():
        raise DataError(f"No data at {path}.", "Check the path.")
    if path.is_dir():
        yield from _in_folder(path, [task] if is_told else FILE_TASKS)
    else:
        yield (task if is_told else _by_name(path)), path


def _in_folder(folder: Path, tasks: Sequence[str]) -> Iterator[tuple[str, Path]]:
    files = [file for file in sorted([*folder.glob("*"), *folder.glob("*/*")]) if file.is_file()]
    found = [
        (task, file)
        for file in files
        for task in tasks
        if fnmatch(file.name.lower(), _IN_FOLDERS[task])
        and not (task == "bpb" and "wikitext" in file.name.lower())
    ]
    if not found:
        wanted = ", ".join(_IN_FOLDERS[task] for task in tasks)
        raise DataError(f"Nothing to measure with in {folder}.", f"Looked for {wanted}.")
    yield from found


def _by_name(path: Path) -> str:
    return next(task for task, name in _BY_NAME.items() if fnmatch(path.name.lower(), name))
