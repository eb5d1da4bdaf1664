"""Music from files: MIDI in folders and archives, chorales in JSON.

Nothing is repaired and nothing is left out in silence: a file that gives no performance ends the
reading with its name, or is handed to whoever asked for that.
"""

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from cutaway.errors import DataError, nearest
from cutaway.music.grid import Chorale, read_chorales
from cutaway.music.notes import Performance

__all__ = ["BadPiece", "NamedChorale", "chorales_of", "midi_names", "performances_of"]

MIDI_SUFFIXES = (".mid", ".midi")
_TARS = (".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")
_MOST_BYTES = 16 << 20  # of a MIDI file; Beethoven's longest sonata has half a megabyte
_DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile)
_HINT = "Put the file right or take it out, or leave bad ones out: they are then named one by one."


@dataclass(frozen=True, slots=True)
class BadPiece:
    """A file that gives no performance.

    Attributes:
        where: its path, or its archive's and its own.
        reason: what is wrong with it, in a sentence that names it.
    """

    where: str
    reason: str


class NamedChorale(NamedTuple):
    """A chorale and where it comes from, such as ``jsb.json: valid, chorale 7``."""

    chorale: Chorale
    where: str


def performances_of(
    path: Path, *, on_bad: Callable[[BadPiece], None] | None = None
) -> Iterator[Performance]:
    """The performances of a MIDI file, of a folder and the folders in it, or of an archive.

    Args:
        path: ``.mid`` or ``.midi``; a folder; ``.tar`` in any packing; ``.zip``. Folders are read
            in the order of the names, archives in their own.
        on_bad: takes each file that gives no performance, and the reading goes on. None: it ends
            there.

    Raises:
        DataError: if there is no such file, an archive is damaged, it has no MIDI files, or,
            without ``on_bad``, at the first that gives no performance.
        MissingExtra: if what reads MIDI is not installed.
    """
    n_files = 0
    for where, data in _files(path):
        n_files += 1
        found = data if isinstance(data, BadPiece) else _performance(where, data)
        if isinstance(found, Performance):
            yield found
        elif on_bad is not None:
            on_bad(found)
        else:
            raise DataError(found.reason, _HINT)
    if not n_files:
        raise DataError(
            f"{path} has no MIDI files.", f"Looked for names in {' and '.join(MIDI_SUFFIXES)}."
        )


def chorales_of(path: Path, *, split: str) -> list[NamedChorale]:
    """The chorales of a part of a file.

    Args:
        path: the JSON of the JSB Chorales in sixteenth notes, packed with xz or not.
        split: the name of the part: ``train``, ``valid`` or ``test``.

    Raises:
        DataError: if there is no such file or part, or it is damaged, with the place.
    """
    parts = read_chorales(path)
    if split not in parts:
        raise DataError(f"{path} has no part {split!r}.", nearest(split, parts))
    found = [
        NamedChorale(chorale, f"{path}: {split}, chorale {i}")
        for i, chorale in enumerate(parts[split], start=1)
    ]
    for chorale, where in found:
        if not chorale.n_steps:
            raise DataError(f"{where} has no steps.", "Take it out of the file.")
    return found


def midi_names(path: Path) -> list[Path]:
    """The files that a path stands for: of a folder all MIDI files below it, sorted."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if _is_midi(file.name) and file.is_file())


def _is_midi(name: str) -> bool:
    """Whether a file is called like MIDI; hidden ones are not (macOS puts such beside others)."""
    base = name.rpartition("/")[2]
    return base.lower().endswith(MIDI_SUFFIXES) and not base.startswith(".")


def _performance(where: str, data: bytes) -> Performance | BadPiece:
    from cutaway.music.midi import read_midi  # of an extra, which texts do without

    try:
        performance = read_midi(data, source=where)
    except DataError as error:
        return BadPiece(where, error.what)
    return performance if len(performance) else BadPiece(where, f"{where} has no notes.")


_File = tuple[str, bytes | BadPiece]


def _files(path: Path) -> Iterator[_File]:
    """Where each MIDI file is, and its bytes."""
    if not path.exists():
        raise DataError(f"No music at {path}.", "Check the path.")
    name = path.name.lower()
    try:
        if path.is_dir():
            yield from map(_plain, midi_names(path))
        elif name.endswith(_TARS):
            yield from _of_tar(path)
        elif name.endswith(".zip"):
            yield from _of_zip(path)
        elif path.suffix.lower() in MIDI_SUFFIXES:
            yield _plain(path)
        else:
            raise DataError(
                f"{path} is no MIDI file and no archive that is read.",
                "Give a .mid, a folder of them, a .tar (also packed) or a .zip.",
            )
    except _DAMAGE as error:
        raise DataError(
            f"{path} cannot be read: {error}.", "Fetch it again, or unpack it into a folder."
        ) from error


def _plain(path: Path) -> _File:
    size = path.stat().st_size
    return str(path), _too_large(str(path), size) if size > _MOST_BYTES else path.read_bytes()


def _of_tar(path: Path) -> Iterator[_File]:
    with tarfile.open(path, mode="r|*") as archive:  # a stream: nothing is read twice
        for entry in archive:
            if entry.isfile() and _is_midi(entry.name):
                where = f"{path}: {entry.name}"
                if entry.size > _MOST_BYTES:
                    yield where, _too_large(where, entry.size)
                    continue
                file = archive.extractfile(entry)
                assert file is not None
                yield where, file.read()


def _of_zip(path: Path) -> Iterator[_File]:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if not entry.is_dir() and _is_midi(entry.filename):
                where = f"{path}: {entry.filename}"
                if entry.file_size > _MOST_BYTES:
                    yield where, _too_large(where, entry.file_size)
                    continue
                try:
                    yield where, archive.read(entry)
                except (RuntimeError, NotImplementedError) as error:  # encrypted, packed otherwise
                    yield where, BadPiece(where, f"{where} cannot be unpacked: {error}.")


def _too_large(where: str, size: int) -> BadPiece:
    return BadPiece(where, f"{where} has {size:,} bytes, more than any performance.")
