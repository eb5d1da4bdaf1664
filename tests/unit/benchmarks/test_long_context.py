"""The measurement of long texts: a cell of it, and its table."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from benchmarks import long_context

from cutaway.nn.kernel import CHOICE

CELL: dict[str, Any] = {"length": 48, "kernel": "math", "rounds": 1, "threads": 1}


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="not Linux")
def test_a_cell_is_measured_in_a_process_of_its_own() -> None:
    found = long_context.in_a_process({**CELL, "pass": "forward+backward", "pattern": "lmlml"})
    assert found["seconds"] > 0
    assert found["bytes"] > 0


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="not Linux")
def test_the_kernel_of_2018_keeps_scores_of_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """With gradients, too: our own kernel for training keeps none, and must not step in."""
    monkeypatch.setenv(CHOICE, "auto")
    cell = {**CELL, "length": 1024, "pass": "forward+backward", "pattern": "full"}
    fused = long_context.in_a_process({**cell, "kernel": "fused"})["bytes"]
    scores = 5 * 4 * 1024 * 1024 * 4  # of five blocks of four heads
    assert long_context.in_a_process(cell)["bytes"] > fused + scores


def test_a_cell_that_fails_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    done = subprocess.CompletedProcess([], 1, stdout="", stderr="...\nMemoryError: no room\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    assert long_context.in_a_process(CELL)["error"] == "MemoryError: no room"


def test_the_table_has_both_patterns_side_by_side(tmp_path: Path) -> None:
    def cell(length: int, what: str, pattern: str, **figures: object) -> dict[str, Any]:
        return {"length": length, "pass": what, "pattern": pattern, **figures}

    cells = [
        cell(512, "forward", "lmlml", seconds=1.0, bytes=2e6),
        cell(512, "forward", "full", seconds=3.0, bytes=8e6),
        cell(1024, "forward", "lmlml", seconds=2.0, bytes=4e6),
        cell(1024, "forward", "full", error="MemoryError"),
    ]
    lines = long_context.table(cells).splitlines()
    assert lines[0] == "forward"
    assert lines[2].split() == [
        "512",
        "1.000",
        "2",
        "3.000",
        "8",
        "3.00",
        "x",
        "t",
        "4.00",
        "x",
        "MB",
    ]
    assert lines[3].split() == ["1,024", "2.000", "4", "-", "MemoryErro"]
    long_context.plot(tmp_path / "a.svg", cells, "a note")
    assert "Time of a pass" in (tmp_path / "a.svg").read_text()
    long_context.plot(tmp_path / "b.svg", cells, "a note", unit="MB")
    assert "Memory of a pass" in (tmp_path / "b.svg").read_text()
