"""Who may ask, how much, and what is said to those who may not."""

from typing import Any

import pytest
import torch
from starlette.testclient import TestClient

from cutaway.errors import ConfigError
from cutaway.generation import LanguageModel
from cutaway.server import create_app
from cutaway.server.store import Store, host

LOCAL = {"host": "localhost"}
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("headers", "status", "error"),
    [
        ({"host": "evil.example"}, 403, "ForeignHost"),
        ({"host": "127.0.0.1.evil.example:80"}, 403, "ForeignHost"),
        ({"host": ""}, 403, "ForeignHost"),
        ({"origin": "http://evil.example"}, 403, "ForeignOrigin"),
        ({"origin": "null"}, 403, "ForeignOrigin"),
        ({"origin": "https://127.0.0.1"}, 403, "ForeignOrigin"),
        ({"sec-fetch-site": "cross-site"}, 403, "ForeignOrigin"),
        ({"content-length": "9999999999"}, 413, "RequestTooLarge"),
    ],
)
def test_strangers_are_refused(
    client: TestClient, headers: dict[str, str], status: int, error: str
) -> None:
    answer = client.get("/api/models", headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


@pytest.mark.parametrize("name", ["127.0.0.1:8337", "localhost:8337", "[::1]:8337", "localhost"])
def test_names_of_this_machine_are_served(client: TestClient, name: str) -> None:
    answer = client.get("/api/models", headers={"host": name, "origin": f"http://{name}"})
    assert answer.status_code == 200


def test_every_answer_has_the_policy(client: TestClient) -> None:
    for path in ("/api/models", "/", "/api/nothing", "/assets/../../store.py"):
        policy = client.get(path).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "http" not in policy
        assert "unsafe" not in policy


def test_only_json_is_read(client: TestClient) -> None:
    answer = client.post(
        "/api/runs", content=b'{"text": "a"}', headers={"content-type": "text/plain"}
    )
    assert (answer.status_code, answer.json()["error"]) == (415, "NotJson")


def test_a_body_that_lies_about_its_length(client: TestClient) -> None:
    def pieces() -> Any:
        for _ in range(5):
            yield b" " * (1 << 20)

    answer = client.post("/api/runs", content=pieces(), headers=JSON)
    assert (answer.status_code, answer.json()["error"]) == (413, "RequestTooLarge")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": "a", "ids": [1]},
        {"ids": []},
        {"ids": [-1]},
        {"ids": [10**12]},
        {"ids": [5000]},
        {"ids": ["a"]},
        {"text": 3},
        {"text": "a", "edits": {"heads_of": []}},
        {"text": "a", "edits": {"heads_off": [[0, 99]]}},
        {"text": "a", "edits": {"heads_off": [[0]]}},
        {"text": "a", "edits": {"causal": "perhaps"}},
        {"text": "a", "more": 1},
    ],
)
def test_runs_that_cannot_be(client: TestClient, body: dict[str, Any]) -> None:
    answer = client.post("/api/runs", json=body)
    problem = answer.json()
    assert answer.status_code == 422
    assert problem["what"]


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"NaN", b'{"ids": [NaN]}', b"\xff"])
def test_what_is_no_json(client: TestClient, content: bytes) -> None:
    answer = client.post("/api/runs", content=content, headers=JSON)
    assert answer.status_code in (400, 422)
    assert answer.json()["error"]


def test_a_text_too_long_is_told_with_its_numbers(client: TestClient) -> None:
    problem = client.post("/api/runs", json={"text": "x" * 40}).json()
    assert problem["error"] == "ContextLengthError"
    assert problem["values"] == {"n_tokens": 40, "n_ctx": 24}
    assert "24" in problem["hint"]


@pytest.mark.parametrize(
    "path",
    [
        "tensor/h.9.attn.q",
        "tensor/h.0.attn.what",
        "tensor/h.00.attn.q",
        "tensor/wte?rows=3:3",
        "tensor/wte?rows=0:99",
        "tensor/wte?rows=-1:2",
        "tensor/h.0.attn.pattern?head=5",
        "tensor/h.0.attn.q?layout=tri",
        "next?q=99",
        "next?k=0",
        "cell?site=h.0.attn.pattern&q=1",
        "cell?site=h.0.attn.pattern&q=1&head=0&k=99",
        "cell?site=h.0.mlp.pre&q=1&i=9999",
        "cell?site=h.%C2%B2.mlp.pre&q=1&i=1",
        "heads?q=99",
        "merge?layer=7",
        "neurons?layer=7",
        "river?q=99",
        "lens?id=99999",
        "masklab?layer=0&head=9",
        "masklab?layer=0&head=0&mask=other",
        "ledger?measure=99",
        "draw?temperature=-1",
        "draw?top_p=0",
        "draw?temperature=nan",
        "npz?sites=what",
    ],
)
def test_questions_that_have_no_answer(client: TestClient, run: str, path: str) -> None:
    answer = client.get(f"/api/runs/{run}/{path}")
    assert answer.status_code == 422, answer.text
    assert answer.json()["what"]


def test_unknown_runs_and_models(client: TestClient) -> None:
    for path, error in [
        ("/api/runs/absent", "RunNotFound"),
        ("/api/runs/absent/next", "RunNotFound"),
        ("/api/models/absent/parameters", "ModelNotFound"),
    ]:
        answer = client.get(path)
        assert (answer.status_code, answer.json()["error"]) == (404, error)
    body = {"text": "a", "edits": {"patches": [{"layer": 0, "head": 0, "run": "absent"}]}}
    assert client.post("/api/runs", json=body).json()["error"] == "RunNotFound"


def test_memory_is_bounded_and_the_newest_run_stays(lm: LanguageModel) -> None:
    from cutaway.interp import Edits

    [hosted] = host([lm]).values()
    store = Store({"m": hosted})
    one = store.open(hosted, [1, 2], Edits())
    store.max_bytes = 3 * one.state_nbytes
    runs = [store.open(hosted, [1, n], Edits()) for n in range(3, 9)]
    assert store.nbytes <= store.max_bytes
    assert store.get(runs[-1].id)[0] is runs[-1]
    with pytest.raises(LookupError):
        store.get(one.id)
    store.max_bytes = 1
    newest = store.open(hosted, [9], Edits())
    assert store.get(newest.id)[0] is newest


def test_runs_that_share_a_state_count_it_once(lm: LanguageModel) -> None:
    from cutaway.interp import Edits

    [hosted] = host([lm]).values()
    store = Store({"m": hosted})
    run = store.open(hosted, [1, 2], Edits())
    before = store.nbytes
    for id in (3, 4, 5):
        run = store.add(run.extended(id), hosted)
    assert store.nbytes == before


def test_a_run_that_heads_are_taken_from_counts_as_long_as_it_is_needed(lm: LanguageModel) -> None:
    from cutaway.interp import Edits, HeadPatch

    [hosted] = host([lm]).values()
    store = Store({"m": hosted})
    donor = store.open(hosted, [1, 2, 3], Edits())
    patch = Edits(patches=(HeadPatch(0, 0, donor.id),))
    patched = store.open(hosted, [4, 5], patch)
    both = donor.state_nbytes + patched.state_nbytes
    assert store.nbytes >= both
    store.max_bytes = both + donor.state_nbytes - 1
    other = store.open(hosted, [9], Edits())
    # Without its donor the patched run would fit; but it keeps the donor alive, so it goes too.
    assert store.nbytes == other.state_nbytes
    with pytest.raises(LookupError):
        store.get(patched.id)


def test_what_was_looked_at_is_given_up_before_a_run_is(lm: LanguageModel) -> None:
    from cutaway.interp import Edits

    [hosted] = host([lm]).values()
    store = Store({"m": hosted})
    one, two = (store.open(hosted, [n, 1], Edits()) for n in (2, 3))
    one.block(0)
    two.block(0)
    store.max_bytes = store.nbytes - 1
    assert store.get(one.id)[0] is one
    assert (one.block_nbytes > 0, two.block_nbytes) == (True, 0)
    assert store.nbytes <= store.max_bytes
    assert store.get(two.id)[0] is two


def test_an_unforeseen_error_is_a_problem_like_any_other(
    lm: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret details")

    app = create_app([lm])
    client = TestClient(app, raise_server_exceptions=False, headers=LOCAL)
    run = client.post("/api/runs", json={"text": "a"}).json()["run"]
    monkeypatch.setattr("cutaway.server.routes.runs.overview_of", broken)
    answer = client.get(f"/api/runs/{run}/overview?layer=0")
    assert answer.status_code == 500
    assert answer.json()["error"] == "InternalError"
    assert set(answer.json()) == {"error", "what", "hint", "values"}
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    loud = TestClient(app, headers=LOCAL)
    with pytest.raises(RuntimeError, match="secret"):  # whoever runs the server sees it whole
        loud.get(f"/api/runs/{run}/overview?layer=0")


def test_models_get_names_that_fit_into_an_address(lm: LanguageModel) -> None:
    def named(name: str) -> LanguageModel:
        return LanguageModel(lm.model, lm.tokenizer, name=name, fingerprint="f")

    names = host([named(n) for n in ("gpt2", "runs/a b/", "/x/gpt2", "..", "ü")])
    assert list(names) == ["gpt2", "a-b", "gpt2-2", "model", "model-2"]
    runs = ("runs/leads/model", "/runs/pairs/model/", "model", "/model", "../model")
    assert list(host([named(n) for n in runs])) == ["leads", "pairs", "model", "model-2", "model-3"]
    with pytest.raises(ConfigError, match="no model"):
        create_app([])


def test_a_reader_who_goes_away_stops_the_model(
    lm: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cutaway.interp import Edits, Run
    from cutaway.server.routes.runs import _written
    from cutaway.server.schema import GenerateBody

    [hosted] = host([lm]).values()
    store = Store({"m": hosted})
    run = store.open(hosted, [1, 2], Edits())
    steps: list[int] = []
    extended = Run.extended
    monkeypatch.setattr(Run, "extended", lambda run, id: steps.append(id) or extended(run, id))
    events = _written(store, run, hosted, GenerateBody(n=20), seed=1)
    next(events)
    next(events)
    events.close()
    assert len(steps) == 2
    assert hosted.lock.acquire(blocking=False)  # nobody holds the model


def test_a_server_that_stops_writes_no_more(lm: LanguageModel) -> None:
    from cutaway.interp import Edits
    from cutaway.server.routes.runs import _written
    from cutaway.server.schema import GenerateBody

    [hosted] = host([lm]).values()
    store = Store({"m": hosted})
    run = store.open(hosted, [1, 2], Edits())
    events = _written(store, run, hosted, GenerateBody(n=20), seed=1)
    assert next(events).startswith("event: token")
    store.close()
    assert list(events) == []


def test_a_model_without_a_tokenizer(lm: LanguageModel) -> None:
    with TestClient(create_app([LanguageModel(lm.model)]), base_url="http://127.0.0.1") as client:
        [model] = client.get("/api/models").json()["models"]
        assert model["vocabulary"] is None
        assert client.post("/api/runs", json={"text": "a"}).json()["error"] == "NoTokenizer"
        run = client.post("/api/runs", json={"ids": [1, 2]}).json()
        found = client.get(f"/api/runs/{run['run']}/next").json()
        assert torch.tensor([c["prob"] for c in found["candidates"]]).sum() <= 1
        assert found["candidates"][0]["text"] == ""
