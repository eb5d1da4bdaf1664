"""Programs that draw a run while it goes on, behind one small protocol."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

from cutaway.errors import ConfigError, nearest
from cutaway.training.tables import at_least

__all__ = ["KNOWN", "LogConfig", "Tracked", "TrackedRun", "Tracker"]

# By the name of their package, which is also that of the extra: the module here.
KNOWN = {"tensorboard": "to_tensorboard", "wandb": "to_wandb", "trackio": "to_trackio"}

logger = logging.getLogger("cutaway.training")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """What is told of a run, beside its journal; nothing here changes the outcome.

    Attributes:
        every: steps between two lines for a person; every step is in ``log.jsonl``.
        trackers: of ``tensorboard``, ``wandb``, ``trackio``: each an extra of that name.
        project: under which trackers of several runs file this one.
        peak_tflops: what one device can do at most, in TFLOP/s, for the MFU; 0: as the table of
            :mod:`cutaway.training.flops` says, and no MFU where it says nothing.
    """

    every: int = 10
    trackers: tuple[str, ...] = ()
    project: str = "cutaway"
    peak_tflops: float = 0.0

    def __post_init__(self) -> None:
        at_least("log", self, 1, "every")
        for name in self.trackers:
            if name not in KNOWN:
                raise ConfigError(f"log.trackers has {name!r}.", nearest(name, KNOWN))
        if not 0.0 <= self.peak_tflops < math.inf:
            raise ConfigError(f"log.peak_tflops is {self.peak_tflops}.", "Give 0 or more.")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedRun:
    """What a tracker learns of a run when it begins or goes on.

    Attributes:
        name: of the run: its directory's.
        directory: its own; a tracker may keep files there.
        about: recipe, versions, device and so on, ready for JSON.
        after: steps behind it, 0 for a new run. Steps behind ``after`` come (again) from here on.
        sent: the last step that a tracker may have seen before.
    """

    name: str
    directory: Path
    about: Mapping[str, Any] = field(default_factory=dict[str, Any])
    after: int = 0
    sent: int = 0


class Tracker(Protocol):
    """Something that draws figures over steps.

    Any method may raise anything: a tracker that fails is dropped with a warning, and the run goes
    on without it.
    """

    name: str

    def start(self, run: TrackedRun) -> None:
        """A run begins, or goes on: then in the same place, and no step stands there twice."""
        ...

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Figures of a step by name, such as ``train/loss``; finite ones only."""
        ...

    def finish(self, status: str) -> None:
        """The run is over: ``finished``, ``stopped``, ``diverged`` or ``failed``."""
        ...


class Tracked:
    """Several trackers as one that never fails."""

    def __init__(self, trackers: Sequence[Tracker] = ()) -> None:
        self._trackers = list(trackers)

    def start(self, directory: Path, about: Mapping[str, Any], *, after: int, sent: int) -> None:
        """See :class:`Tracker`."""
        run = TrackedRun(
            name=directory.resolve().name, directory=directory, about=about, after=after, sent=sent
        )
        self._each(lambda tracker: tracker.start(run))

    def log(self, step: int, values: Mapping[str, Any]) -> None:
        """See :class:`Tracker`; what is no finite number is left out."""
        if self._trackers:
            numbers = {name: float(v) for name, v in values.items() if _is_number(v)}
            self._each(lambda tracker: tracker.log(step, numbers))

    def finish(self, status: str) -> None:
        """See :class:`Tracker`."""
        self._each(lambda tracker: tracker.finish(status))

    def _each(self, act: Callable[[Tracker], None]) -> None:
        for tracker in list(self._trackers):
            try:
                act(tracker)
            except Exception as error:
                self._trackers.remove(tracker)
                logger.warning(
                    "%s failed and gets nothing more: %s: %s",
                    tracker.name,
                    type(error).__name__,
                    str(error).partition("\n")[0],
                )


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(cast(float, value))
