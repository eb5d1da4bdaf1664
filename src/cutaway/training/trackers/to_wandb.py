"""Weights & Biases, online or not, as its own settings and variables say (``WANDB_MODE``).

The run's W&B id is kept in ``wandb-id`` in its directory, so it goes on as the same run. W&B takes
no step twice: those it may have seen before a kill are not sent again.
"""

import importlib
import secrets
from collections.abc import Mapping
from typing import Any

from cutaway.files import atomic_write
from cutaway.training.tracking import LogConfig, TrackedRun, Tracker

__all__ = ["WandB", "open_tracker"]


class WandB:
    """See :class:`cutaway.training.tracking.Tracker`.

    Args:
        project: in which the run is filed.
    """

    name = "wandb"

    def __init__(self, project: str) -> None:
        self.project = project
        self._wandb: Any = importlib.import_module("wandb")  # its types are not complete
        self._run: Any = None
        self._sent = 0

    def start(self, run: TrackedRun) -> None:
        """Begins a run, or goes on with the one that the directory names."""
        place = run.directory / "wandb-id"
        if not place.exists():
            with atomic_write(place) as file:
                file.write(secrets.token_hex(4).encode())
        self._sent = run.sent
        self._run = self._wandb.init(
            project=self.project,
            name=run.name,
            id=place.read_text("ascii").strip(),
            resume="allow",
            dir=str(run.directory),
            config=dict(run.about),
            settings=self._wandb.Settings(console="off"),
        )

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Sends the values of a step that was not sent before."""
        if step > self._sent:
            self._run.log(dict(values), step=step)

    def finish(self, status: str) -> None:
        """Marks how it ended; a run that was stopped can go on, so that is no failure."""
        if self._run is not None:
            self._run.finish(exit_code=0 if status in ("finished", "stopped") else 1)


def open_tracker(config: LogConfig) -> Tracker:
    """One that has not started."""
    return WandB(config.project)
