"""Who may ask, and what a page from here may do.

The server speaks to pages that it served itself, on this machine: a foreign ``Host`` (DNS
rebinding), a foreign ``Origin`` and a request from another site are refused; bodies are bounded;
a strict content security policy lets the page load nothing from elsewhere.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

from cutaway.server.problems import problem_json
from cutaway.server.schema import MAX_BODY

__all__ = ["CSP", "Guard"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_LOCAL = {"127.0.0.1", "localhost", "[::1]"}
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = [
    (b"content-security-policy", CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_UNFORESEEN = "The server could not answer: something went wrong that nobody foresaw."
_SEE = "What it was stands where the server was started. Another question may still work."


class Guard:
    """ASGI middleware: the checks before, the headers after.

    Args:
        app: behind it.
        hosts: names that ``Host`` may have besides those of this machine.
    """

    def __init__(self, app: App, *, hosts: frozenset[str] = frozenset()) -> None:
        self._app, self._hosts = app, _LOCAL | hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, or hands on to the app."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        refused = self._refusal(scope, headers)
        if refused is not None:
            await _refuse(send, *refused)
            return
        body, has_begun = _Body(receive), False

        async def guarded(message: MutableMapping[str, Any]) -> None:
            nonlocal has_begun
            if body.is_too_large:
                return  # the app's own words about a body cut short
            if message["type"] == "http.response.start":
                has_begun = True
                message["headers"] = [*message.get("headers", []), *_HEADERS]
            await send(message)

        try:
            with suppress(_TooLarge):
                await self._app(scope, body, guarded)
        except Exception:
            if not has_begun:
                await _refuse(send, 500, problem_json("InternalError", _UNFORESEEN, _SEE))
            raise  # whoever runs the server sees the whole of it
        if body.is_too_large:
            await _refuse(send, 413, _too_large())

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, bytes] | None:
        host = headers.get("host", "")
        if _name(host) not in self._hosts:
            what = f"This server is not {host[:100]!r}."
            return 403, problem_json("ForeignHost", what, host=host[:100])
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{host}":
            what = f"A page of {origin[:100]!r} may not ask here."
            return 403, problem_json("ForeignOrigin", what, origin=origin[:100])
        site = headers.get("sec-fetch-site", "none")
        if scope["path"].startswith("/api") and site in ("cross-site", "same-site"):
            what = "A page of another site may not ask here."
            return 403, problem_json("ForeignOrigin", what, origin=(origin or "")[:100])
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or len(length) > 18:
            return 400, problem_json("BadRequest", "Content-Length is no number.")
        if int(length) > MAX_BODY:
            return 413, _too_large()
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if scope["method"] == "POST" and kind != "application/json":
            what = f"The content type is {kind[:100]!r}, not 'application/json'."
            return 415, problem_json("NotJson", what, type=kind[:100])
        return None


class _TooLarge(Exception):
    pass


class _Body:
    """The body of a request, counted as it comes."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._n = receive, 0

    @property
    def is_too_large(self) -> bool:
        return self._n > MAX_BODY

    async def __call__(self) -> MutableMapping[str, Any]:
        message = await self._receive()
        self._n += len(message.get("body", b""))
        if self.is_too_large:
            raise _TooLarge
        return message


def _name(host: str) -> str:
    """A Host header without its port."""
    name, _, port = host.rpartition(":")
    return (name if name and port.isdigit() else host).lower()


def _too_large() -> bytes:
    what = f"The request has over {MAX_BODY:,} bytes."
    return problem_json("RequestTooLarge", what, limit=MAX_BODY)


async def _refuse(send: Send, status: int, problem: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store"), *_HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": problem})
