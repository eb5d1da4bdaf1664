"""What is told of what went wrong: the page finds its own words for it by the kind."""

import json

import pytest
from starlette.testclient import TestClient

import cutaway.server.app  # noqa: F401  (everything that an answer may come from)
from cutaway.errors import (
    CheckpointError,
    ConfigError,
    ContextLengthError,
    CutawayError,
    OutOfRange,
)
from cutaway.server.problems import KINDS, kind_of, problem_json, problem_of

JSON = {"content-type": "application/json"}


def below(error: type[CutawayError]) -> list[type[CutawayError]]:
    return [one for sub in error.__subclasses__() for one in (sub, *below(sub))]


def test_what_no_text_can_hold_is_told_all_the_same() -> None:
    told = json.loads(problem_json("NotJson", "half a pair: \ud83d", type="\ud83d"))
    assert (told["what"], told["values"]) == ("half a pair: \ud83d", {"type": "\ud83d"})


def test_a_question_that_no_text_can_hold_is_answered(client: TestClient) -> None:
    answer = client.post("/api/runs", content=b'{"text": "a", "\\ud83d": 1}', headers=JSON)
    assert (answer.status_code, answer.json()["error"]) == (422, "InvalidRequest")
    assert "\\ud83d" in answer.json()["what"]


def test_every_error_that_a_look_can_raise_is_a_kind_of_its_own() -> None:
    layers = ("generation", "interp", "models", "nn", "server", "tokenizers")
    known = tuple(f"cutaway.{layer}." for layer in layers)
    ours = {one.__name__ for one in below(CutawayError) if one.__module__.startswith(known)}
    assert {"ModelNotFound", "PartOutside", "NothingToChoose"} <= ours
    assert ours <= KINDS.keys()


def test_an_error_is_of_the_narrowest_kind_whose_values_it_has() -> None:
    whole = OutOfRange("a", name="layer", given="7", low=0, high=5)
    assert kind_of(whole) == "OutOfRange"
    assert kind_of(OutOfRange("a", name="layer")) == "ConfigError"
    assert kind_of(ContextLengthError("a")) == "CutawayError"
    assert kind_of(CheckpointError("a")) == "CutawayError"
    assert json.loads(problem_of(ConfigError("a", "b", more=1))) == {
        "error": "ConfigError",
        "what": "a",
        "hint": "b",
        "values": {},
    }


@pytest.mark.parametrize(
    ("path", "kind", "values"),
    [
        ("next?q=99", "OutOfRange", {"name": "q", "given": "99", "low": 0, "high": 7}),
        ("tensor/ln_g", "UnknownName", {"name": "ln_g", "known": "ln_f"}),
        ("lens?rows=7:3", "PartOutside", {"name": "rows", "given": "7:3", "n": 8}),
        (
            "next?k=0",
            "InvalidRequest",
            {"place": "k", "given": "'0'", "rule": "greater_than_equal", "limit": "1"},
        ),
        (
            "overview",
            "InvalidRequest",
            {"place": "layer", "given": "", "rule": "missing", "limit": ""},
        ),
        ("nothing", "HTTPError", {"status": 404}),
    ],
)
def test_the_values_behind_the_words(
    client: TestClient, run: str, path: str, kind: str, values: dict[str, object]
) -> None:
    problem = client.get(f"/api/runs/{run}/{path}").json()
    assert (problem["error"], problem["values"]) == (kind, values)
    assert problem["what"]


def test_a_run_or_a_model_that_is_not_there(client: TestClient) -> None:
    problem = client.get("/api/runs/gone").json()
    assert (problem["error"], problem["values"]) == ("RunNotFound", {"run": "gone"})
    problem = client.get("/api/models/gone/parameters").json()
    assert problem["values"] == {"name": "gone", "known": "unnamed"}
