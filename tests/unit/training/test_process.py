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

RETURNED_AT_ONCE = """
from pathlib import Path
import torch
from cutaway.training.process import memory_returned

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

size = 8 * 2**20
torch.ones(30 * 2**20, dtype=torch.uint8)  # after which glibc takes such sizes from its heap
with memory_returned():
    before = resident()
    blocks = [torch.ones(size, dtype=torch.uint8) for _ in range(20)]
    del blocks[::2]
    assert resident() < before + 11 * size
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
@pytest.mark.parametrize("program", [KEPT_AND_RETURNED, RETURNED_AT_ONCE], ids=["kept", "returned"])
def test_freed_memory_is_kept_until_the_end_or_returned_at_once(program: str) -> None:
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
