"""A file that needs a search box is two files; a function that needs scrolling is two, too."""

import ast
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
PACKAGE = REPO / "src" / "cutaway"
MAX_FILE, MAX_INIT, MAX_FUNCTION, MAX_FIELDS = 500, 60, 40, 15
# Data, not code.
TABLES = {"models/presets.py"}
SOURCES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_files_are_short(path: Path) -> None:
    limit = MAX_INIT if path.name == "__init__.py" else MAX_FILE
    n_lines = len(path.read_text(encoding="utf-8").splitlines())
    assert n_lines <= limit or name_of(path) in TABLES


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_functions_are_short(path: Path) -> None:
    """Counted from the first statement behind the docstring to the last line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            if body:
                n_lines = (node.end_lineno or 0) - body[0].lineno + 1
                assert n_lines <= MAX_FUNCTION, f"{node.name}: {n_lines} lines"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_configurations_have_few_fields(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef) and node.name.endswith("Config"):
            fields = [item for item in node.body if isinstance(item, ast.AnnAssign)]
            assert len(fields) <= MAX_FIELDS, f"{node.name}: {len(fields)} fields"


def test_no_module_is_a_drawer_for_odds_and_ends() -> None:
    drawers = {"utils", "util", "helpers", "common", "misc", "base", "core"}
    assert not [name_of(path) for path in SOURCES if path.stem in drawers]
