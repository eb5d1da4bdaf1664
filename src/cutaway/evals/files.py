"""Which file is for which measurement: told by its name, or by ``TASK=PATH``."""

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from cutaway.errors import ConfigError, DataError, nearest

__all__ = ["FILE_TASKS", "find_files"]


class _Names(NamedTuple):
    """How the files of a measurement are called; a name with a slash is that of folder and file.

    Attributes:
        own: of any file of it, also a training or another part.
        test: of those that are taken from a folder.
    """

    own: tuple[str, ...]
    test: tuple[str, ...]


# The first measurement whose own name fits has the file.
_NAMES = {
    "blimp": _Names(("*blimp*",), ("*blimp*.jsonl*",)),
    "lambada": _Names(("*lambada*",), ("*lambada*test*.jsonl*", "*lambada_test_plain_text*")),
    "cbt": _Names(("*cbtest*",), ("*cbtest_cn_valid*", "*cbtest_ne_valid*")),
    "wikitext103": _Names(
        ("*wikitext*103*", "*wikitext*103*/wiki.*"), ("*wikitext*103*test*", "*/wiki.test.*")
    ),
    "wikitext": _Names(("*wikitext*", "*wikitext*/wiki.*"), ("*wikitext*test*", "*/wiki.test.*")),
    "ptb": _Names(("*ptb*", "*simple-examples*"), ("*ptb.test.txt*",)),
    "1bw": _Names(
        ("news.en*", "*1-billion-word*", "*1bw*", "*lm1b*"), ("news.en.heldout-00000-of-00050*",)
    ),
    "enwik8": _Names(("*enwik8*",), ("enwik8", "enwik8.zip", "enwik8.gz", "enwik8.xz")),
    "text8": _Names(("*text8*",), ("text8", "text8.zip", "text8.gz", "text8.xz")),
    "hellaswag": _Names(("*hellaswag*",), ("*hellaswag*val*.jsonl*",)),
    "copies": _Names(("*.train.txt*",), ("*.train.txt*",)),
    "bpb": _Names(("*",), ("*.valid.txt*",)),
}
FILE_TASKS = tuple(_NAMES)
"""The measurements that read files."""


def find_files(paths: Iterable[str]) -> dict[str, list[Path]]:
    """Sorts files to the measurements that can use them.

    A file goes by its name: those that are called as test sets are published are these test sets,
    ``*.train.txt`` is training text to look for copies in, anything else is text for bits per
    byte. In a folder, and in the folders directly in it, ``*.valid.txt``, ``*.train.txt`` and the
    test sets are found, packed or not, each only in the part that is reported: the test part, and
    of CBT and HellaSwag the validation part. ``TASK=PATH`` overrules the name.

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
    told = [(_by_name(file), file) for file in files]
    found = [
        (task, file) for task, file in told if task in tasks and _fits(file, _NAMES[task].test)
    ]
    if not found:
        wanted = ", ".join(name for task in tasks for name in _NAMES[task].test)
        raise DataError(f"Nothing to measure with in {folder}.", f"Looked for {wanted}.")
    yield from found


def _by_name(path: Path) -> str:
    return next(task for task, names in _NAMES.items() if _fits(path, names.own))


def _fits(path: Path, patterns: Sequence[str]) -> bool:
    name = path.name.lower()
    both = f"{path.absolute().parent.name.lower()}/{name}"
    return any(fnmatch(both if "/" in pattern else name, pattern) for pattern in patterns)
