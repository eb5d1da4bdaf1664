"""Runs every benchmark in a process of its own; each prints one line of JSON."""

import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Runs those named on the command line, or all."""
    folder = Path(__file__).parent
    names = sys.argv[1:] or sorted(
        path.stem for path in folder.glob("*.py") if "\nif __name__" in path.read_text()
    )
    names = [name for name in names if name != "__main__"]
    codes = [subprocess.call([sys.executable, "-m", f"benchmarks.{name}"]) for name in names]
    return max(codes, default=0)


if __name__ == "__main__":
    sys.exit(main())
