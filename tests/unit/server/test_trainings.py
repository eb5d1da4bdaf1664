"""Training runs over HTTP: those of the served folder, by name, and no other file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from cutaway.evals.examples import Curve, Experiment, Point
from cutaway.generation import LanguageModel
from cutaway.server import create_app
from training_runs import write_run

BASE = "http://127.0.0.1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_run(tmp_path / "runs" / "few")
    write_run(tmp_path / "runs" / "sweep" / "many", steps=9)
    write_run(tmp_path / "hidden")
    return tmp_path / "runs"


@pytest.fixture
def asked(lm: LanguageModel, folder: Path) -> Iterator[TestClient]:
    with TestClient(create_app([lm], trainings_in=folder), base_url=BASE) as client:
        yield client


def get(client: TestClient, path: str, **query: str) -> Any:
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


def test_without_a_folder_there_are_none(client: TestClient) -> None:
    assert get(client, "/api/trainings") == {"served": False, "runs": []}
    assert client.get("/api/trainings/curves", params={"name": "few"}).status_code == 422


def test_the_list(asked: TestClient) -> None:
    found = get(asked, "/api/trainings")
    assert found["served"]
    assert {run["name"] for run in found["runs"]} == {"few", "sweep/many"}
    assert found["runs"][0]["valid_loss"] == 5.0
    assert "directory" not in found["runs"][0]


def test_curves(asked: TestClient) -> None:
    found = get(asked, "/api/trainings/curves", name="few", over="tokens")
    assert [(p["x"], p["y"]) for p in found["points"]] == [
        (100, 7.0),
        (200, 6.0),
        (300, 5.0),
        (400, 4.0),
    ]
    assert [(p["x"], p["y"]) for p in found["valid"]] == [(200, 7.0), (400, 5.0)]
    assert "rate" in found["figures"]
    rate = get(asked, "/api/trainings/curves", name="sweep/many", figure="rate")
    assert len(rate["points"]) == 9
    assert rate["valid"] == []


def test_a_curve_grows_with_its_run(asked: TestClient, folder: Path) -> None:
    path = folder / "few" / "log.jsonl"
    before = get(asked, "/api/trainings/curves", name="few")
    with path.open("a") as file:
        file.write('{"step": 5, "loss": 3.0, "tokens": 500, "seconds": 2.5}\n{"step": 6, "lo')
    after = get(asked, "/api/trainings/curves", name="few")
    assert len(after["points"]) == len(before["points"]) + 1


@pytest.mark.parametrize("name", ["../hidden", "/etc", "none", "few/../../hidden", "."])
def test_nothing_else_is_read(asked: TestClient, folder: Path, name: str) -> None:
    for path in (name, str(folder.parent / "hidden")):
        answer = asked.get("/api/trainings/curves", params={"name": path})
        assert answer.status_code == 422
        assert answer.json()["error"] == "UnknownName"


def test_what_is_not_noted_is_empty(asked: TestClient, folder: Path) -> None:
    found = get(asked, "/api/trainings/curves", name="few", figure="moons")
    assert (found["points"], found["valid"]) == ([], [])
    assert "loss" in found["figures"]
    write_run(folder / "empty", steps=0)
    found = get(asked, "/api/trainings/curves", name="empty")
    assert (found["points"], found["valid"], found["figures"]) == ([], [], [])


def test_a_journal_without_tokens_is_not_drawn_over_them(asked: TestClient, folder: Path) -> None:
    (folder / "old").mkdir()
    (folder / "old" / "log.jsonl").write_text('{"step": 1, "loss": 2.0}\n')
    query = {"name": "old", "over": "tokens"}
    answer = asked.get("/api/trainings/curves", params=query)
    assert answer.status_code == 422
    assert "does not note tokens" in answer.json()["what"]


def test_a_folder_that_goes_away(asked: TestClient, folder: Path) -> None:
    folder.rename(folder.parent / "elsewhere")
    assert get(asked, "/api/trainings") == {"served": True, "runs": []}


def test_experiments_with_examples(asked: TestClient, folder: Path, client: TestClient) -> None:
    assert get(client, "/api/trainings/experiments") == {"served": False, "experiments": []}
    assert get(asked, "/api/trainings/experiments") == {"served": True, "experiments": []}
    points = (Point(10, (1.0, 3.0)), Point(100, (5.0,)))
    curves = (Curve("pre-trained", points),)
    found = Experiment(task="summarization", score="ROUGE-L", protocol="beam 4", curves=curves)
    (folder / "tl").mkdir()
    found.save(folder / "tl" / "transfer.json")
    (folder / "transfer.json").write_text("{}")
    whole, damaged = get(asked, "/api/trainings/experiments")["experiments"]
    assert damaged["name"] == "."
    assert damaged["problem"].startswith("transfer.json is no experiment")
    assert (whole["name"], whole["score"], whole["problem"]) == ("tl", "ROUGE-L", "")
    assert whole["curves"][0]["points"] == [
        {"examples": 10, "score": 2.0, "low": 1.0, "high": 3.0, "seeds": 2},
        {"examples": 100, "score": 5.0, "low": 5.0, "high": 5.0, "seeds": 1},
    ]
