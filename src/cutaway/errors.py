"""Every error that this package raises on purpose.

A message says what happened, the value, and the way out. The tree, with the exit code of the
command line in brackets::

    CutawayError                  [2]
    +-- ConfigError               [2]  a field or an option has an impossible value
    |   +-- OutOfRange            [2]  a number that is too small or too large
    |   +-- UnknownName           [2]  nothing is called so
    +-- ContextLengthError        [2]  more tokens than the model has positions
    +-- TokenizerError            [2]  text or ids the vocabulary cannot take
    |   +-- NoTokenizer           [2]  a model that came without one
    +-- DataError                 [2]  a corpus that cannot be read or is too small
    |   +-- CorruptShard          [4]  prepared tokens that are not what was written
    +-- TrainingDiverged          [2]  a loss or gradient that is not finite
    +-- MissingExtra              [2]  an optional dependency is not installed
    +-- EngineUnavailable         [2]  the fast engine cannot be built on this machine
    +-- CheckpointError           [4]
    |   +-- CheckpointNotFound    [3]  no such model, directory or file
    |   +-- MissingWeights        [3]  a directory without the tensors
    |   +-- KeyMismatch           [4]  tensors that do not fit the configuration
    |   +-- CorruptCheckpoint     [4]  truncated, inconsistent or not finite
    |   +-- UnsafeCheckpoint      [4]  would have to run code, or leaves its directory
    +-- ResourceError             [5]  too little memory or disk
    +-- ProcessesLost             [5]  a process of a run was lost again and again
    +-- Interrupted               [6]  stopped by the user, state saved
"""

__all__ = [
    "CheckpointError",
    "CheckpointNotFound",
    "ConfigError",
    "ContextLengthError",
    "CorruptCheckpoint",
    "CorruptShard",
    "CutawayError",
    "DataError",
    "EngineUnavailable",
    "Interrupted",
    "KeyMismatch",
    "MissingExtra",
    "MissingWeights",
    "NoTokenizer",
    "OutOfRange",
    "ProcessesLost",
    "ResourceError",
    "TokenizerError",
    "TrainingDiverged",
    "UnknownName",
    "UnsafeCheckpoint",
    "nearest",
    "unknown",
]

from collections.abc import Iterable
from difflib import get_close_matches


class CutawayError(Exception):
    """Base of all errors of this package.

    Args:
        what: what happened, with the value, in one line.
        hint: what to do about it, in one line.
        **values: what the two lines speak of, by name: for whoever says it in other words.
    """

    exit_code = 2

    def __init__(self, what: str, hint: str = "", **values: str | float) -> None:
        super().__init__(f"{what}\n{hint}" if hint else what)
        self.what = what
        self.hint = hint
        self.values = values


class ConfigError(CutawayError, ValueError):
    """A field, an option or a recipe key has an impossible value."""


class OutOfRange(ConfigError):
    """A number is smaller or larger than it may be."""


class UnknownName(ConfigError):
    """Nothing is called so."""


class ContextLengthError(CutawayError, ValueError):
    """More tokens than the model has positions."""


class TokenizerError(CutawayError, ValueError):
    """Text, bytes or ids that the vocabulary cannot take, or a vocabulary that is damaged."""


class NoTokenizer(TokenizerError):
    """Text for a model that came without a tokenizer."""


class DataError(CutawayError, ValueError):
    """A corpus that cannot be read, is too small or has changed."""


class CorruptShard(DataError):
    """A file of prepared tokens is damaged, or its manifest is."""

    exit_code = 4


class TrainingDiverged(CutawayError, ArithmeticError):
    """A loss or a gradient is not finite; nothing was updated."""


class MissingExtra(CutawayError, ImportError):
    """An optional dependency is not installed."""


class EngineUnavailable(CutawayError):
    """The engine's library cannot be compiled or loaded here; the readable model always runs."""


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


class ProcessesLost(CutawayError):
    """A process of several that train together was lost more often than they are started again."""

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
    return _hint(*_closest(name, known))


def unknown(what: str, name: str, known: Iterable[str]) -> UnknownName:
    """The error for an unknown name, with the hint of :func:`nearest`.

    >>> unknown("site", "h.0.atn", ["h.0.attn_out", "ln_f"]).hint
    "Did you mean 'h.0.attn_out'?"
    """
    close, names = _closest(name, known)
    error = f"No {what} is called {name!r}."
    return UnknownName(error, _hint(close, names), name=name, known=", ".join(close or names))


def _closest(name: str, known: Iterable[str]) -> tuple[list[str], list[str]]:
    """The nearest known name, if one is near, and all of them."""
    names = sorted(known)
    return get_close_matches(name, names, n=1), names


def _hint(close: list[str], names: list[str]) -> str:
    return f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(names)}."
