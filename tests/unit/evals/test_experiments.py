"""transfer.json: what is written is read, and what is none says why."""

from pathlib import Path

import pytest

from cutaway.errors import DataError
from cutaway.evals.examples import (
    Curve,
    Experiment,
    Point,
    find_experiments,
    read_experiment,
)

FOUND = Experiment(
    task="summarization",
    score="ROUGE-L",
    protocol="test, beam 4",
    curves=(
        Curve("pre-trained", (Point(10, (11.0, 13.0)), Point(100, (20.5,)))),
        Curve("from scratch", (Point(10, (1.0,)),)),
    ),
    baselines=(("lead-3", 17.5),),
)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    FOUND.save(tmp_path / "a" / "b" / "transfer.json")
    [path] = find_experiments(tmp_path)
    assert read_experiment(path) == FOUND
    assert FOUND.curves[0].points[0].mean == 12.0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"score": "R", "curves": [{"name": "x", "points": [{"examples": 1}]}]}',
        '{"score": "R", "curves": [{"name": "x", "points": [{"examples": 1, "scores": []}]}]}',
        '{"score": "R", "curves": [{"name": "x", "points": [{"examples": -1, "scores": [1]}]}]}',
        '{"score": "R", "curves": [{"name": "x", "points": [{"examples": 1, "scores": [NaN]}]}]}',
        '{"score": "R", "curves": [], "baselines": {"lead": "high"}}',
    ],
)
def test_what_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "transfer.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"transfer.json is no experiment"):
        read_experiment(path)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "transfer.json"
    path.write_bytes(b" " * ((1 << 20) + 1))
    with pytest.raises(DataError, match="1,048,577 bytes"):
        read_experiment(path)
