"""trackio: a database on this machine, or a Space, as its own variables say.

A run goes on under its name in its project; steps that trackio may have seen before a kill are not
sent again.
"""

import importlib
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from typing import Any

from cutaway.training.tracking import LogConfig, TrackedRun, Tracker

__all__ = ["Trackio", "open_tracker"]


class Trackio:
    """See :class:`cutaway.training.tracking.Tracker`.

    Args:
        project: in which the run is filed.
    """

    name = "trackio"

    def __init__(self, project: str) -> None:
        self.project = project
        self._trackio: Any = importlib.import_module("trackio")  # its types are not complete
        self._run: Any = None
        self._sent = 0

    def start(self, run: TrackedRun) -> None:
        """Begins a run, or goes on with the last one of that name."""
        self._sent = run.sent
        with redirect_stdout(sys.stderr):  # where it says how to look at the run
            self._run = self._trackio.init(
                project=self.project,
                name=run.name,
                resume="allow" if run.sent else "never",
                config=dict(run.about),
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Sends the values of a step that was not sent before."""
        if step > self._sent:
            self._run.log(dict(values), step=step)

    def finish(self, status: str) -> None:
        """Waits until all is written."""
        if self._run is not None:
            with redirect_stdout(sys.stderr):
                self._trackio.finish()


def open_tracker(config: LogConfig) -> Tracker:
    """One that has not started."""
    return Trackio(config.project)
