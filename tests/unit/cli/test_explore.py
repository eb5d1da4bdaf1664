"""``cutaway explore``: what keeps it from serving is said in two lines, before anything loads."""

import socket
import sys
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra [explore] is not installed")

import cutaway.server
from cutaway.cli import explore
from cutaway.errors import ConfigError, MissingExtra


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "index.html").write_text("<!doctype html>")
    monkeypatch.setattr(cutaway.server, "STATIC", tmp_path)
    return tmp_path


def never(name: str) -> None:
    raise AssertionError(f"loads {name}")


def test_a_port_that_somebody_has(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explore, "open_model", never)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"Port {port} cannot be used") as caught:
            explore.explore(port=port)
    assert "--port" in caught.value.hint


def test_the_port_is_held_from_the_start() -> None:
    with explore._listen(0) as first:
        host, port = first.getsockname()
        assert host == "127.0.0.1"
        with pytest.raises(ConfigError, match="cannot be used"):
            explore._listen(port)


def test_a_page_that_is_not_built(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (page / "index.html").unlink()
    monkeypatch.setattr(explore, "open_model", never)
    with pytest.raises(ConfigError, match="not built") as caught:
        explore.explore(port=0)
    assert "make explore" in caught.value.hint


def test_the_extra_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(MissingExtra, match="uvicorn") as caught:
        explore.explore(port=0)
    assert "cutaway[explore]" in caught.value.hint
