"""What the engine does, it does without torch: nobody waits for an import that is not needed."""

import json
import subprocess
import sys

import pytest

from cutaway.engine import build
from cutaway.errors import EngineUnavailable

PROGRAM = """
import json, sys
from cutaway.cli.app import run

for arguments in json.loads(sys.argv[1]):
    assert run(arguments) == 0, arguments
    assert "torch" not in sys.modules, arguments
"""
STORY, FEW = "Once upon a time", ["--max-tokens", "3"]
COMMANDS = [
    ["generate", STORY, *FEW],
    ["generate", STORY, "-n", "3", *FEW],
    ["generate", STORY, "--beams", "2", *FEW],
    ["generate", STORY, "--top-k", "0", "--typical-p", "0.5", "--logprobs", "2", *FEW],
    ["generate", STORY, "--repetition-penalty", "1.2", "--no-repeat-ngram", "2", *FEW],
    ["generate", STORY, "--logit-bias", " the=-5", "--top-p", "0.9", "--min-p", "0.1", *FEW],
    ["next", STORY],
    ["score", STORY],
]


def test_commands_that_the_engine_does() -> None:
    try:
        build()
    except EngineUnavailable as error:
        pytest.skip(error.what)
    commands = [[*command, "--dtype", "float32"] for command in COMMANDS]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(commands)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
