"""The explorer's server: the routes, what becomes of errors, and the page itself."""

from collections.abc import Sequence
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from cutaway import __version__
from cutaway.errors import ConfigError, CutawayError, ResourceError
from cutaway.generation import LanguageModel
from cutaway.server.problems import problem_json, problem_of
from cutaway.server.routes import compares, looks, masks, models, piano, runs, trainings
from cutaway.server.schema import Problem
from cutaway.server.security import Guard
from cutaway.server.store import ModelNotFound, RunNotFound, Store, host

__all__ = ["STATIC", "create_app"]

STATIC = Path(__file__).parent / "static"
_NO_PAGE = "The page is not built. In a clone, `make explore` builds it.\n"


def create_app(
    served: Sequence[LanguageModel],
    *,
    hosts: frozenset[str] = frozenset(),
    max_bytes: int = 2 << 30,
    trainings_in: Path | None = None,
) -> FastAPI:
    """The explorer for these models.

    Args:
        served: the one to begin with first.
        hosts: names under which the server may be asked besides those of this machine.
        max_bytes: of memory for runs; older ones are forgotten, and come back when asked for.
        trainings_in: the folder whose training runs are shown; None for none.

    Raises:
        ConfigError: if there is no model.
    """
    if not served:
        raise ConfigError("There is no model to serve.", "Name at least one.")
    app = FastAPI(
        title="Cutaway",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        responses={"4XX": {"model": Problem, "description": "What went wrong."}},
    )
    app.state.trainings_in = trainings_in
    app.state.store = Store(host(served), max_bytes=max_bytes)
    for part in (models, runs, looks, compares, masks, piano, trainings):
        app.include_router(part.router)
    app.add_exception_handler(CutawayError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    app.add_middleware(Guard, hosts=hosts)  # pyright: ignore[reportArgumentType]
    _add_page(app)
    return app


def _add_page(app: FastAPI) -> None:
    for name in ("assets", "notebook"):
        if (STATIC / name).is_dir():
            app.mount(f"/{name}", StaticFiles(directory=STATIC / name), name=name)

    @app.get("/", include_in_schema=False)
    def page() -> Response:
        index = STATIC / "index.html"
        if not index.is_file():
            return PlainTextResponse(_NO_PAGE, status_code=503)
        return FileResponse(index, headers={"cache-control": "no-cache"})

    @app.get("/icon.svg", include_in_schema=False)
    def icon() -> Response:
        path = STATIC / "icon.svg"
        return FileResponse(path) if path.is_file() else Response(status_code=404)


def _problem(status: int, body: bytes) -> Response:
    headers = {"cache-control": "no-store"}
    return Response(body, status, headers=headers, media_type="application/json")


def _ours(_: Request, error: Exception) -> Response:
    assert isinstance(error, CutawayError)
    status = 422
    if isinstance(error, ModelNotFound | RunNotFound):
        status = 404
    elif isinstance(error, ResourceError):
        status = 503
    return _problem(status, problem_of(error))


def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(piece) for piece in first["loc"][1:]) or "The request"
    given = first.get("input")
    shown = f"{given!r:.80}" if isinstance(given, str | int | float) else ""
    what = f"{place} is {shown}." if shown else f"{place} cannot be taken."
    limits = [str(value) for value in first.get("ctx", {}).values()]
    body = problem_json(
        "InvalidRequest",
        what,
        f"{first['msg']}.",
        place=place,
        given=shown,
        rule=first["type"],
        limit=limits[0] if len(limits) == 1 else "",
    )
    return _problem(422, body)


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = error.status_code
    return _problem(status, problem_json("HTTPError", f"{error.detail}.", status=status))
