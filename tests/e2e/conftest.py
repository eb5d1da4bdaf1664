"""A tiny model in a directory, and the command in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from cutaway.checkpoints import save_checkpoint
from cutaway.models import GPT2, GPT2Config
from cutaway.tokenizers import Tokenizer

CORPUS = (
    "Once upon a time there was a little robot who had to obey the orders given by a human. "
    "The robot went to the river, and the river sang to the robot all day long. "
) * 40


@dataclass(frozen=True)
class Result:
    """What a finished process left."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, enliven: Callable[[GPT2], GPT2]) -> Path:
    """A model directory: random weights that make every part count, a trained vocabulary."""
    directory = tmp_path_factory.mktemp("models") / "tiny"
    tokenizer = Tokenizer.train([CORPUS], vocab_size=300)
    config = GPT2Config(vocab_size=tokenizer.vocab_size, n_ctx=64, n_embd=20, n_layer=2, n_head=5)
    save_checkpoint(directory, enliven(GPT2(config)), tokenizer)
    return directory


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """Variables for a process that runs the command as a user's shell would, without colours."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    return {**kept, "COLUMNS": "80", "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}


@pytest.fixture(scope="session")
def cutaway(environment: dict[str, str]) -> Callable[..., Result]:
    """Runs ``cutaway`` with arguments; ``stdin`` is what is piped in, nothing by default."""

    def run(*arguments: str | Path, stdin: str | bytes = b"", **variables: str) -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "cutaway", *map(str, arguments)],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            env=environment | variables,
            timeout=120,
            check=False,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run
