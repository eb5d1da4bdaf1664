"""The engine's library: where it is, and how it is made. See :mod:`cutaway.compiling`."""

from pathlib import Path

from cutaway.compiling import LEVELS, Library

__all__ = ["LEVELS", "LIBRARY", "build", "library_path"]

LIBRARY = Library(
    name="engine",
    source=Path(__file__).parent / "native" / "api.cpp",
    title="The engine",
    without="the readable model runs without it, slower",
)


def library_path(level: str = "native") -> Path:
    """Where the library for this machine is kept, built or not.

    Raises:
        EngineUnavailable: if there is no compiler.
    """
    return LIBRARY.path(level)


def build(level: str = "native") -> Path:
    """The library for this machine, compiled now if it is not there yet (some ten seconds).

    Raises:
        EngineUnavailable: if there is no compiler, or it fails; with its first complaint.
    """
    return LIBRARY.build(level)
