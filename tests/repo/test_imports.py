"""What importing costs, told by what it loads; no test here measures a time."""

import subprocess
import sys

import pytest

from processes import environment

HEAVY = {
    *("torch", "numpy", "tiktoken", "rich", "safetensors", "jaxtyping", "huggingface_hub"),
    *("fastapi", "uvicorn", "anywidget", "ipywidgets", "IPython"),
}


def loaded_by(program: str) -> set[str]:
    """The heavy packages that a program loads in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        env=environment(),
        check=True,
        text=True,
    )
    return HEAVY & set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "program",
    [
        "import cutaway",
        "import cutaway.errors",
        "import cutaway.cli",
        "from cutaway.cli.app import run; run(['--help'])",
        "from cutaway.cli.app import run; run(['train', '--help'])",
    ],
)
def test_nothing_heavy_is_loaded(program: str) -> None:
    assert loaded_by(program) == set()


@pytest.mark.parametrize(
    "program",
    ["import cutaway.tokenizers", "import cutaway.numbers", "from cutaway.models import PRESETS"],
)
def test_no_torch_is_loaded(program: str) -> None:
    assert "torch" not in loaded_by(program)
