"""A wheel carries the built page and the notebook's widget, or is not made."""

import importlib.util
import os
import shutil
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from processes import environment

pytest.importorskip("hatchling", reason="hatchling is not installed")

REPO = Path(__file__).parents[2]
STATIC = Path("src/cutaway/server/static")
PARTS = {
    "index.html": '<script src="./assets/a.js"></script>',
    "assets/a.js": "a",
    "notebook/loader.js": "b",
    "notebook/widget.js": "c",
    "notebook/views.json": "[]",
}


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", REPO / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in PARTS.items():
        path = tmp_path / STATIC / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def packed(hook: ModuleType, root: Path, *, version: str = "standard") -> list[str]:
    """What the hook adds to a wheel."""
    data: dict[str, Any] = {"artifacts": []}
    made = hook.PageHook(str(root), {}, None, None, str(root), "wheel")
    made.initialize(version, data)
    return data["artifacts"]


def test_a_whole_page_is_packed(hook: ModuleType, tree: Path) -> None:
    assert packed(hook, tree) == ["/src/cutaway/server/static/**"]


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("is_empty", [True, False])
def test_a_page_that_is_not_whole_is_refused(
    hook: ModuleType, tree: Path, name: str, is_empty: bool
) -> None:
    path = tree / STATIC / name
    path.write_text("") if is_empty else path.unlink()
    with pytest.raises(RuntimeError, match="missing or empty") as caught:
        packed(hook, tree)
    assert name in str(caught.value)
    assert "web/with-node npm run build" in str(caught.value)
    assert packed(hook, tree, version="editable") == []


def with_sources(tree: Path, script: str) -> None:
    """A folder web/ that was changed after the page was built, and what stands for its Node."""
    (tree / "web" / "src").mkdir(parents=True)
    (tree / "web" / "src" / "main.ts").write_text("new")
    for path in (tree / STATIC).rglob("*"):
        os.utime(path, (1, 1))
    node = tree / "web" / "with-node"
    node.write_text(f"#!/bin/sh\n{script}\n")
    node.chmod(0o755)


def test_a_stale_page_is_built_again_where_there_is_a_node(
    hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook.shutil, "which", lambda _: "npm")
    built = tree / STATIC / "notebook" / "widget.js"
    with_sources(tree, f'echo "$@" >> {tree}/said; touch {built}')
    assert packed(hook, tree)
    said = (tree / "said").read_text().splitlines()
    assert [line.split()[:2] for line in said] == [["npm", "ci"], ["npm", "run"]]


def test_a_build_that_fails_says_why(
    hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook.shutil, "which", lambda _: "npm")
    with_sources(tree, "echo no such luck; exit 1")
    with pytest.raises(RuntimeError, match=r"(?s)older than its sources.*no such luck"):
        packed(hook, tree)


def test_a_stale_page_is_refused_where_there_is_no_node(
    hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook.shutil, "which", lambda _: None)
    with_sources(tree, "exit 1")
    with pytest.raises(RuntimeError, match="older than its sources"):
        packed(hook, tree)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment in which cutaway comes from a wheel, all else from this one."""
    if not (REPO / STATIC / "index.html").is_file():
        pytest.skip("the page is not built: make test builds it")
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", ".gitignore"):
        tree.mkdir(exist_ok=True)
        shutil.copy(REPO / name, tree / name)
    shutil.copytree(REPO / "src", tree / "src", ignore=shutil.ignore_patterns("__pycache__"))
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(build, cwd=tree, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    shutil.rmtree(tree)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    [site] = (folder / "venv" / "lib").glob("python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    others = [path for path in sys.path if path.endswith("-packages")]
    (site / "others.pth").write_text("\n".join(others))
    return folder / "venv" / "bin" / "python"


def test_a_wheel_serves_the_page_and_the_widget(python: Path) -> None:
    def read(address: str) -> bytes:
        with urllib.request.urlopen(address, timeout=60) as answer:
            return answer.read()

    command = [python, "-m", "cutaway", "explore", "--port", "0", "--no-browser"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env=environment(), cwd=python.parent, text=True
    ) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            page = read(url)
            assert page == (REPO / STATIC / "index.html").read_bytes()
            [script] = (REPO / STATIC / "assets").glob("*.js")
            assert read(f"{url}assets/{script.name}") == script.read_bytes()
            widget = REPO / STATIC / "notebook" / "widget.js"
            assert read(f"{url}notebook/widget.js") == widget.read_bytes()
        finally:
            server.terminate()
