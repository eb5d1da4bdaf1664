"""Reading a stranger's directory: plain names, regular files, nothing outside of it."""

import json
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, cast

from cutaway.errors import CheckpointNotFound, CorruptCheckpoint, MissingWeights, UnsafeCheckpoint

__all__ = ["Folder", "is_plain_name", "parse_json", "regular_file", "shown"]

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
_JSON_BYTES = 1 << 20
_DIGITS = 19  # of any number below 2**63


def shown(text: object, *, limit: int = 80) -> str:
    r"""A stranger's text for a message: cut, and with nothing in it that a terminal obeys.

    >>> shown("h.0\x1b[2J")
    'h.0\\x1b[2J'
    """
    cut = str(text)[:limit]
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


def is_plain_name(name: object) -> bool:
    """Whether this is the name of a file, with no way to another directory in it."""
    return isinstance(name, str) and _PLAIN.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class Folder:
    """A directory and the outermost one that links in it may point into.

    Attributes:
        path: the directory.
        root: files must lie in here after links are followed; the directory itself, or, for a
            snapshot in the Hugging Face cache, the folder of that repository.
    """

    path: Path
    root: Path

    @classmethod
    def at(cls, path: Path) -> "Folder":
        """The folder at ``path``, which may itself be a link."""
        path = resolved(path)
        snapshots = path.parent
        if snapshots.name == "snapshots" and snapshots.parent.name.startswith("models--"):
            return cls(path, snapshots.parent)
        return cls(path, path)

    def has(self, name: str) -> bool:
        """Whether there is anything of that name."""
        return (self.path / name).exists() or (self.path / name).is_symlink()

    def file(self, name: str) -> Path:
        """The regular file of that plain name.

        Raises:
            MissingWeights: if there is none.
            UnsafeCheckpoint: if the name or a link leads out of the directory.
        """
        if not is_plain_name(name):
            raise UnsafeCheckpoint(
                f"{self.path} refers to a file {name!r}.",
                "Only plain names of files in the same directory are followed.",
            )
        path = resolved(self.path / name)
        if not path.is_relative_to(self.root):
            raise UnsafeCheckpoint(
                f"{self.path / name} is a link out of its directory, to {path}.",
                "Put the file itself there, or load the directory that it points into.",
            )
        if not path.exists():
            raise MissingWeights(f"No {name} in {self.path}.", "The download may be incomplete.")
        return regular_file(path)

    def json(self, name: str) -> dict[str, Any]:
        """The object in a small JSON file; see :func:`parse_json`."""
        path = self.file(name)
        if path.stat().st_size > _JSON_BYTES:
            raise CorruptCheckpoint(
                f"{path} has {path.stat().st_size:,} bytes; at most {_JSON_BYTES:,} are read.",
                "It is not a file of this kind.",
            )
        return parse_json(path.read_bytes(), str(path))


def resolved(path: Path) -> Path:
    """Where a path leads when links are followed.

    Raises:
        UnsafeCheckpoint: if it leads round in a circle.
    """
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:
        raise UnsafeCheckpoint(f"{path} is a link to itself.", "Remove it.") from error


def regular_file(path: Path) -> Path:
    """Where ``path`` leads, if that is a regular file, not a directory, a pipe or a device.

    Raises:
        CheckpointNotFound: if there is nothing.
        UnsafeCheckpoint: if it is something else.
    """
    path = resolved(path)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise CheckpointNotFound(f"{path} cannot be read: {error.strerror}.") from error
    if not stat.S_ISREG(mode):
        raise UnsafeCheckpoint(f"{path} is not a regular file.", "Name a file or a directory.")
    return path


def parse_json(data: bytes, where: str) -> dict[str, Any]:
    """A JSON object; no key twice, no NaN, no deep nesting.

    Raises:
        CorruptCheckpoint: otherwise, naming ``where``.
    """
    try:
        value = json.loads(
            data, object_pairs_hook=_once, parse_constant=_no_constant, parse_int=_whole
        )
    except (ValueError, RecursionError) as error:
        reason = str(error)[:200] if isinstance(error, ValueError) else "nested too deeply"
        raise CorruptCheckpoint(
            f"{where} is not valid JSON: {reason}.", "The file is damaged; fetch it again."
        ) from error
    if not isinstance(value, dict):
        raise CorruptCheckpoint(f"{where} is not a JSON object.", "It is not a file of this kind.")
    return cast(dict[str, Any], value)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) == len(pairs):
        return result
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise ValueError(f"the key {key[:60]!r} appears twice")
        seen.add(key)
    return result


def _whole(digits: str) -> int:
    if len(digits) > _DIGITS + digits.startswith("-"):
        raise ValueError(f"a number of {len(digits):,} digits")
    return int(digits)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")
