"""The pages say what the code does: generated ones are fresh, Python blocks run, links lead."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

REPO = Path(__file__).parents[2]
PAGES = [*sorted(REPO.glob("README*.md")), *sorted((REPO / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)|src=\"([^\"]+)\"")
HAS_MODEL = (REPO / "src" / "cutaway" / "assets" / "pocket").exists()

MADE = [
    "taps.md",
    "cli.md",
    "errors.md",
    "parameters.md",
    "cluster.md",
    "recipe.md",
    "../web/openapi.json",
]


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", REPO / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", MADE)
def test_generated_pages_are_fresh(
    generate: ModuleType, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    assert list(generate.PAGES) == MADE
    page = (REPO / "docs" / name).read_text(encoding="utf-8")
    assert generate.page(name) == page, "run python -m docs.generate"


def blocks() -> list[Any]:
    found = []
    for path in PAGES:
        page = path.relative_to(REPO).as_posix()
        for number, code in enumerate(BLOCK.findall(path.read_text(encoding="utf-8")), start=1):
            needs_model = "cutaway.load(" in code
            marks = [
                pytest.mark.weights,
                pytest.mark.skipif(not HAS_MODEL, reason="no bundled model"),
            ]
            found.append(
                pytest.param(code, id=f"{page}-{number}", marks=marks if needs_model else [])
            )
    return found


@pytest.mark.parametrize("code", blocks())
def test_python_blocks_run(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "block", "exec"), {"__name__": "block"})


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(REPO).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    for match in LINK.finditer(path.read_text(encoding="utf-8")):
        target = match[1] or match[2]
        if not re.match(r"[a-z]+:", target):
            assert (path.parent / target).exists(), target


def test_every_view_of_the_explorer_has_its_row() -> None:
    page = (REPO / "docs" / "explorer.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| (\d\.\d) \| ([^|]+) \|", page, re.MULTILINE))
    views = set()
    for folder in (REPO / "web" / "src" / "views").glob("*/"):
        [section] = re.findall(r"section: '(.+)'", (folder / "index.ts").read_text("utf-8"))
        [name] = re.findall(r"^  name: '(.+)'", (folder / "en.ts").read_text("utf-8"), re.MULTILINE)
        views.add((section, name))
    assert rows == views
