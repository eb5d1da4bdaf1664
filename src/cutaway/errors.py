"""Every error that this package raises on purpose.

A message says what happened, the value, and the way out. The tree, with the exit code of the
command line in brackets::

    CutawayError                  [2]
    +-- ConfigError               [2]  a field or an option has an impossible value
    +-- ContextLengthError        [2]  more tokens than the model has positions
    +-- TokenizerError            [2]  text or ids the vocabulary cannot take
    +-- DataError                 [2]  a corpus that cannot be read or is too small
    +-- TrainingDiverged          [2]  a loss or gradient that is not finite
    +-- MissingExtra              [2]  an optional dependency is not installed
    +-- CheckpointError           [4]
    |   +-- CheckpointNotFound    [3]  no such model, directory or file
    |   +-- MissingWeights        [3]  a directory without the tensors
    |   +-- KeyMismatch           [4]  tensors that do not fit the configuration
    |   +-- CorruptCheckpoint     [4]  truncated, inconsistent or not finite
    |   +-- UnsafeCheckpoint      [4]  would have to run code, or leaves its directory
    +-- ResourceError             [5]  too little memory or disk
    +-- Interrupted               [6]  stopped by the user, state saved
"""

__all__ = [
    "CheckpointError",
    "CheckpointNotFound",
    "ConfigError",
    "ContextLengthError",
    "CorruptCheckpoint",
    "CutawayError",
    "DataError",
    "Interrupted",
    "KeyMismatch",
    "MissingExtra",
    "MissingWeights",
    "ResourceError",
    "TokenizerError",
    "TrainingDiverged",
    "UnsafeCheckpoint",
    "nearest",
]

from collections.abc import Iterable
from difflib import get_close_matches


class CutawayError(Exception):
    """Base of all errors of this package.

    Args:
        what: what happened, with the value, in one line.
        hint: what to do about it, in one line.
    """

    exit_code = 2

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(f"{what}\n{hint}" if hint else what)
        self.what = what
        self.hint = hint


class ConfigError(CutawayError, ValueError):
    """A field, an option or a recipe key has an impossible value."""


class ContextLengthError(CutawayError, ValueError):
    """More tokens than the model has positions."""


class TokenizerError(CutawayError, ValueError):
    """Text, bytes or ids that the vocabulary cannot take, or a vocabulary that is damaged."""


class DataError(CutawayError, ValueError):
    """A corpus that cannot be read, is too small or has changed."""


class TrainingDiverged(CutawayError, ArithmeticError):
    """A loss or a gradient is not finite; nothing was updated."""


class MissingExtra(CutawayError, ImportError):
    """An optional dependency is not installed."""


class CheckpointError(CutawayError):
    """A checkpoint cannot be read or written."""

    exit_code = 4


class CheckpointNotFound(CheckpointError, FileNotFoundError):
    """No such model name, directory or file."""

    exit_code = 3


class MissingWeights(CheckpointError):
    """A model directory that lacks its tensors or some of them."""

    exit_code = 3


class KeyMismatch(CheckpointError):
    """Tensor names or shapes do not fit the configuration."""


class CorruptCheckpoint(CheckpointError):
    """A file is truncated, contradicts itself or holds values that are not finite."""


class UnsafeCheckpoint(CheckpointError):
    """Reading this file would run code from it or leave its directory."""


class ResourceError(CutawayError):
    """Too little memory or disk for what was asked."""

    exit_code = 5


class Interrupted(CutawayError):
    """The user stopped the work; what was done so far is saved."""

    exit_code = 6


def nearest(name: str, known: Iterable[str]) -> str:
    """The hint for an unknown name: the nearest known one, or the list of all.

    >>> nearest("n_layers", ["n_layer", "n_head"])
    "Did you mean 'n_layer'?"
    >>> nearest("colour", ["n_layer", "n_head"])
    'Known: n_head, n_layer.'
    """
    names = sorted(known)
    close = get_close_matches(name, names, n=1)
    return f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(names)}."
