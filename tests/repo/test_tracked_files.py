"""What is committed: no path of one machine, no large file, no weights in a test."""

import re
import subprocess
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
MAX_BYTES = 2_000_000
LARGE = {"src/cutaway/assets/"}  # the bundled model and the official merges
# Absolute paths of somebody's machine; system folders that every machine has are fine.
MACHINE = re.compile(rb"(?<![\w.~$}/-])/(?:home|Users|root|work|mnt|opt|data|srv)/[\w.-]+")


def tracked() -> list[str]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=REPO, capture_output=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [name for name in done.stdout.decode().split("\0") if (REPO / name).is_file()]


def test_no_path_of_one_machine() -> None:
    found = []
    for name in tracked():
        data = (REPO / name).read_bytes()
        if b"\0" not in data[:8192] and name != Path(__file__).relative_to(REPO).as_posix():
            found += [f"{name}: {match[0].decode()}" for match in MACHINE.finditer(data)]
    assert found == []


def test_no_large_file_but_in_assets() -> None:
    sizes = {name: (REPO / name).stat().st_size for name in tracked()}
    large = {n: s for n, s in sizes.items() if s > MAX_BYTES and not n.startswith(tuple(LARGE))}
    assert large == {}
