"""What does not fit is refused before it is asked for: by the machine's limit, or a container's."""

from pathlib import Path

import pytest

from cutaway.checkpoints import memory
from cutaway.errors import ResourceError


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 100 MB free, and a container without a limit."""
    (tmp_path / "meminfo").write_text("MemTotal: 999999 kB\nMemAvailable:   100000 kB\n")
    (tmp_path / "max").write_text("max\n")
    (tmp_path / "current").write_text("50000000\n")
    (tmp_path / "stat").write_text("anon 7\ninactive_file 20000000\n")
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    files = (tmp_path / name for name in ("max", "current", "stat"))
    monkeypatch.setattr(memory, "_GROUPS", (memory._Group(*files, "inactive_file"),))
    return tmp_path


def test_the_machine_alone(group: Path) -> None:
    memory.check_memory(102_400_000, "It")
    with pytest.raises(ResourceError, match=r"It needs 0\.2 GB .* 0\.1 GB are free"):
        memory.check_memory(200_000_000, "It")


def test_a_container_has_less(group: Path) -> None:
    (group / "max").write_text("80000000\n")
    memory.check_memory(50_000_000, "It")  # 80 less 50, and 20 that can be given up
    with pytest.raises(ResourceError):
        memory.check_memory(50_000_001, "It")
    (group / "stat").unlink()
    with pytest.raises(ResourceError):
        memory.check_memory(30_000_001, "It")


def test_a_system_that_does_not_tell(group: Path) -> None:
    for name in ("meminfo", "current"):
        (group / name).unlink()
    memory.check_memory(1 << 62, "It")
    (group / "meminfo").write_text("MemAvailable:\n")
    memory.check_memory(1 << 62, "It")
