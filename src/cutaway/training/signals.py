"""Ctrl-C and a polite kill end a run after the step under way, with its state saved."""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

__all__ = ["StopRequest", "stop_on_signals"]


class StopRequest:
    """Whether somebody asked to stop."""

    def __init__(self) -> None:
        self.is_set = False

    def set(self) -> None:
        """Asks to stop."""
        self.is_set = True


@contextmanager
def stop_on_signals() -> Generator[StopRequest]:
    """Turns the first SIGINT or SIGTERM into a request; the second one acts as usual.

    Only the main thread can do this; elsewhere the request is simply never set.
    """
    request = StopRequest()
    previous: dict[signal.Signals, object] = {}

    def ask(number: int, frame: FrameType | None) -> None:
        request.set()
        for name, handler in previous.items():
            signal.signal(name, handler)  # type: ignore[arg-type]

    try:
        for name in (signal.SIGINT, signal.SIGTERM):
            previous[name] = signal.signal(name, ask)
    except ValueError:  # not the main thread
        previous.clear()
    try:
        yield request
    finally:
        for name, handler in previous.items():
            signal.signal(name, handler)  # type: ignore[arg-type]
