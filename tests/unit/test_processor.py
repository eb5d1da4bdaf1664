"""How many threads, from what Linux tells of its processors."""

import os
from pathlib import Path

import pytest

from cutaway import processor
from cutaway.processor import cores, default_threads


def processors(folder: Path, siblings: list[str]) -> Path:
    for cpu, names in enumerate(siblings):
        (folder / f"cpu{cpu}" / "topology").mkdir(parents=True)
        (folder / f"cpu{cpu}" / "topology" / "thread_siblings_list").write_text(names)
    return folder


@pytest.mark.parametrize(
    ("siblings", "allowed", "n"),
    [
        (["0-1", "0-1", "2-3", "2-3"], {0, 1, 2, 3}, 2),
        (["0,2", "1,3", "0,2", "1,3"], {0, 2}, 1),
        (["0", "1"], {0, 1}, 2),
        ([], {0, 5, 7}, 3),
    ],
)
def test_a_thread_for_each_core(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    siblings: list[str],
    allowed: set[int],
    n: int,
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(processor.os, "sched_getaffinity", lambda _: allowed, raising=False)
    assert default_threads(processors(tmp_path, siblings)) == n


def test_cores_with_two_threads_count_once(tmp_path: Path) -> None:
    assert cores() >= 1
    n_most = (os.cpu_count() or 1) + 64  # as many as this process may be allowed
    assert cores(processors(tmp_path, ["0,1"] * n_most)) == 1
    assert cores(tmp_path / "none") >= 1


@pytest.mark.parametrize(("stated", "n"), [("1", 1), ("999999", 7), ("0", 3), ("x", 3), ("", 3)])
def test_the_number_that_openmp_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stated: str, n: int
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", stated)
    monkeypatch.setattr(processor.os, "cpu_count", lambda: 7)
    monkeypatch.setattr(processor.os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    assert default_threads(tmp_path) == n
