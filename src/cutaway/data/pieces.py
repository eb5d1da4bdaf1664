"""Performances as events in a memory-mapped file: every piece under every tempo that is asked for.

``train.bin`` holds unsigned 16-bit little-endian ids, piece after piece, and of each piece one
version behind the other; ``train.json`` says where each begins, how low and how high a piece goes,
by which vocabulary, and the SHA-256 of the ``.bin``. An event's time is rounded to 10 ms, so a
performance is stretched before it is encoded, once for all; moved up or down it is when it is
dealt, for that changes ids by the same number everywhere. A piece begins with its first note.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cutaway.data.shards import write_json
from cutaway.errors import DataError
from cutaway.files import atomic_write, sha256_of
from cutaway.music.augment import from_first_note, stretched
from cutaway.music.events import encode_array
from cutaway.music.notes import Performance
from cutaway.tokenizers import Tokenizer

__all__ = ["PieceIndex", "Pieces", "encode_pieces", "open_pieces", "write_pieces"]

_DTYPE = np.dtype("<u2")


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceIndex:
    """What a file of pieces holds.

    Attributes:
        n_pieces: performances.
        n_tokens: events of all of them, at the tempo nearest to that of the files.
        n_notes: of all of them.
        seconds: of all of them, as they were played.
        stretch: the factors of the versions, in their order.
        bounds: where each version of each piece begins, and the end: ``(pieces * versions + 1)``.
        lowest: pitch of each piece.
        highest: pitch of each piece.
        tokenizer: fingerprint of the vocabulary.
        sha256: of the file of ids.
    """

    n_pieces: int
    n_tokens: int
    n_notes: int
    seconds: float
    stretch: Sequence[float]
    bounds: Sequence[int]
    lowest: Sequence[int]
    highest: Sequence[int]
    tokenizer: str
    sha256: str


class Pieces:
    """The events of performances, each under some tempos, as slices of one row of ids.

    Args:
        ids: of all versions of all pieces.
        index: where each begins.
    """

    def __init__(self, ids: NDArray[np.uint16], index: PieceIndex) -> None:
        self.index = index
        self.lowest = np.array(index.lowest, np.int64)
        self.highest = np.array(index.highest, np.int64)
        self._ids, self._n_versions = ids, len(index.stretch)
        self._bounds = np.array(index.bounds, np.int64)

    def __len__(self) -> int:
        return self.index.n_pieces

    @property
    def n_versions(self) -> int:
        """Tempos of each piece."""
        return self._n_versions

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Events of each version of each piece: ``(pieces, versions)``."""
        return np.diff(self._bounds).reshape(len(self), self._n_versions)

    def events(self, piece: int, version: int = 0) -> NDArray[np.uint16]:
        """The ids of a version of a piece, without end-of-text; a view."""
        place = piece * self._n_versions + version
        return self._ids[self._bounds[place] : self._bounds[place + 1]]


def write_pieces(
    path: Path,
    performances: Iterable[Performance],
    tokenizer: Tokenizer,
    *,
    stretch: Sequence[float] = (1.0,),
) -> PieceIndex:
    """Encodes performances into ``path`` (``.bin``) and its index (``.json``), one at a time.

    Args:
        path: to be written.
        performances: each with one note at least.
        tokenizer: that of performances; its fingerprint is noted.
        stretch: factors of the time, a version for each.

    Raises:
        DataError: if there is no performance.
        ResourceError: if the disk is full or refuses.
    """
    tally = _Tally(stretch)
    with atomic_write(path) as file:
        for ids in tally.encoded(performances):
            file.write(ids.tobytes())
    if not tally.lowest:
        path.unlink()
        raise DataError(f"No performances for {path}.", "Check the files of the corpus.")
    index = tally.index(tokenizer.fingerprint, sha256=sha256_of(path))
    write_json(path.with_suffix(".json"), asdict(index))
    return index


def encode_pieces(performances: Iterable[Performance], tokenizer: Tokenizer) -> Pieces:
    """As :func:`write_pieces` and :func:`open_pieces`, in memory and as they were played.

    Raises:
        DataError: if there is no performance.
    """
    tally = _Tally((1.0,))
    ids = [*tally.encoded(performances)]
    if not ids:
        raise DataError("There are no performances.", "Give one file with a note at least.")
    return Pieces(np.concatenate(ids), tally.index(tokenizer.fingerprint, sha256=""))


class _Tally:
    """Counts what is encoded."""

    def __init__(self, stretch: Sequence[float]) -> None:
        self._stretch = tuple(stretch)
        self._bounds = [0]
        self.lowest, self._highest = list[int](), list[int]()
        self._n_notes, self._seconds = 0, 0.0

    def encoded(self, performances: Iterable[Performance]) -> Iterator[NDArray[np.uint16]]:
        for performance in map(from_first_note, performances):
            pitches = performance.columns.pitches
            self.lowest.append(int(pitches.min()))
            self._highest.append(int(pitches.max()))
            self._n_notes += len(performance)
            self._seconds += performance.seconds
            for factor in self._stretch:
                version = performance if factor == 1.0 else stretched(performance, factor)
                ids = encode_array(version).astype(_DTYPE)
                self._bounds.append(self._bounds[-1] + len(ids))
                yield ids

    def index(self, tokenizer: str, *, sha256: str) -> PieceIndex:
        lengths = np.diff(self._bounds).reshape(-1, len(self._stretch))
        nearest = int(np.argmin([abs(factor - 1.0) for factor in self._stretch]))
        return PieceIndex(
            n_pieces=len(self.lowest),
            n_tokens=int(lengths[:, nearest].sum()),
            n_notes=self._n_notes,
            seconds=self._seconds,
            stretch=self._stretch,
            bounds=self._bounds,
            lowest=self.lowest,
            highest=self._highest,
            tokenizer=tokenizer,
            sha256=sha256,
        )


def open_pieces(path: Path, *, verify: bool = True) -> Pieces:
    """Maps a file of pieces into memory.

    Args:
        path: the ``.bin`` file.
        verify: whether to compare the checksum, which reads the whole file once.

    Raises:
        DataError: if either file is absent, damaged or does not fit the other.
    """
    try:
        fields: dict[str, Any] = json.loads(path.with_suffix(".json").read_bytes())
        index = PieceIndex(**fields)
        ids = np.memmap(path, dtype=_DTYPE, mode="r")
        fits = len(index.bounds) == index.n_pieces * len(index.stretch) + 1
        fits = fits and len(index.lowest) == len(index.highest) == index.n_pieces
        fits = fits and index.bounds[-1] == len(ids)
    except FileNotFoundError as error:
        raise DataError(f"No file of pieces {error.filename}.", "Encode them again.") from None
    except (ValueError, TypeError, LookupError) as error:
        raise DataError(f"{path} or its index is damaged: {error}.", "Remove both files.") from None
    if not fits or (verify and sha256_of(path) != index.sha256):
        raise DataError(
            f"{path} does not match its index of {index.n_pieces} pieces.",
            "The corpus has changed or is damaged: remove both files, and it is encoded again.",
        )
    return Pieces(ids, index)
