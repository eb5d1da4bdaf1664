"""The library is compiled once, whole or not at all, and a broken one is made again."""

from pathlib import Path

import pytest

from cutaway import compiling
from cutaway.engine import native
from cutaway.engine.compiling import build, library_path
from cutaway.errors import EngineUnavailable
from unit.engine.conftest import WRITES, a_compiler

pytestmark = pytest.mark.usefixtures("own_cache")


def test_it_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = tmp_path / "count"
    monkeypatch.setenv("CXX", a_compiler(tmp_path, f"echo x >> {count}\n{WRITES}"))
    path = build()
    assert path == library_path() == build()
    assert count.read_text() == "x\n"
    assert "-march=native" in path.read_text()
    assert build("any") != path


def test_another_compiler_is_another_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", a_compiler(tmp_path, WRITES))
    first = build()
    Path(a_compiler(tmp_path, WRITES)).write_text("#!/bin/sh\necho two 2.0\n")
    compiling._key.cache_clear()
    assert library_path() != first


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'api.cpp:1: error: bad' >&2; exit 1", "api.cpp:1: error: bad"),
        (f"{WRITES}; kill -9 $$", "failed"),
        ("exit 0", "it said nothing"),
    ],
)
def test_a_compiler_that_fails_or_is_killed_leaves_no_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    monkeypatch.setenv("CXX", a_compiler(tmp_path, script))
    with pytest.raises(EngineUnavailable, match=reason):
        build()
    assert list(library_path().parent.iterdir()) == []


def test_without_a_compiler_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineUnavailable, match=r"no C\+\+ compiler") as caught:
        build()
    assert "Install g++" in caught.value.hint


def test_a_library_that_does_not_load_is_built_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []

    def open_library(path: str, signatures: object) -> object:
        opened.append(Path(path).read_text())
        if "broken" in opened[-1]:
            raise OSError("file too short")
        return object()

    monkeypatch.setenv("CXX", a_compiler(tmp_path, WRITES))
    monkeypatch.setattr(compiling, "_open", open_library)
    build().write_text("broken")
    native.library.__wrapped__("native")
    assert opened[0] == "broken"
    assert "-march=native" in opened[1]


def test_one_that_never_loads_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", a_compiler(tmp_path, WRITES))
    with pytest.raises(EngineUnavailable, match="does not load"):
        native.library.__wrapped__("native")


def test_what_killed_compilers_left_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    monkeypatch.setenv("CXX", a_compiler(tmp_path, WRITES))
    folder = library_path().parent
    folder.mkdir(parents=True)
    old, new = folder / ".a.tmp", folder / ".b.tmp"
    for part in (old, new):
        part.write_text("half")
    os.utime(old, (0, 0))
    build()
    assert not old.exists()
    assert new.exists()
