"""``cutaway explore``: the article live in a browser, served from this machine to this machine."""

import os
import socket
import sys
import threading
import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cutaway.cli.app import new_app
from cutaway.cli.options import Adapter, open_model
from cutaway.cli.output import stderr, stdout
from cutaway.errors import ConfigError, MissingExtra

if TYPE_CHECKING:
    from fastapi import FastAPI

app = new_app()
_HOST = "127.0.0.1"


@app.command()
def explore(
    model: Annotated[
        list[str] | None,
        typer.Option(
            "-m",
            "--model",
            help="A name that `cutaway models` lists, or a directory or file with weights; "
            "several to choose from.  [default: pocket]",
        ),
    ] = None,
    adapter: Adapter = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="To serve on; 0 for any that is free.")
    ] = 8337,
    runs: Annotated[
        Path | None,
        typer.Option(help="Also show the training runs in this folder. Default: runs, if it is."),
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no browser.")] = False,
) -> None:
    """See the model at work in a browser.

    Serves to this machine only, until Ctrl-C. Models are those named here and no others.
    """
    names = model or ["pocket"]
    if adapter is not None and len(names) > 1:
        raise ConfigError(
            f"--adapter {adapter} with {len(names)} models.",
            "Name one model; or write each with its adapter: cutaway convert BASE OUT --adapter",
        )
    try:
        import uvicorn

        from cutaway.server import create_app
    except ImportError as error:
        raise MissingExtra(
            f"The explorer needs {error.name}, which is not installed.",
            "Install it with: pip install 'cutaway[explore]'",
        ) from error
    from cutaway.server import STATIC

    if not (STATIC / "index.html").is_file():
        raise ConfigError("The explorer's page is not built.", "In a clone, run: make explore")
    folder = _runs_in(runs)
    listening = _listen(port)
    try:
        lms = [open_model(name, adapter=adapter) for name in names]
        served = create_app(lms, trainings_in=folder)
        address = f"http://{_HOST}:{listening.getsockname()[1]}/"
        stdout().line(address).flush()  # a pipe would hold it back as long as the server runs
        stderr().line("Ctrl-C stops it.", "dim")
        if not no_browser and _has_display():
            threading.Timer(0.5, webbrowser.open, [address]).start()
        _serve(uvicorn, served, listening)
    finally:
        listening.close()


def _runs_in(asked: Path | None) -> Path | None:
    """The folder of training runs: the one asked for, or ``runs`` where there is one.

    Raises:
        ConfigError: if the one asked for is none.
    """
    if asked is not None and not asked.is_dir():
        raise ConfigError(f"--runs {asked}: there is no such folder.", "Name the one of --out.")
    default = Path("runs")
    return asked or (default if default.is_dir() else None)


def _serve(uvicorn: "object", served: "FastAPI", listening: socket.socket) -> None:
    """Serves until Ctrl-C, which is how it is meant to end."""
    config = uvicorn.Config(  # type: ignore[attr-defined]
        served, log_level="warning", timeout_graceful_shutdown=1, ws="none", lifespan="off"
    )
    server = uvicorn.Server(config)  # type: ignore[attr-defined]
    end = server.handle_exit

    def handle_exit(*signal: object) -> None:
        served.state.store.close()
        end(*signal)

    server.handle_exit = handle_exit
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listening])


def _listen(port: int) -> socket.socket:
    """A socket of this machine only.

    Raises:
        ConfigError: if somebody else has the port.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((_HOST, port))
        listening.listen()  # from now on nobody else can, though the model is yet to load
    except OSError as error:
        listening.close()
        reason = error.strerror or "it cannot be had"
        raise ConfigError(
            f"Port {port} cannot be used: {reason}.", "Choose another with --port, or 0 for any."
        ) from None
    return listening


def _has_display() -> bool:
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
