"""Puts the built page into wheels and sdists, and refuses to make one without it.

An editable install needs no page. Where the page is missing, or older than what it is made of, and
there is a Node, it is built first; an sdist brings the page along, so that installing needs none.
"""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STATIC = Path("src/cutaway/server/static")
COMMANDS = (("npm", "ci", "--no-audit", "--no-fund"), ("npm", "run", "build"))
_FILES = ("index.html", "notebook/loader.js", "notebook/widget.js", "notebook/views.json")
_SOURCES = ("src", "public", "index.html", "package-lock.json")


class PageHook(BuildHookInterface):  # type: ignore[type-arg]
    """Looks at the page before anything is packed."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds the page to what is packed, though git ignores it.

        Raises:
            RuntimeError: if there is no page and none can be built.
        """
        if version == "editable":
            return
        root = Path(self.root)
        wrong = fault(root)
        why = ""
        if wrong and has_node(root):
            self.app.display_info(f"{wrong} Building it ...")
            why = build(root)
            wrong = fault(root)
        if wrong:
            commands = " && ".join("web/with-node " + " ".join(words) for words in COMMANDS)
            raise RuntimeError(f"{wrong} {why}\nBuild it with: {commands}")
        build_data["artifacts"].append(f"/{STATIC.as_posix()}/**")


def fault(root: Path) -> str:
    """What is wrong with the page, in a sentence; nothing where it is whole and fresh."""
    static = root / STATIC
    index = static / "index.html"
    text = index.read_text(encoding="utf-8") if index.is_file() else ""
    named = re.findall(r'(?:src|href)="\./(assets/[^"]+)"', text)
    for name in [*_FILES, *named]:
        if not (static / name).is_file() or (static / name).stat().st_size == 0:
            return f"The explorer's page is not whole: {STATIC / name} is missing or empty."
    if not named:
        return f"The explorer's page is not whole: {STATIC / 'index.html'} names no script."
    newest = max((p.stat().st_mtime for p in sources(root)), default=0.0)
    if newest > (static / "notebook" / "widget.js").stat().st_mtime:
        return "The explorer's page is older than its sources in web/."
    return ""


def sources(root: Path) -> list[Path]:
    """The files that the page is made of, where they are."""
    web = root / "web"
    found = [p for name in _SOURCES for p in (web / name, *(web / name).rglob("*"))]
    return [p for p in (*found, *web.glob("vite*.ts")) if p.is_file()]


def has_node(root: Path) -> bool:
    """Whether the page can be built here."""
    in_tree = (root / ".venv" / "bin" / "npm").exists()
    return (root / "web" / "with-node").is_file() and (in_tree or shutil.which("npm") is not None)


def build(root: Path) -> str:
    """Builds the page; gives the end of what was said where that fails."""
    for words in COMMANDS:
        done = subprocess.run(
            [root / "web" / "with-node", *words], capture_output=True, text=True, check=False
        )
        if done.returncode:
            return f"{' '.join(words)} failed: {(done.stdout + done.stderr)[-800:]}"
    return ""
