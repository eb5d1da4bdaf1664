"""TensorBoard: event files in the run's own ``tensorboard`` folder.

``tensorboard --logdir runs`` then shows every run. Steps that a killed run had written behind its
last checkpoint are marked as void when it goes on, which TensorBoard calls purging.
"""

import json
from collections.abc import Mapping
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from cutaway.training.tracking import LogConfig, TrackedRun, Tracker

__all__ = ["TensorBoard", "open_tracker"]

_FLUSH = 10  # seconds: figures of that time are lost to a kill; the journal has them


class TensorBoard:
    """See :class:`cutaway.training.tracking.Tracker`."""

    name = "tensorboard"

    def __init__(self) -> None:
        self._writer: Any = None

    def start(self, run: TrackedRun) -> None:
        """Opens a file of events, voids what others hold of later steps."""
        void = run.after + 1 if run.sent else None
        folder = str(run.directory / "tensorboard")
        self._writer = SummaryWriter(folder, purge_step=void, flush_secs=_FLUSH)
        about = json.dumps(run.about, indent=2, default=str, ensure_ascii=False)
        self._writer.add_text("run", f"```json\n{about}\n```", run.after)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """A scalar for each value."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def finish(self, status: str) -> None:
        """Writes what is left."""
        if self._writer is not None:
            self._writer.close()


def open_tracker(config: LogConfig) -> Tracker:
    """One that has not started."""
    return TensorBoard()
