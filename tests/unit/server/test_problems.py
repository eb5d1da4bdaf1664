"""What is told of what went wrong."""

import json

from starlette.testclient import TestClient

from cutaway.server.problems import problem_json


def test_what_no_text_can_hold_is_told_all_the_same() -> None:
    told = json.loads(problem_json("HTTPError", "half a pair: \ud83d", numbers={"n": 1}))
    expected = {
        "error": "HTTPError",
        "what": "half a pair: \ud83d",
        "hint": "",
        "numbers": {"n": 1},
    }
    assert told == expected


def test_a_question_that_no_text_can_hold_is_answered(client: TestClient) -> None:
    content = b'{"text": "a", "\\ud83d": 1}'
    answer = client.post("/api/runs", content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]) == (422, "InvalidRequest")
    assert "\\ud83d" in answer.json()["what"]
