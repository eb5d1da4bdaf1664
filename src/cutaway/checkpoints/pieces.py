"""A checkpoint of a run as a directory of pieces, each with its size and SHA-256 in a manifest.

``manifest.json`` is written last, when every piece is on the disk, and has a checksum of its own::

    {"format": "cutaway checkpoint", "version": 2, "step": 100,
     "pieces": {"model.safetensors": {"bytes": 498004488, "sha256": "..."}, ...}, "checksum": "..."}

Pieces are digested while they are written and while they are read, so that neither costs a second
pass. What a piece means is not known here.
"""

import hashlib
import json
import os
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from cutaway.checkpoints.folder import shown
from cutaway.checkpoints.plain import from_plain
from cutaway.errors import CorruptCheckpoint, CutawayError
from cutaway.files import atomic_write, sha256_of

__all__ = [
    "MANIFEST",
    "Piece",
    "Reader",
    "Saved",
    "Stage",
    "Writer",
    "damage",
    "damaged",
    "is_saved",
    "model_damage",
    "note_model",
    "open_saved",
]

MANIFEST, STATE = "manifest.json", "state.json"
FORMAT, VERSION = "cutaway checkpoint", 2
_CHUNK = 1 << 20  # bytes: small enough to be in a cache when they are digested
_PLAIN = re.compile(
    r"(?!\.{1,2}(/|$))[A-Za-z0-9._-]{1,200}(/(?!\.{1,2}(/|$))[A-Za-z0-9._-]{1,200})*"
)
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Writer(Protocol):
    """Something that bytes are written to."""

    def write(self, data: bytes | memoryview, /) -> int:
        """Takes all of the bytes; returns their number."""
        ...


@dataclass(frozen=True, slots=True)
class Piece:
    """What the manifest says of a file.

    Attributes:
        bytes: its size.
        sha256: of its content, in hexadecimal.
    """

    bytes: int
    sha256: str


class _Digesting:
    """Passes bytes on to a file and digests them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._digest, self._n_bytes = file, hashlib.sha256(), 0

    def write(self, data: bytes | memoryview, /) -> int:
        view = memoryview(data).cast("B")
        for start in range(0, len(view), _CHUNK):
            part = view[start : start + _CHUNK]
            self._digest.update(part)
            self._file.write(part)
        self._n_bytes += len(view)
        return len(view)

    @property
    def piece(self) -> Piece:
        return Piece(self._n_bytes, self._digest.hexdigest())


class Stage:
    """The directory of a checkpoint while it is filled, under a name that no reader looks at.

    Args:
        path: the directory. Files may also be put there by others, a library or other processes;
            they are digested at the end, which reads them once.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pieces: dict[str, Piece] = {}

    @contextmanager
    def open(self, name: str) -> Generator[Writer]:
        """Opens a piece to be written from its beginning to its end; it is then on the disk."""
        with (self.path / name).open("xb") as file:
            digesting = _Digesting(file)
            yield digesting
            file.flush()
            os.fsync(file.fileno())
        self._pieces[name] = digesting.piece

    def finish(self, step: int) -> None:
        """Digests what came past :meth:`open` and writes the manifest."""
        for path in _files(self.path):
            name = path.relative_to(self.path).as_posix()
            if name not in self._pieces:
                self._pieces[name] = _piece(path)
        pieces = {name: asdict(self._pieces[name]) for name in sorted(self._pieces)}
        with self.open(MANIFEST) as file:
            file.write(_manifest_bytes(step, pieces))


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if not path.is_dir() or path.is_symlink())


def _manifest_bytes(step: int, pieces: Mapping[str, Any]) -> bytes:
    fields = {"format": FORMAT, "version": VERSION, "step": step, "pieces": dict(pieces)}
    digest = hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
    return (json.dumps({**fields, "checksum": digest}, indent=2) + "\n").encode()


class Reader:
    """A piece that is read once, from its beginning to its end, and digested meanwhile."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._digest, self._n_bytes = file, hashlib.sha256(), 0

    def read_into(self, memory: memoryview) -> None:
        """Fills ``memory`` with the next bytes.

        Raises:
            CorruptCheckpoint: if there are fewer.
        """
        for start in range(0, len(memory), _CHUNK):
            part = memory[start : start + _CHUNK]
            filled = 0
            while filled < len(part):
                n = self._file.readinto(part[filled:])  # type: ignore[attr-defined]
                if not n:
                    raise CorruptCheckpoint(f"{self._file.name} ends early.", _HINT)
                filled += n
            self._digest.update(part)
            self._n_bytes += len(part)

    def read(self, n_bytes: int) -> bytes:
        """The next bytes."""
        data = bytearray(n_bytes)
        self.read_into(memoryview(data))
        return bytes(data)

    def finish(self) -> Piece:
        """Reads the rest; what was read in all."""
        while rest := self._file.read(_CHUNK):
            self._digest.update(rest)
            self._n_bytes += len(rest)
        return Piece(self._n_bytes, self._digest.hexdigest())


@dataclass(frozen=True, slots=True)
class Saved:
    """A checkpoint whose manifest and state are sound and whose pieces have the right sizes.

    Attributes:
        directory: where it is.
        step: updates that are behind it.
        pieces: its files.
        state: what ``state.json`` holds.
    """

    directory: Path
    step: int
    pieces: Mapping[str, Piece]
    state: Mapping[str, Any]

    @contextmanager
    def open(self, name: str) -> Generator[Reader]:
        """Opens a piece to be read; at the end it is held against the manifest.

        Whatever the reader of the piece raises, damage is the reason that is given if there is any.

        Raises:
            CorruptCheckpoint: if it is not what was written, naming it.
        """
        piece = self.pieces.get(name)
        if piece is None:
            raise damaged(self.directory, [f"{name} (not in the manifest)"])
        try:
            with (self.directory / name).open("rb") as file:
                reader = Reader(file)
                try:
                    yield reader
                finally:
                    found = reader.finish()
                    if found != piece:
                        raise damaged(self.directory, [_difference(name, found, piece)]) from None
        except OSError as error:
            if isinstance(error, CutawayError):
                raise
            raise damaged(self.directory, [f"{name} ({_why(error)})"]) from error


_HINT = "Bring it back from a copy, or remove that directory to go on from an older checkpoint."


def damaged(directory: Path, reasons: list[str]) -> CorruptCheckpoint:
    """The error that names the damaged pieces of a checkpoint."""
    return CorruptCheckpoint(f"{directory} is damaged: {', '.join(reasons)}.", _HINT)


def is_saved(directory: Path) -> bool:
    """Whether this looks like a checkpoint of a run, whole or not."""
    return (directory / MANIFEST).exists() and (directory / STATE).exists()


def open_saved(directory: Path) -> Saved:
    """Reads what a checkpoint says of itself and compares sizes; no large piece is read.

    Raises:
        CorruptCheckpoint: naming every piece that is absent, of another size, unknown or altered.
    """
    step, pieces = _read_manifest(directory)
    reasons = _outer_damage(directory, step, pieces)
    if reasons:
        raise damaged(directory, reasons)
    whole = Saved(directory, step, pieces, {})
    with whole.open(STATE) as file:
        data = file.read(pieces[STATE].bytes)
    try:
        state = from_plain(json.loads(data))
        if not isinstance(state, dict) or cast(dict[str, Any], state).get("step") != step:
            raise ValueError(f"it is not of step {step}")
    except ValueError as error:
        raise damaged(directory, [f"{STATE} ({error})"]) from None
    return Saved(directory, step, pieces, cast(dict[str, Any], state))


def note_model(run: Path) -> None:
    """Notes in ``model.json`` what the files of a run's ``model`` are, and of an ``adapter``.

    Raises:
        ResourceError: if the disk is full or refuses.
    """
    files = [path for name in ("model", "adapter") for path in _files(run / name)]
    pieces = {path.relative_to(run).as_posix(): asdict(_piece(path)) for path in files}
    with atomic_write(run / "model.json") as file:
        file.write((json.dumps(pieces, indent=2) + "\n").encode())


def model_damage(run: Path, *, fast: bool = False) -> list[str]:
    """What is wrong with a run's finished model by that note; empty if there is no note."""
    try:
        noted = json.loads((run / "model.json").read_bytes())
        pieces = {name: Piece(**piece) for name, piece in noted.items()}
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, AttributeError) as error:
        return [f"model.json ({shown(error)})"]
    return _damage_of(run, pieces, fast=fast)


def damage(directory: Path, *, fast: bool = False) -> list[str]:
    """What is wrong with a checkpoint, each piece with its reason; empty if it is whole.

    Args:
        directory: of the checkpoint.
        fast: compares sizes, and reads only the small pieces.
    """
    try:
        saved = open_saved(directory)
    except CorruptCheckpoint as error:
        return [error.what.removeprefix(f"{directory} is damaged: ").removesuffix(".")]
    return [] if fast else _damage_of(directory, saved.pieces, fast=False)


def _damage_of(directory: Path, pieces: Mapping[str, Piece], *, fast: bool) -> list[str]:
    """Of each piece: that it is absent, of another size, or of another content."""
    found: list[str] = []
    for name, piece in pieces.items():
        try:
            n_bytes = (directory / name).lstat().st_size
            is_other = n_bytes != piece.bytes or (directory / name).is_symlink()
            sha256 = piece.sha256 if fast or is_other else sha256_of(directory / name)
        except OSError as error:
            found.append(f"{name} ({_why(error)})")
            continue
        if is_other or sha256 != piece.sha256:
            found.append(_difference(name, Piece(n_bytes, sha256), piece))
    return found


def _piece(path: Path) -> Piece:
    return Piece(path.stat().st_size, sha256_of(path))


def _read_manifest(directory: Path) -> tuple[int, dict[str, Piece]]:
    try:
        data = (directory / MANIFEST).read_bytes()
        fields = json.loads(data)
        if fields and all(isinstance(value, str) for value in fields.values()):
            return _first_version(directory, fields)
        if fields.get("version") != VERSION or fields.get("format") != FORMAT:
            raise ValueError("of another version")
        step, pieces = fields["step"], fields["pieces"]
        # The very bytes: a manifest that was altered anywhere is not the one that was written.
        if data != _manifest_bytes(step, pieces):
            raise ValueError("altered")
        result = {name: Piece(**piece) for name, piece in pieces.items()}
        if STATE not in result or not all(map(_PLAIN.fullmatch, result)):
            raise ValueError("it names impossible pieces")
        return step, result
    except OSError as error:
        reason = _why(error)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        reason = shown(error) if isinstance(error, ValueError) else "not what was written"
    raise damaged(directory, [f"{MANIFEST} ({reason})"])


def _first_version(directory: Path, digests: Mapping[str, str]) -> tuple[int, dict[str, Piece]]:
    """Manifests had digests alone once: the sizes are those that are found."""
    pieces: dict[str, Piece] = {}
    for name, digest in digests.items():
        path = directory / name
        pieces[name] = Piece(path.stat().st_size if path.is_file() else -1, digest)
    if STATE not in pieces:
        raise ValueError("not what was written")
    return int(directory.name.removeprefix("step-")), pieces


def _outer_damage(directory: Path, step: int, pieces: Mapping[str, Piece]) -> list[str]:
    """What sizes and names tell."""
    found = _damage_of(directory, pieces, fast=True)
    known = {MANIFEST, *pieces}
    for path in _files(directory):
        name = path.relative_to(directory).as_posix()
        if name not in known and not path.name.startswith("."):  # a file system's own, an editor's
            found.append(f"{shown(name)} (not in the manifest)")
    number = directory.name.removeprefix("step-")
    if number != directory.name and number.isdecimal() and int(number) != step:
        found.append(f"{MANIFEST} (of step {step})")
    return found


def _why(error: OSError) -> str:
    is_absent = isinstance(error, FileNotFoundError | NotADirectoryError)
    return "absent" if is_absent else str(error.strerror or error)


def _difference(name: str, found: Piece, piece: Piece) -> str:
    if found.bytes != piece.bytes:
        return f"{name} ({found.bytes:,} bytes, not {piece.bytes:,})"
    return f"{name} (another checksum)"
