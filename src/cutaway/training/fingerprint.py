"""What a run's corpus was: of which files its tokens were made, and what those tokens are.

Beside a token file ``train.bin`` stands ``train.sources.json``: the files it was encoded from, by
size, time and SHA-256. The digests of the tokens themselves go into every checkpoint.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from cutaway.data.music import midi_names
from cutaway.data.shards import MANIFEST, write_json
from cutaway.errors import ConfigError, DataError
from cutaway.files import sha256_of
from cutaway.tokenizers import Tokenizer
from cutaway.training.recipe import DataConfig, MusicSource, Recipe, Source
from cutaway.training.tables import build

__all__ = ["check_sources", "fingerprint", "note_sources"]


def fingerprint(recipe: Recipe, tokenizer: Tokenizer, *, data: Path, out: Path) -> dict[str, str]:
    """The digest of everything that the windows of a run are cut from, by name.

    Args:
        recipe: of the run.
        tokenizer: of the run.
        data: the folder that the recipe's paths are relative to.
        out: the run's own directory, where its token files are.
    """
    result = {"the vocabulary": tokenizer.fingerprint}
    for part in recipe.data.prepared:
        result[part.folder] = sha256_of(data / part.folder / MANIFEST)
    for pairs in (*recipe.data.train_pairs, *recipe.data.valid_pairs):
        for file in pairs.files:
            result[file] = result.get(file) or sha256_of(data / file)
    for name in ("train", "final", "valid"):
        is_performance = recipe.task.kind == "performance" and name != "final"
        if getattr(recipe.data, f"{name}_music" if is_performance else name):
            result[f"{name}.bin"] = json.loads((out / f"{name}.json").read_bytes())["sha256"]
    if recipe.task.kind == "chorales":
        for source in (*recipe.data.train_music, *recipe.data.valid_music):
            result[source.file] = result.get(source.file) or sha256_of(data / source.file)
    return result


def note_sources(path: Path, sources: Iterable[Source | MusicSource], data: Path) -> None:
    """Notes, before a token file is written, what it will be encoded from.

    Raises:
        ResourceError: if the disk is full or refuses.
    """
    note = {
        "sources": [asdict(source) for source in sources],
        "files": {name: _of(file) for name, file in _files_of(sources, data).items()},
    }
    write_json(_note_of(path), note)


def _files_of(sources: Iterable[Source | MusicSource], data: Path) -> dict[str, Path]:
    """The files by their names below the corpus folder; of a folder of music all that are in it."""
    files: dict[str, Path] = {}
    for source in sources:
        place = data / source.file
        for file in midi_names(place):
            name = source.file if file == place else f"{source.file}/{file.relative_to(place)}"
            if file.is_file():
                files[name] = file
    return files


def check_sources(path: Path, sources: Sequence[Source | MusicSource], data: Path) -> None:
    """Refuses a token file that was encoded from other files than are there now.

    One that is there no longer is no obstacle: the tokens are. Another one in a folder of music is.

    Raises:
        DataError: naming the files that have changed.
        ConfigError: if the recipe names others.
    """
    try:
        note = json.loads(_note_of(path).read_bytes())
        then, files = note["sources"], note["files"]
    except FileNotFoundError:  # of an earlier release
        return
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"{_note_of(path)} is damaged: {error}.", f"Remove it, or {path} and it to encode anew."
        ) from None
    table = "train" if isinstance(sources[0], Source) else "train_music"
    was = getattr(build(DataConfig, {table: then}, path="data."), table)
    if was != tuple(sources):
        raise ConfigError(
            f"{path} was encoded from {_said(was)}, not from {_said(sources)}.",
            f"Go on with the same recipe, remove {path.with_suffix('.json')}, or choose another "
            "--out.",
        )
    added = _files_of(sources, data).keys() - files.keys()
    changed = [*sorted(added), *(name for name in files if _has_changed(data / name, files[name]))]
    if changed:
        raise DataError(
            f"{', '.join(changed)} has changed since {path} was encoded from it.",
            "Bring it back as it was, or choose another --out.",
        )


def _said(sources: Iterable[Source | MusicSource]) -> str:
    """Files, and what is not as it is by default.

    >>> _said([Source(file="a.txt"), Source(file="b.txt", repeat=2)])
    'a.txt, b.txt (repeat 2)'
    """
    said: list[str] = []
    for source in sources:
        usual = type(source)(file=source.file)
        names = [f.name for f in fields(source)]
        other = [n for n in names if getattr(source, n) != getattr(usual, n)]
        more = ", ".join(f"{name} {getattr(source, name)}" for name in other)
        said.append(f"{source.file} ({more})" if more else source.file)
    return ", ".join(said)


def _note_of(path: Path) -> Path:
    return path.with_suffix(".sources.json")


def _of(file: Path) -> dict[str, Any]:
    now = file.stat()
    return {"bytes": now.st_size, "modified": now.st_mtime_ns, "sha256": sha256_of(file)}


def _has_changed(file: Path, then: Mapping[str, Any]) -> bool:
    """Files of the same size and time are taken to be the same; others are read."""
    if not file.is_file():
        return False
    now = file.stat()
    if now.st_size != then["bytes"]:
        return True
    return now.st_mtime_ns != then["modified"] and sha256_of(file) != then["sha256"]
