"""The library is compiled aside, once, and what goes wrong there is told later."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cutaway.engine import background
from cutaway.engine.background import is_ready, main, start
from cutaway.engine.compiling import library_path
from cutaway.errors import EngineUnavailable
from unit.engine.conftest import WRITES, a_compiler

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    started: list[list[str]] = []
    monkeypatch.setattr(background, "_spawn", started.append)
    return started


def compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setenv("CXX", a_compiler(tmp_path, script))


def test_a_process_of_its_own_compiles_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler(tmp_path, monkeypatch, WRITES)
    spawned, spawn = list[int](), background._spawn
    monkeypatch.setattr(background, "_spawn", lambda command: spawned.append(spawn(command)))
    assert not is_ready()
    start()
    _, status = os.waitpid(spawned.pop(), 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert is_ready()


def test_it_is_started_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, commands: list[list[str]]
) -> None:
    compiler(tmp_path, monkeypatch, WRITES)
    start()
    start()
    assert commands == [[sys.executable, "-m", "cutaway.engine.background"]]
    marker = library_path().with_suffix(".building")
    os.utime(marker, (0, 0))  # left by one that was killed
    start()
    assert len(commands) == 2
    main()
    assert is_ready()
    assert [path.suffix for path in marker.parent.iterdir()] == [".so"]


def test_a_failure_is_told_and_not_tried_at_once_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, commands: list[list[str]]
) -> None:
    compiler(tmp_path, monkeypatch, "echo 'api.cpp:1: error: bad' >&2; exit 1")
    start()
    main()
    with pytest.raises(EngineUnavailable, match="error: bad"):
        start()
    failed = library_path().with_suffix(".failed")
    os.utime(failed, (0, 0))
    start()
    assert len(commands) == 2
    compiler(tmp_path, monkeypatch, WRITES)
    main()
    assert is_ready()
    assert not failed.exists()


def test_a_folder_that_cannot_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler(tmp_path, monkeypatch, WRITES)
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(EngineUnavailable, match="cannot be built") as told:
        start()
    assert "XDG_CACHE_HOME" in told.value.hint


def test_torch_is_not_imported_for_it() -> None:
    program = "import sys, cutaway.engine.background; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
