"""Chorales in a grid of sixteenth notes: four voices, one pitch or silence each at every step.

A chorale becomes one row of ids, step by step, and within a step from soprano to bass: S A T B
S A T B ... (Huang et al. 2019, section 4.1, after Coconet, Huang et al. 2017). An id is the pitch,
0 to 127, or 128 for silence. The data does not tell a held note from one struck again, so neither
do the ids; a chorale is far easier to predict than if they did.
"""

import json
import lzma
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from cutaway.errors import DataError

__all__ = [
    "SILENCE",
    "VOICES",
    "Chorale",
    "chorale_names",
    "decode_chorale",
    "encode_chorale",
    "read_chorales",
]

VOICES = ("soprano", "alto", "tenor", "bass")
SILENCE = 128
_N_VOICES = len(VOICES)
_MAX_BYTES = 64 << 20  # the larger of the two files has 2 MB
_USUAL = (70, 65, 60, 52)  # where a voice is before its first note: the middle of its range


@dataclass(frozen=True, eq=False)
class Chorale:
    """Four voices.

    Attributes:
        voices: the pitch of each voice (soprano first) at each step, (4, steps); 128 for silence.

    >>> Chorale(np.array([[72, 72], [67, 67], [60, 62], [48, 128]])).n_steps
    2
    """

    voices: NDArray[np.int64]

    def __post_init__(self) -> None:
        """Checks the array.

        Raises:
            DataError: if it has another shape, or a value that is neither a pitch nor silence.
        """
        voices = np.array(self.voices)
        if voices.ndim != 2 or voices.shape[0] != _N_VOICES or voices.dtype.kind not in "iu":
            raise DataError(
                f"The voices of a chorale have the shape {voices.shape} and type {voices.dtype}.",
                "Give whole numbers in four rows: soprano, alto, tenor, bass.",
            )
        wrong = np.argwhere((voices < 0) | (voices > SILENCE))
        if len(wrong):
            voice, step = wrong[0]
            raise DataError(
                f"The {VOICES[voice]} at step {step:,} is {voices[voice, step]}.",
                f"A pitch is from 0 to 127, silence is {SILENCE}.",
            )
        voices = voices.astype(np.int64)
        voices.flags.writeable = False
        object.__setattr__(self, "voices", voices)

    @property
    def n_steps(self) -> int:
        """How many sixteenth notes it has."""
        return self.voices.shape[1]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Chorale):
            return NotImplemented
        return np.array_equal(self.voices, other.voices)

    def __hash__(self) -> int:
        return hash(self.voices.tobytes())


def chorale_names() -> list[str]:
    """The names of the pitches and of silence, in the order of their ids."""
    return [*(f"PITCH_{pitch}" for pitch in range(SILENCE)), "SILENCE"]


def encode_chorale(chorale: Chorale) -> list[int]:
    """The ids of a chorale: of each step soprano, alto, tenor, bass.

    >>> encode_chorale(Chorale(np.array([[72, 72], [67, 67], [60, 62], [48, 128]])))
    [72, 67, 60, 48, 72, 67, 62, 128]
    """
    return chorale.voices.T.reshape(-1).tolist()


def decode_chorale(ids: Iterable[int]) -> Chorale:
    """The chorale of ids; undoes :func:`encode_chorale`.

    Raises:
        DataError: for an id that is neither a pitch nor silence, or for steps that are not whole.
    """
    row = list(ids)
    if len(row) % _N_VOICES:
        raise DataError(
            f"{len(row):,} ids are no whole steps of a chorale.", "A step has four: S, A, T, B."
        )
    return Chorale(np.array(row, dtype=np.int64).reshape(-1, _N_VOICES).T)


def read_chorales(path: str | Path) -> dict[str, list[Chorale]]:
    """Reads a file of chorales in sixteenth notes, plain or packed with xz.

    Both forms of the data are known: four numbers at every step, soprano to bass, below zero for
    silence (``Jsb16thSeparated.json``); or only what sounds (``jsb-chorales-16th.json``). The
    latter does not say which voices are silent: those that would have to move the furthest.

    Returns:
        The chorales of each part of the data: train, valid, test.

    Raises:
        DataError: if the file cannot be read or is no such data, with the place.
    """
    path = Path(path)
    document = _json(path)
    if not isinstance(document, dict) or not document:
        raise DataError(
            f"{path} holds no parts of data.", "Expected an object: train, valid, test."
        )
    parts = cast(Mapping[str, object], document)
    return {
        part: [
            _chorale(steps, f"{path}: {part}, chorale {i}")
            for i, steps in enumerate(_list(chorales, f"{path}: {part}"), start=1)
        ]
        for part, chorales in parts.items()
    }


def _json(path: Path) -> object:
    try:
        with path.open("rb") as file:
            packed = file.peek(6)[:6] == b"\xfd7zXZ\x00"
            with lzma.open(file) if packed else file as plain:
                data = plain.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise DataError(
                f"{path} has more than {_MAX_BYTES:,} bytes.", "It is no file of chorales."
            )
        return json.loads(data)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.", "See to its name.") from error
    except (EOFError, lzma.LZMAError, RecursionError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} is damaged: {error}.", "Fetch it again.") from error


def _list(value: object, where: str) -> list[object]:
    if not isinstance(value, list):
        raise DataError(f"{where} is not a list.", "The file is damaged, or of another kind.")
    return cast(list[object], value)


def _chorale(value: object, where: str) -> Chorale:
    before, rows = list(_USUAL), list[list[int]]()
    for number, step in enumerate(_list(value, where), start=1):
        pitches = _list(step, f"{where}, step {number}")
        if len(pitches) > _N_VOICES or not all(map(_is_pitch, pitches)):
            raise DataError(
                f"{where}, step {number} is {str(pitches)[:80]}.",
                "A step has at most four pitches, soprano to bass, below 128.",
            )
        row = [int(p) if p >= 0 else SILENCE for p in cast(list[int | float], pitches)]
        if len(row) < _N_VOICES:
            row = _placed(row, before)
        before = [new if new < SILENCE else old for new, old in zip(row, before, strict=True)]
        rows.append(row)
    return Chorale(np.array(rows, dtype=np.int64).reshape(-1, _N_VOICES).T)


def _is_pitch(value: object) -> bool:
    """Some of the data writes whole numbers as 73.0; what is below zero is silence."""
    is_whole = isinstance(value, float) and value.is_integer()
    return (type(value) is int or is_whole) and cast(float, value) < SILENCE


def _placed(pitches: Sequence[int], before: Sequence[int]) -> list[int]:
    """Pitches from the highest voice down, given to those voices that have the least way to go."""

    def way(voices: tuple[int, ...]) -> int:
        return sum(abs(before[v] - p) for v, p in zip(voices, pitches, strict=True))

    chosen = min(combinations(range(_N_VOICES), len(pitches)), key=way)
    row = [SILENCE] * _N_VOICES
    for voice, pitch in zip(chosen, pitches, strict=True):
        row[voice] = pitch
    return row
