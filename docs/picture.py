"""Draws docs/images/terminal.svg from a real run: ``python -m docs.picture [ARGUMENTS]``.

Arguments are those of the command to show; by default the first minutes, ``cutaway demo``.
"""

import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

WIDTH = 84
PICTURE = Path(__file__).parent / "images" / "terminal.svg"


def draw(arguments: list[str]) -> str:
    """The SVG of a terminal in which ``cutaway ARGUMENTS`` has run."""
    # Its own name, not the path of this environment, is what the suggestions begin with.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        [sys.executable, "-m", "cutaway", *arguments],
        stdout=subprocess.PIPE,
        env=os.environ | {"FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "PATH": path},
        check=True,
    )
    console = Console(record=True, width=WIDTH, file=StringIO(), color_system="truecolor")
    console.print(Text("$ ", style="green") + Text(" ".join(["cutaway", *arguments])))
    console.print(Text.from_ansi(done.stdout.decode()), soft_wrap=True)
    svg = console.export_svg(title="cutaway", theme=MONOKAI, unique_id="terminal")
    # A picture fetches nothing: the fonts of the reader's machine are good enough.
    return re.sub(r"@font-face \{.*?\}\n?", "", svg, flags=re.DOTALL)


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(draw(sys.argv[1:] or ["demo"]), encoding="utf-8")
    print(PICTURE.relative_to(Path.cwd()) if PICTURE.is_relative_to(Path.cwd()) else PICTURE)
