"""Where a model of a given name lies."""

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cutaway.checkpoints.hub import download
from cutaway.errors import CheckpointNotFound, UnsafeCheckpoint, nearest
from cutaway.files import cache_directory

__all__ = ["ModelName", "is_name", "list_models", "locate"]

_BUNDLED = "pocket"
# What the commands that make music ask for, as long as the package brings none.
_TAUGHT = {
    "piano": "Name a model of performances with -m, or train one: recipes/piano.toml.",
    "chorales": "Name a model of chorales with -m, or train one: recipes/jsb.toml.",
}
_OFFICIAL = {
    "gpt2": "openai-community/gpt2",
    "gpt2-medium": "openai-community/gpt2-medium",
    "gpt2-large": "openai-community/gpt2-large",
    "gpt2-xl": "openai-community/gpt2-xl",
}
_PART = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,95}"
_REPOSITORY = re.compile(rf"{_PART}/{_PART}")


@dataclass(frozen=True, slots=True)
class ModelName:
    """A name that :func:`~cutaway.checkpoints.load_checkpoint` knows.

    Attributes:
        name: as it is given.
        origin: where its files come from.
        path: where they are on this machine, or None.
    """

    name: str
    origin: str
    path: Path | None


def list_models() -> list[ModelName]:
    """The bundled models and the official ones, and where they lie if they are on this machine."""
    found = [ModelName(name, "in the package", _if_there(_assets() / name)) for name in _bundled()]
    found += [
        ModelName(name, f"{repository} on the Hugging Face hub", _if_there(_models() / name))
        for name, repository in _OFFICIAL.items()
    ]
    return found


def is_name(source: str) -> bool:
    """Whether this names a model wherever it is given, and is no path of this machine."""
    if source in _bundled() or source in _OFFICIAL:
        return True
    return _is_repository(source) and not Path(source).exists()


def locate(source: str | Path, *, allow_pickle: bool) -> Path:
    """The path of a checkpoint: known names first, then paths, then the hub.

    Raises:
        CheckpointNotFound: if there is nothing, saying where files would be looked for.
        UnsafeCheckpoint: if a name is no plain name.
        MissingExtra: if the hub is needed and its library is not installed.
    """
    name = str(source)
    if isinstance(source, str) and source in _bundled():
        place = _assets() / source
        return _existing(place, f"The bundled model is missing from {place}.")
    if isinstance(source, str) and source in _OFFICIAL:
        return _if_there(_models() / source) or download(
            _OFFICIAL[source], place=_models() / source, allow_pickle=allow_pickle
        )
    path = _existing_path(name)
    if path is not None:
        return path
    if isinstance(source, str) and _is_repository(source):
        place = _models().joinpath(*source.split("/"))
        return _if_there(place) or download(source, place=place, allow_pickle=allow_pickle)
    raise CheckpointNotFound(
        f"No model {name[:200]!r}: it is no known name, directory or file.",
        _TAUGHT.get(name) or nearest(name, [*_bundled(), *_OFFICIAL]),
    )


def _is_repository(source: str) -> bool:
    return _REPOSITORY.fullmatch(source) is not None and ".." not in source


def _existing_path(name: str) -> Path | None:
    if not name or not _can_be_a_path(name):
        raise UnsafeCheckpoint(f"{name[:80]!r} is no path.", "Give a name, a directory or a file.")
    path = Path(name)
    with suppress(RuntimeError):  # ~someone who is not known
        path = path.expanduser()
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise CheckpointNotFound(f"{name[:200]!r} cannot be read: {error.strerror}.") from error
    return path


def _can_be_a_path(name: str) -> bool:
    try:
        return b"\0" not in os.fsencode(name)
    except UnicodeEncodeError:  # half of a surrogate pair
        return False


def _bundled() -> list[str]:
    """The names of the models in the package, the one that is always there first."""
    others = sorted(path.parent.name for path in _assets().glob("*/model.safetensors"))
    return [_BUNDLED, *(name for name in others if name != _BUNDLED)]


def _assets() -> Path:
    return Path(__file__).parents[1] / "assets"


def _models() -> Path:
    """Where models are put by hand: ``$CUTAWAY_MODELS``, or a folder of the user's cache."""
    chosen = os.environ.get("CUTAWAY_MODELS")
    return Path(chosen).expanduser() if chosen else cache_directory() / "models"


def _if_there(path: Path) -> Path | None:
    return path if path.is_dir() else None


def _existing(path: Path, message: str) -> Path:
    if not path.is_dir():
        raise CheckpointNotFound(message, "Install cutaway again, or name another model.")
    return path
