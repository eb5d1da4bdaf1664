"""The explorer's app asked by messages instead of HTTP: for a notebook, with no port opened.

A message ``{"id", "method", "path", "body"}`` becomes one ASGI request; every piece of the answer
goes back as ``{"id", "status", "type", "done"}`` with its bytes beside. ``{"id", "cancel": true}``
gives a request up, ``{"client", "close": true}`` all of a page; an id is ``client-number``. Same
app, same checks: what the server would refuse is refused here, with the same words.

All of it runs in one thread of its own. A notebook's cells run in the kernel's main thread, and a
text that is being written must neither stop them nor wait for them; and that thread has an event
loop of some kind or none, which differs from one notebook to the next. It is safe: models do not
change while they run, and the app's routes work in threads on a server, too.
"""

import asyncio
import json
import logging
import re
import threading
from collections.abc import Callable, MutableMapping
from functools import cache
from typing import Any
from urllib.parse import unquote

from fastapi import FastAPI

from cutaway.server.problems import problem_json
from cutaway.server.store import Store

__all__ = ["MAX_PENDING", "InProcess"]

MAX_PENDING = 512
"""Requests of all pages of a widget that may be on their way."""
_ID = re.compile(r"[\w.]{1,48}-\d{1,12}", re.ASCII)
_PATH = re.compile(r"/[!-~]{0,8191}", re.ASCII)
_METHODS = {"GET", "POST"}

Send = Callable[[dict[str, Any], bytes], None]
Message = MutableMapping[str, Any]


class InProcess:
    """An app, and the requests that are on their way to it.

    Args:
        app: that answers; its ``state.store`` is ended by :meth:`close`.
        send: takes an answer and its bytes; called from the thread of this module.
    """

    def __init__(self, app: FastAPI, send: Send) -> None:
        self._app, self._send = app, send
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._clients: set[str] = set()

    def receive(self, content: object) -> None:
        """Takes a message; from any thread, and never waits."""
        _loop().call_soon_threadsafe(self._receive, content)

    def close(self) -> None:
        """Ends every request and forgets the runs: the widget is gone."""
        self._store.close()
        _loop().call_soon_threadsafe(self._end, "")

    @property
    def n_pending(self) -> int:
        """Requests on their way."""
        return len(self._tasks)

    @property
    def _store(self) -> Store:
        return self._app.state.store

    def _receive(self, content: object) -> None:
        match content:
            case {"client": str(client), "close": True}:
                self._clients.discard(client)
                self._end(f"{client}-")
            case {"id": str(id), "cancel": True}:
                if id in self._tasks:
                    self._tasks.pop(id).cancel()
            case {"id": str(id), "method": str(method), "path": str(path), **rest} if _ID.fullmatch(
                id
            ):
                self._begin(id, method, path, rest.get("body"))
            case _:
                logging.getLogger(__name__).warning("A message that is none: %.100r", content)

    def _begin(self, id: str, method: str, path: str, body: object) -> None:
        if method not in _METHODS or not _PATH.fullmatch(path) or id in self._tasks:
            self._refuse(id, 400, "BadRequest", f"{method:.20} {path:.100} is no request.")
        elif self._store.is_closing or len(self._tasks) >= MAX_PENDING:
            what = f"{len(self._tasks)} requests are on their way, or the widget is closed."
            self._refuse(id, 503, "TooBusy", what)
        else:
            self._clients.add(id.rpartition("-")[0])
            task = asyncio.get_running_loop().create_task(self._ask(id, method, path, body))
            self._tasks[id] = task
            task.add_done_callback(lambda done: self._done(id, done))

    def _done(self, id: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(id) is task:
            del self._tasks[id]

    def _end(self, prefix: str) -> None:
        for id in [id for id in self._tasks if id.startswith(prefix)]:
            self._tasks.pop(id).cancel()
        if self._store.is_closing or not self._clients:
            self._store.clear()  # a page that comes back opens its run again

    async def _ask(self, id: str, method: str, path: str, body: object) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        task = asyncio.current_task()

        def send(head: dict[str, Any], data: bytes) -> None:
            if self._tasks.get(id) is task:  # a step under way when it was given up ends unheard
                self._send(head, data)

        answer = _Answer(id, send)
        try:
            await self._app(_scope(method, path, data), _Body(data), answer)
        except Exception:
            # As a server would: told in the log, and the page hears that it was not its fault.
            logging.getLogger(__name__).exception("%s %s", method, path)
            if not answer.is_begun:
                self._refuse(id, 500, "InternalError", "A mistake in Cutaway itself.")

    def _refuse(self, id: str, status: int, error: str, what: str) -> None:
        head = {"id": id, "status": status, "type": "application/json", "done": True}
        self._send(head, problem_json(error, what))


class _Answer:
    """What an app sends, as messages: a stream piece by piece, all else whole."""

    def __init__(self, id: str, send: Send) -> None:
        self._id, self._send = id, send
        self._status, self._type, self._parts = 500, "", list[bytes]()
        self.is_begun = False

    async def __call__(self, message: Message) -> None:
        """Takes an ASGI message."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = {name.lower(): value for name, value in message.get("headers", [])}
            self._type = headers.get(b"content-type", b"").decode("latin-1")
            return
        is_done = not message.get("more_body", False)
        self._parts.append(message.get("body", b""))
        if is_done or self._type.startswith("text/event-stream"):
            self.is_begun = True
            head = {"id": self._id, "status": self._status, "type": self._type, "done": is_done}
            self._send(head, b"".join(self._parts))
            self._parts = []


class _Body:
    """The body of a request, once; then nothing until the request is given up."""

    def __init__(self, data: bytes) -> None:
        self._data: bytes | None = data

    async def __call__(self) -> Message:
        """Gives the next ASGI message."""
        if self._data is None:
            await asyncio.Event().wait()  # until cancelled
        data, self._data = self._data, None
        return {"type": "http.request", "body": data, "more_body": False}


def _scope(method: str, path: str, data: bytes) -> dict[str, Any]:
    where, _, query = path.partition("?")
    headers = [(b"host", b"127.0.0.1")]
    if method == "POST":
        headers += [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(data)).encode()),
        ]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(where),
        "raw_path": where.encode("ascii"),
        "query_string": query.encode("ascii"),
        "root_path": "",
        "headers": headers,
        "client": None,
        "server": ("127.0.0.1", 80),
    }


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """The loop of the thread that all widgets of this process share."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="cutaway-notebook", daemon=True).start()
    return loop
