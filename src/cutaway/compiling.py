"""Compiling C++ on the machine that runs it, once, into the user's cache.

A library's name is a hash of all that decides its bytes: the sources, the compiler and its
flags, and the processor. A half-written library never has that name: the compiler writes beside
it, and the file is renamed when it is whole. One that does not load is thrown away and built again.
"""

import ctypes
import hashlib
import os
import platform
import secrets
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cutaway.errors import EngineUnavailable
from cutaway.files import cache_directory
from cutaway.processor import processor_flags

__all__ = ["LEVELS", "Library"]

_FLAGS = ("-std=c++20", "-O3", "-fPIC", "-shared", "-pthread", "-w")
_SECONDS = 300
# What of the processor to use; the default is all of it. The others are for tests and comparisons.
LEVELS = {"native": ("-march=native",), "avx2": ("-march=x86-64-v3",), "any": ()}

Signatures = Mapping[str, tuple[Any, Sequence[Any]]]
"""Of the functions of a library: the type of the result, and those of the arguments."""


@dataclass(frozen=True, slots=True)
class Library:
    """A library of C functions, of one source file and what lies beside it.

    Attributes:
        name: of its folder in the cache.
        source: what is compiled; all files of its folder decide the library's name.
        title: what it is called in errors.
        without: what still works when it cannot be built.
        flags: of the compiler, beside the usual ones.
    """

    name: str
    source: Path
    title: str
    without: str
    flags: tuple[str, ...] = ()

    def path(self, level: str = "native") -> Path:
        """Where the library for this machine is kept, built or not.

        Raises:
            EngineUnavailable: if there is no compiler.
        """
        found = self._compiler()
        return cache_directory() / self.name / f"{_key(found, self.source, self._all(level))}.so"

    def build(self, level: str = "native") -> Path:
        """The library for this machine, compiled now if it is not there yet (some ten seconds).

        Raises:
            EngineUnavailable: if there is no compiler, or it fails; with its first complaint.
        """
        path = self.path(level)
        if path.exists():
            return path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _sweep(path.parent)
            self._compile(path, level)
        except OSError as error:
            reason = f"the library cannot be written to {path.parent}: {error}"
            raise self._unavailable(reason) from error
        return path

    def load(self, signatures: Signatures, level: str = "native") -> ctypes.CDLL:
        """The compiled library; one that does not load is built again.

        Raises:
            EngineUnavailable: if it cannot be built, or does not load even when it is new.
        """
        path = self.build(level)
        try:
            return _open(str(path), signatures)
        except (OSError, AttributeError):
            with suppress(OSError):
                path.unlink()
        path = self.build(level)
        try:
            return _open(str(path), signatures)
        except (OSError, AttributeError) as error:
            raise EngineUnavailable(
                f"{self.title}'s library {path} does not load: {error}.",
                f"Remove it; {self.without}.",
                reason=str(error),
            ) from error

    def _all(self, level: str) -> tuple[str, ...]:
        return (*_FLAGS, *LEVELS[level], *self.flags)

    def _compiler(self) -> str:
        """The C++ compiler: ``$CXX``, or the first of g++ and clang++.

        Raises:
            EngineUnavailable: if there is none.
        """
        for name in (os.environ.get("CXX"), "g++", "clang++"):
            found = shutil.which(name) if name else None
            if found:
                return found
        raise self._unavailable("there is no C++ compiler (g++ or clang++)")

    def _compile(self, path: Path, level: str) -> None:
        temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.tmp")
        compiler = self._compiler()
        command = [compiler, *self._all(level), str(self.source), "-o", str(temporary)]
        try:
            run = subprocess.run(
                command, capture_output=True, text=True, timeout=_SECONDS, check=False
            )
            if run.returncode != 0 or not temporary.exists():
                complaints = (run.stderr or "it said nothing").strip().splitlines()
                errors = [line for line in complaints if "error" in line] or complaints
                raise self._unavailable(f"{compiler} failed: {errors[0][:200]}")
            temporary.replace(path)
        except subprocess.TimeoutExpired as error:
            raise self._unavailable(f"{compiler} took more than {_SECONDS} seconds") from error
        finally:
            with suppress(OSError):
                temporary.unlink()

    def _unavailable(self, reason: str) -> EngineUnavailable:
        return EngineUnavailable(
            f"{self.title} cannot be built: {reason}.",
            f"Install g++ for it; {self.without}.",
            reason=reason,
        )


def _open(path: str, signatures: Signatures) -> ctypes.CDLL:
    loaded = ctypes.CDLL(path)
    for name, (result, arguments) in signatures.items():
        function = getattr(loaded, name)
        function.restype, function.argtypes = result, arguments
    return loaded


def _sweep(folder: Path) -> None:
    """Removes what compilers left behind that were killed: parts older than an hour."""
    for part in folder.glob(".*.tmp"):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime > 3600:
                part.unlink()


@lru_cache(maxsize=16)
def _key(compiler: str, source: Path, flags: tuple[str, ...]) -> str:
    version = subprocess.run(
        [compiler, "--version"], capture_output=True, text=True, check=False
    ).stdout
    processor = processor_flags() or platform.processor()
    facts = [version.partition("\n")[0], platform.machine(), processor, *flags]
    digest = hashlib.sha256("\n".join(facts).encode())
    for part in sorted(source.parent.iterdir()):
        digest.update(part.name.encode() + b"\0" + part.read_bytes())
    return digest.hexdigest()[:24]
