"""Where documents come from: files, directories and stdin, packed or not."""

import io
import lzma
import sys
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, cast

from cutaway.data.formats import FORMATS, BadRecord
from cutaway.errors import ConfigError, DataError, MissingExtra, nearest

__all__ = ["STDIN", "Source", "file_source", "find_sources", "opened", "read_source"]

STDIN = "-"
_SUFFIXES = {
    ".txt": "txt",
    ".text": "txt",
    ".md": "txt",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}
_PACKINGS = {".gz": b"\x1f\x8b", ".xz": b"\xfd7zXZ\x00", ".zst": b"\x28\xb5\x2f\xfd"}


@dataclass(frozen=True, slots=True)
class Source:
    """One file of documents.

    Attributes:
        name: as it was given, or below the directory that was given; ``-`` for stdin.
        format: one of ``txt``, ``jsonl``, ``csv``, ``tsv``, ``parquet``.
        packing: ``.gz``, ``.xz``, ``.zst`` or nothing.
        size: bytes on disk; None for stdin.
    """

    name: str
    format: str
    packing: str
    size: int | None


def find_sources(names: Sequence[str | Path], *, format: str | None = None) -> list[Source]:
    """The files that names stand for; of a directory all that end like a corpus, sorted.

    Args:
        names: files, directories, ``-`` for stdin.
        format: of stdin and of files whose names do not say it; default: ``txt``.

    Raises:
        DataError: if a file is absent or a directory holds none.
        ConfigError: for an unknown format, or stdin twice.
    """
    if format is not None and format not in FORMATS:
        raise ConfigError(f"No format is called {format!r}.", nearest(format, FORMATS))
    if [str(name) for name in names].count(STDIN) > 1:
        raise ConfigError("- stands twice among the sources.", "Stdin can be read once.")
    found: list[Source] = []
    for name in names:
        path = Path(name)
        if str(name) == STDIN:
            found.append(Source(STDIN, format or "txt", "", None))
        elif path.is_dir():
            found += _in_directory(path)
        elif path.is_file():
            found.append(file_source(path, format or "txt"))
        else:
            raise DataError(f"No corpus at {path}.", "Check the path.")
    return found


def _in_directory(folder: Path) -> list[Source]:
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
    found = [file_source(path, "") for path in paths]
    found = [source for source in found if source.format]
    if not found:
        raise DataError(
            f"{folder} holds no corpus.",
            f"Looked for {', '.join(sorted(_SUFFIXES))}, also with {', '.join(_PACKINGS)} behind.",
        )
    return found


def file_source(path: Path, otherwise: str) -> Source:
    """A file as a source, by its name.

    Args:
        path: of a file that is there.
        otherwise: its format where the name does not say it.
    """
    packing = path.suffix if path.suffix in _PACKINGS else ""
    inner = path.with_suffix("") if packing else path
    format = _SUFFIXES.get(inner.suffix.lower(), otherwise)
    return Source(str(path), format, packing, path.stat().st_size)


def read_source(source: Source, *, text_key: str) -> Iterator[bytes | BadRecord]:
    """The documents of a source in their order, one at a time.

    Raises:
        DataError: if it cannot be read to its end, with its name.
        MissingExtra: if a library is needed for it that is not installed.
    """
    with opened(source) as file:
        yield from FORMATS[source.format](file, text_key)


@contextmanager
def opened(source: Source) -> Generator[BinaryIO]:
    """A source as a file to read from, unpacked on the way; what goes wrong inside has its name.

    Raises:
        DataError: if it cannot be read to its end.
        MissingExtra: if a library is needed for it that is not installed.
    """
    try:
        with _opened(source) as file:
            yield file
    except MissingExtra:
        raise
    except DataError as error:
        raise DataError(f"{source.name}: {error.what}.", error.hint) from None
    except (OSError, EOFError, lzma.LZMAError, zlib.error, *_zstandard_errors()) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"{source.name} cannot be read: {reason}.",
            "Put it right or leave it out; the same command then goes on.",
        ) from error


@contextmanager
def _opened(source: Source) -> Generator[BinaryIO]:
    if source.name == STDIN:
        yield _unpacked_stdin()
        return
    with Path(source.name).open("rb") as file, _unpacked(file, source.packing) as unpacked:
        yield unpacked


def _unpacked_stdin() -> BinaryIO:
    if sys.stdin is None:
        return io.BytesIO()
    file = cast(Any, sys.stdin.buffer)
    begin = file.peek(8)[:8] if hasattr(file, "peek") else b""
    packing = next((p for p, magic in _PACKINGS.items() if begin.startswith(magic)), "")
    return _unpacked(file, packing)


def _unpacked(file: BinaryIO, packing: str) -> BinaryIO:
    if not packing:
        return file
    return cast(BinaryIO, io.BufferedReader(_Unpacked(file, packing), 1 << 18))


def _zstandard() -> Any:
    """What unpacks a frame: of the standard library from Python 3.14, else of an extra."""
    if sys.version_info >= (3, 14):
        from compression import zstd  # pyright: ignore

        return zstd.ZstdDecompressor()  # pyright: ignore
    try:
        import zstandard
    except ImportError as error:
        raise MissingExtra(
            "Files in .zst need zstandard, which is not installed.", "pip install 'cutaway[data]'"
        ) from error
    return zstandard.ZstdDecompressor().decompressobj()


def _zstandard_errors() -> list[type[Exception]]:
    """The error of a library that is loaded; one that is not loaded raises none."""
    names = ("zstandard", "compression.zstd")
    return [sys.modules[name].ZstdError for name in names if sys.modules.get(name)]


class _Unpacked(io.RawIOBase):
    """The frames of a packed file, one after the other; one that is cut short is an error.

    The libraries' own readers hand out a few kilobytes at a time, between which threads fight for
    Python's lock, and that of zstandard takes a file that is cut short for a whole one.
    """

    # What makes an unpacker, and the packed bytes it gets at a time: as few as unpack to some
    # hundred megabytes at the very worst.
    _KINDS: ClassVar[dict[str, tuple[Callable[[], Any], int]]] = {
        ".gz": (lambda: zlib.decompressobj(wbits=31), 1 << 16),
        ".xz": (lambda: lzma.LZMADecompressor(), 1 << 14),
        ".zst": (_zstandard, 1 << 12),
    }

    def __init__(self, file: BinaryIO, packing: str) -> None:
        self._file = file
        self._new_frame, self._size = self._KINDS[packing]
        self._frame, self._inside = self._new_frame(), True  # nothing at all is no packed file
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._left:
            packed = self._file.read(self._size)
            if not packed:
                if self._inside:
                    raise EOFError("it ends too early")
                return 0
            self._left = memoryview(self._unpack(packed))
        n = min(len(buffer), len(self._left))
        buffer[:n] = self._left[:n]
        self._left = self._left[n:]
        return n

    def _unpack(self, packed: bytes) -> bytes:
        unpacked: list[bytes] = []
        while packed:
            if not self._inside:
                packed = packed.lstrip(b"\0")  # padding, which no frame begins with
                if not packed:
                    break
                self._frame, self._inside = self._new_frame(), True
            unpacked.append(self._frame.decompress(packed))
            packed = b""
            if self._frame.eof:
                packed, self._inside = self._frame.unused_data, False
        return unpacked[0] if len(unpacked) == 1 else b"".join(unpacked)
