"""Compiling the engine's library on the machine that runs it, once, into the user's cache.

The library's name is a hash of all that decides its bytes: the sources, the compiler and its
flags, and the processor. A half-written library never has that name: the compiler writes beside
it, and the file is renamed when it is whole. One that does not load is thrown away and built again.
"""

import hashlib
import os
import platform
import secrets
import shutil
import subprocess
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from cutaway.errors import EngineUnavailable
from cutaway.files import cache_directory
from cutaway.processor import processor_flags

__all__ = ["LEVELS", "build", "library_path"]

_SOURCES = Path(__file__).parent / "native"
_FLAGS = ("-std=c++20", "-O3", "-fPIC", "-shared", "-pthread", "-w")
_SECONDS = 300
# What of the processor to use; the default is all of it. The others are for tests and comparisons.
LEVELS = {"native": ("-march=native",), "avx2": ("-march=x86-64-v3",), "any": ()}


def library_path(level: str = "native") -> Path:
    """Where the library for this machine is kept, built or not.

    Raises:
        EngineUnavailable: if there is no compiler.
    """
    return cache_directory() / "engine" / f"{_key(level)}.so"


def build(level: str = "native") -> Path:
    """The library for this machine, compiled now if it is not there yet (some ten seconds).

    Raises:
        EngineUnavailable: if there is no compiler, or it fails; with its first complaint.
    """
    path = library_path(level)
    if path.exists():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent)
        _compile(path, level)
    except OSError as error:
        raise _unavailable(f"the library cannot be written to {path.parent}: {error}") from error
    return path


def _compiler() -> str:
    """The C++ compiler: ``$CXX``, or the first of g++ and clang++.

    Raises:
        EngineUnavailable: if there is none.
    """
    for name in (os.environ.get("CXX"), "g++", "clang++"):
        found = shutil.which(name) if name else None
        if found:
            return found
    raise _unavailable("there is no C++ compiler (g++ or clang++)")


def _compile(path: Path, level: str) -> None:
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.tmp")
    command = [
        _compiler(),
        *_FLAGS,
        *LEVELS[level],
        str(_SOURCES / "api.cpp"),
        "-o",
        str(temporary),
    ]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        if run.returncode != 0 or not temporary.exists():
            complaints = (run.stderr or "it said nothing").strip().splitlines()
            errors = [line for line in complaints if "error" in line] or complaints
            raise _unavailable(f"{command[0]} failed: {errors[0][:200]}")
        temporary.replace(path)
    except subprocess.TimeoutExpired as error:
        raise _unavailable(f"{command[0]} took more than {_SECONDS} seconds") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _sweep(folder: Path) -> None:
    """Removes what compilers left behind that were killed: parts older than an hour."""
    for part in folder.glob(".*.tmp"):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime > 3600:
                part.unlink()


@lru_cache(maxsize=8)
def _key(level: str) -> str:
    found = _compiler()
    version = subprocess.run(
        [found, "--version"], capture_output=True, text=True, check=False
    ).stdout
    processor = processor_flags() or platform.processor()
    facts = [version.partition("\n")[0], platform.machine(), processor, *_FLAGS, *LEVELS[level]]
    digest = hashlib.sha256("\n".join(facts).encode())
    for source in sorted(_SOURCES.iterdir()):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()[:24]


def _unavailable(reason: str) -> EngineUnavailable:
    return EngineUnavailable(
        f"The engine cannot be built: {reason}.",
        "Install g++ for the fast engine; the readable model runs without it, slower.",
        reason=reason,
    )
