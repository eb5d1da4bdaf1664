"""Messages of a notebook: the answers of the server, byte for byte, with no server."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from queue import Queue
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from cutaway.generation import LanguageModel
from cutaway.interp import Run
from cutaway.server import create_app
from cutaway.server import inprocess as module
from cutaway.server.inprocess import InProcess
from cutaway.server.schema import MAX_BODY
from cutaway.server.store import Hosted

SECONDS = 60
TEXT = "the anthem the an"
Heard = tuple[dict[str, Any], bytes]


class Page:
    """What a page would hear of an app in this process."""

    def __init__(self, app: FastAPI) -> None:
        self.heard: Queue[Heard] = Queue()
        self.threads: set[str] = set()
        self.server = InProcess(app, self._hear)

    def _hear(self, head: dict[str, Any], data: bytes) -> None:
        self.threads.add(threading.current_thread().name)
        self.heard.put((head, data))

    def next(self) -> Heard:
        return self.heard.get(timeout=SECONDS)

    def ask(self, method: str, path: str, body: object = None, *, id: str = "page-1") -> Heard:
        self.server.receive({"id": id, "method": method, "path": path, "body": body})
        head, data = self.next()
        assert head["id"] == id
        return head, data

    def problem(self, message: object) -> dict[str, Any]:
        self.server.receive(message)
        head, data = self.next()
        assert head["done"]
        assert head["type"] == "application/json"
        return {"status": head["status"], **json.loads(data)}


@pytest.fixture
def app(lm: LanguageModel) -> FastAPI:
    return create_app([lm])


@pytest.fixture
def page(app: FastAPI) -> Iterator[Page]:
    page = Page(app)
    with closing(page.server):
        yield page


def settled(page: Page) -> None:
    """Everything that was sent before has been taken."""
    taken = threading.Event()
    module._loop().call_soon_threadsafe(taken.set)
    assert taken.wait(SECONDS)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/models", None),
        ("POST", "/api/models/unnamed/tokenize", {"text": "n\u00ef\u4f60"}),
        ("POST", "/api/runs", {"text": TEXT}),
        ("POST", "/api/runs", {"text": "", "edits": {"causal": False}}),
        ("GET", "/api/runs/{run}/tensor/h.1.attn.pattern?head=3&dtype=u1", None),
        ("GET", "/api/runs/{run}/tensor/h.0.resid_post?dtype=f4", None),
        ("GET", "/api/runs/{run}/overview?layer=1&size=4", None),
        ("GET", "/api/runs/{run}/next?k=7", None),
        ("GET", "/api/runs/{run}/cell?site=h.0.mlp.pre&q=1&i=2", None),
        ("GET", "/api/models/unnamed/weights/h.0.attn.c_attn.weight", None),
        # What is refused, in the same words.
        ("GET", "/api/runs/absent/next", None),
        ("GET", "/api/models/other/parameters", None),
        ("POST", "/api/runs", {"model": "other", "text": "a"}),
        ("POST", "/api/runs", {"text": "x" * 40}),
        ("POST", "/api/runs", {"text": "a", "surplus": 1}),
        ("GET", "/api/runs/{run}/next?k=0", None),
        ("GET", "/api/runs/{run}/tensor/h.0.attn.what", None),
        ("POST", "/api/models", None),
        ("GET", "/nothing", None),
        ("GET", "/%2e%2e/%2e%2e/pyproject.toml", None),
    ],
)
def test_an_answer_is_that_of_the_server(
    page: Page, client: TestClient, method: str, path: str, body: object
) -> None:
    _, told = page.ask("POST", "/api/runs", {"text": TEXT})
    run = json.loads(told)["run"]
    client.post("/api/runs", json={"text": TEXT})
    path = path.format(run=run)
    head, data = page.ask(method, path, body)
    headers = {"content-type": "application/json"} if method == "POST" else {}
    http = client.request(
        method, path, content=None if body is None else json.dumps(body), headers=headers
    )
    assert (head["status"], head["type"]) == (http.status_code, http.headers["content-type"])
    assert data == http.content
    assert head["done"]


def test_a_body_too_large_is_refused(page: Page) -> None:
    body = {"text": "x" * MAX_BODY}
    told = page.problem({"id": "p-1", "method": "POST", "path": "/api/runs", "body": body})
    assert (told["status"], told["error"]) == (413, "RequestTooLarge")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/api/models"),
        ("GET", "api/models"),
        ("GET", "/api models"),
        ("GET", "/\u4f60"),
        ("GET", "/" + "x" * 9_000),
    ],
)
def test_what_is_no_request(page: Page, method: str, path: str) -> None:
    told = page.problem({"id": "p-1", "method": method, "path": path})
    assert (told["status"], told["error"]) == (400, "BadRequest")


def test_what_is_no_message_is_passed_over(page: Page, caplog: pytest.LogCaptureFixture) -> None:
    for message in (None, 5, "x", [], {}, {"id": 5}, {"id": "a b-1", "method": "GET", "path": "/"}):
        page.server.receive(message)
    assert page.ask("GET", "/api/models")[0]["status"] == 200
    assert list(page.heard.queue) == []
    assert len(caplog.records) == 7


def test_a_mistake_of_ours_is_told(
    page: Page, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(module, "_scope", fail)
    told = page.problem({"id": "p-1", "method": "GET", "path": "/"})
    assert (told["status"], told["error"]) == (500, "InternalError")
    assert "ZeroDivisionError" in caplog.text


def opened(page: Page) -> str:
    return json.loads(page.ask("POST", "/api/runs", {"text": TEXT})[1])["run"]


def writing(page: Page, *, id: str, n: int) -> None:
    body = {"n": n, "seed": 3, "settings": {"temperature": 0.9}}
    path = f"/api/runs/{opened(page)}/generate"
    page.server.receive({"id": id, "method": "POST", "path": path, "body": body})


def test_a_text_is_written_piece_by_piece(page: Page, client: TestClient) -> None:
    run = opened(page)
    writing(page, id="page-2", n=4)
    pieces: list[Heard] = []
    while not pieces or not pieces[-1][0]["done"]:
        pieces.append(page.next())
    assert {head["type"].partition(";")[0] for head, _ in pieces} == {"text/event-stream"}
    assert len(pieces) > 4
    client.post("/api/runs", json={"text": TEXT})
    body = {"n": 4, "seed": 3, "settings": {"temperature": 0.9}}
    there = client.post(f"/api/runs/{run}/generate", json=body).text

    def ids(events: str) -> list[int]:
        lines = [line for line in events.splitlines() if line.startswith('data: {"id"')]
        return [json.loads(line.removeprefix("data: "))["id"] for line in lines]

    here = b"".join(data for _, data in pieces).decode()
    assert len(ids(here)) == 4
    assert ids(here) == ids(there)


@pytest.fixture
def steps(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[list[int], Callable[[], None]]]:
    """Tokens that the app's models have read, and a gate: from the third on they wait for it."""
    read: list[int] = []
    gate = threading.Event()
    store = app.state.store
    extend = store.extend

    def step(run: Run, id: int, hosted: Hosted) -> tuple[Run, bool]:
        read.append(id)
        if len(read) > 2:
            assert gate.wait(SECONDS)
        return extend(run, id, hosted)

    monkeypatch.setattr(store, "extend", step)
    yield read, gate.set
    gate.set()


@pytest.mark.parametrize(
    "end", [{"id": "page-2", "cancel": True}, {"client": "page", "close": True}, None]
)
def test_a_text_that_nobody_reads_is_written_no_further(
    app: FastAPI,
    page: Page,
    steps: tuple[list[int], Callable[[], None]],
    end: dict[str, Any] | None,
) -> None:
    read, let_go = steps
    writing(page, id="page-2", n=6)
    page.next()
    page.next()
    if end is None:
        page.server.close()
    else:
        page.server.receive(end)
    settled(page)
    assert page.server.n_pending == 0
    let_go()
    [hosted] = app.state.store.models.values()
    with hosted.lock:  # whoever still worked is done
        settled(page)
    assert len(read) <= 3
    assert list(page.heard.queue) == []


def test_pages_that_share_a_widget_do_not_end_each_other(
    page: Page, steps: tuple[list[int], Callable[[], None]]
) -> None:
    _, let_go = steps
    writing(page, id="page-2", n=4)
    page.server.receive({"client": "other", "close": True})
    let_go()
    while True:
        head, data = page.next()
        if head["done"]:
            break
        last = data
    assert last.startswith(b"event: done")


def test_memory_is_free_when_the_last_page_is_gone(app: FastAPI, page: Page) -> None:
    store = app.state.store
    run = opened(page)
    page.ask("GET", f"/api/runs/{run}", id="other-1")
    page.server.receive({"client": "other", "close": True})
    settled(page)
    assert store.nbytes > 0
    page.server.receive({"client": "page", "close": True})
    settled(page)
    assert store.nbytes == 0
    # A page that comes back asks again, and is told to open the run anew.
    assert json.loads(page.ask("GET", f"/api/runs/{run}/next")[1])["error"] == "RunNotFound"


def test_requests_are_bounded(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PENDING", 0)
    told = page.problem({"id": "p-1", "method": "GET", "path": "/api/models"})
    assert (told["status"], told["error"]) == (503, "TooBusy")


def test_the_kernels_own_thread_stays_free(page: Page) -> None:
    page.ask("GET", "/api/models")
    assert page.threads == {"cutaway-notebook"}
    # It answers while this thread, a cell's, is busy and has no loop that could run anything.
    writing(page, id="page-9", n=2)
    while not page.next()[0]["done"]:
        pass
