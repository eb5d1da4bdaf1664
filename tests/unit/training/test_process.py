"""What a run changes of its process, and puts back."""

import subprocess
import sys

import pytest
import torch

from cutaway.training.process import denormals_flushed

# In a process of its own: what a long test run has freed would be taken first, and hide the rest.
KEPT_AND_RETURNED = """
from pathlib import Path
import torch
from cutaway.training.process import memory_kept

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

size = 200 * 2**20
torch.ones(size, dtype=torch.uint8)
before = resident()
with memory_kept():
    torch.ones(size, dtype=torch.uint8)
    assert resident() > before + 0.9 * size
assert resident() < before + 0.1 * size
torch.ones(size, dtype=torch.uint8)
assert resident() < before + 0.1 * size  # and large blocks go back at once, as ever
"""


def test_denormal_numbers_are_0_inside_and_numbers_after() -> None:
    tiny = torch.tensor([1e-310], dtype=torch.float64)
    with denormals_flushed():
        assert (tiny * 1.0).item() == 0.0
        with denormals_flushed():
            pass
        assert (tiny * 1.0).item() == 0.0
    assert (tiny * 1.0).item() > 0.0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux for the figures")
def test_freed_memory_is_kept_inside_and_returned_after() -> None:
    command = [sys.executable, "-c", KEPT_AND_RETURNED]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
