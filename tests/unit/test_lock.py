"""One process at a time in a directory, where locks work and where they do not."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cutaway import lock as lock_module
from cutaway.errors import ResourceError
from cutaway.lock import alone
from forks import Forks, forks

ELSEWHERE = {"token": "abc", "host": "00000000", "name": "another", "process": 7}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_module, "BEAT", 0.02)
    monkeypatch.setattr(lock_module, "WATCH", 0.4)


@pytest.fixture(scope="module")
def server() -> Iterator[Forks]:
    with forks("cutaway.lock", "test_lock") as started:
        yield started


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without locks."""
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)


def note(folder: Path) -> dict[str, object]:
    return json.loads((folder / ".lock").read_bytes() or b"{}")


def hold(folder: str) -> None:
    """In a process of its own, which is killed meanwhile."""
    with alone(Path(folder), "at work in"):
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_second_one_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    with alone(tmp_path, "at work in") as first:
        first.check()
        with (
            pytest.raises(ResourceError, match=f"at work in {tmp_path}: process {os.getpid()} on"),
            alone(tmp_path, "at work in"),
        ):
            pass
        first.check()
    assert note(tmp_path) == {}
    with alone(tmp_path, "at work in"):
        pass
    assert "lock" not in {thread.name for thread in threading.enumerate()}


def test_it_ends_with_its_process(
    tmp_path: Path, server: Forks, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server.run("test_lock:hold", str(tmp_path)) == -signal.SIGKILL
    assert note(tmp_path)["process"] != os.getpid()
    monkeypatch.setattr(lock_module, "_is_touched", lambda *_: pytest.fail("nothing to watch"))
    with alone(tmp_path, "at work in"):
        assert note(tmp_path)["process"] == os.getpid()


@pytest.mark.usefixtures("no_locks")
def test_without_locks_a_holder_that_is_alive_is_seen(tmp_path: Path) -> None:
    with (
        alone(tmp_path, "at work in"),
        pytest.raises(ResourceError, match="at work in"),
        alone(tmp_path, "at work in"),
    ):
        pass
    with alone(tmp_path, "at work in"):
        pass


def test_one_of_another_machine_is_watched(tmp_path: Path) -> None:
    """The lock is granted, as a network file system may do to both."""
    path = tmp_path / ".lock"
    path.write_text(json.dumps(ELSEWHERE))
    over = threading.Event()

    def touch() -> None:
        while not over.wait(0.02):
            os.utime(path)

    toucher = threading.Thread(target=touch)
    toucher.start()
    try:
        with (
            pytest.raises(ResourceError, match="process 7 on 'another'"),
            alone(tmp_path, "at work in"),
        ):
            pass
    finally:
        over.set()
        toucher.join()
    with alone(tmp_path, "at work in"):  # it is gone
        assert note(tmp_path)["process"] == os.getpid()


def test_one_that_stood_still_sees_that_it_was_replaced(tmp_path: Path) -> None:
    with alone(tmp_path, "at work in") as lock:
        (tmp_path / ".lock").write_text(json.dumps(ELSEWHERE))
        with pytest.raises(ResourceError, match="taken over by process 7 on 'another'"):
            lock.check()
    assert note(tmp_path) == ELSEWHERE  # not its own to empty


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff", b'{"host": 3}'])
def test_a_note_that_is_none_is_no_obstacle(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".lock").write_bytes(content)
    with alone(tmp_path, "at work in") as lock:
        lock.check()


def test_a_file_removed_by_the_last_holder_is_made_anew(tmp_path: Path) -> None:
    with alone(tmp_path, "at work in"):
        (tmp_path / ".lock").unlink()
    with (
        alone(tmp_path, "at work in"),
        pytest.raises(ResourceError),
        alone(tmp_path, "at work in"),
    ):
        pass


def test_where_nothing_can_be_written_it_says_so(tmp_path: Path) -> None:
    with (
        pytest.raises(ResourceError, match=r"\.lock cannot be opened"),
        alone(tmp_path / "absent", "at work in"),
    ):
        pass
