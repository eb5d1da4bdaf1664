"""What the C++ sources promise and no result shows."""

import subprocess
from pathlib import Path

from cutaway.engine import compiling

FETCHES = """
#include "vec.h"
__attribute__((noinline)) static void all(const char* from) {
  for (int i = 0; i < 4096; i += 64) cutaway::fetch(from + i);
}
void some(const char* from) { all(from); }
"""


def test_what_is_fetched_ahead_is_not_thrown_away(compiled: None, tmp_path: Path) -> None:
    """GCC drops a function that does nothing but prefetch, and with it half of the speed."""
    source = tmp_path / "fetches.cpp"
    source.write_text(FETCHES)
    flags = ("-std=c++20", "-O3", "-w", "-S", f"-I{compiling.LIBRARY.source.parent}", "-o", "-")
    run = subprocess.run(
        [compiling.LIBRARY._compiler(), *flags, str(source)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "prefetch" in run.stdout or "prfm" in run.stdout
