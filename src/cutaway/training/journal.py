"""What a run tells: every step as a line of JSON in a file, some of them as text on the log.

The file, ``log.jsonl``, begins with what the run is (``event`` is ``run``); then come steps, which
have no ``event``, and events such as ``valid``; its end says how the run ended. One that is killed
says nothing more, and the next ``resumed`` line where it went on.
"""

import logging
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cutaway.errors import Interrupted, TrainingDiverged
from cutaway.training.journal_file import JournalFile, finite
from cutaway.training.progress import Progress
from cutaway.training.tracking import Tracked, Tracker

__all__ = ["Journal"]

logger = logging.getLogger("cutaway.training")


class Journal:
    """Writes ``log.jsonl``, hands the figures to trackers, and logs a line now and then.

    Each step is also a log record, of level INFO where a line is due, else DEBUG, with a
    :class:`Progress` as its attribute ``progress``: a handler that takes them all can draw a bar.

    Args:
        path: of the JSON lines; None for a process that is to stay silent.
        steps: of the whole run, for the time that is left.
        about: what the run is: recipe, versions, device, and so on; ready for JSON.
        flops_per_token: of :func:`cutaway.training.flops.flops_per_token`; 0 if unknown.
        peak: what the devices of the run can do together, in FLOP/s; None if unknown.
        trackers: that are to get the figures, too.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        steps: int,
        about: Mapping[str, Any] | None = None,
        flops_per_token: float = 0.0,
        peak: float | None = None,
        trackers: Sequence[Tracker] = (),
    ) -> None:
        self.path, self.steps, self.about = path, steps, dict(about or {})
        self._utilization = flops_per_token / peak if peak and flops_per_token else None
        self._trackers = Tracked(trackers)
        self._file: JournalFile | None = None
        self._pace = _Pace()
        self._tokens, self._seconds, self._step = 0, 0.0, 0
        self._kinds: set[str] = set()

    @contextmanager
    def recording(self, *, after: int, source: Path | None = None) -> Generator[None]:
        """The time in which the run goes on; how the block ends is how the run ended.

        Args:
            after: steps behind it; lines of later ones are dropped.
            source: the checkpoint it goes on from.

        Raises:
            ConfigError: if another process is training in the same directory.
        """
        self._begin(after, source)
        try:
            yield
        except Interrupted:
            self._end("stopped")
            raise
        except TrainingDiverged as error:
            self._end("diverged", why=error.what)
            raise
        except BaseException as error:
            self._end("failed", why=f"{type(error).__name__}: {error}".partition("\n")[0])
            raise
        else:
            self._end("finished")

    def step(
        self, step: int, values: Mapping[str, Any], *, tokens: int, seconds: float, show: bool
    ) -> None:
        """Notes an update.

        Args:
            step: its number, from 1.
            values: figures by name, among them ``loss``, in nats per token.
            tokens: targets of the batch.
            seconds: the update took.
            show: whether a person should see it.
        """
        seconds = max(seconds, 1e-9)
        self._step, self._tokens = step, self._tokens + tokens
        self._seconds += seconds
        self._pace.note(tokens, seconds)
        entry: dict[str, Any] = {"step": step, **{k: finite(v) for k, v in values.items()}}
        entry["tokens_per_second"] = round(tokens / seconds)
        if self._utilization is not None:
            entry["mfu"] = round(tokens / seconds * self._utilization, 4)
        self._trackers.log(step, {f"train/{k}": v for k, v in entry.items() if k != "step"})
        self._write(entry | {"tokens": self._tokens, "seconds": round(self._seconds, 3)})
        level = logging.INFO if show else logging.DEBUG
        if self.path is not None and logger.isEnabledFor(level):
            self._tell(level, step, values)

    def event(self, step: int, kind: str, **values: Any) -> None:
        """Notes anything else that happens after a step: a validation, a sample, a skipped update.

        In the file and for trackers each value's name has the kind before it: ``valid_loss``,
        ``valid/loss``. An event that the file has already, from before the run went on from this
        very step, is not written again.
        """
        said = "  ".join(f"{name.replace('_', ' ')} {_told(v)}" for name, v in values.items())
        if self.path is not None:
            logger.info("step %d/%d  %s: %s", step, self.steps, kind, said)
        if kind not in self._kinds or step > self._pace.first:
            self._write_event(kind, step, {f"{kind}_{k}": finite(v) for k, v in values.items()})
            self._trackers.log(step, {f"{kind}/{name}": v for name, v in values.items()})

    def _begin(self, after: int, source: Path | None) -> None:
        self._pace = _Pace(first=after)
        self._step = after
        if self.path is None:
            return
        self._file = JournalFile(self.path, after=after)
        kept = self._file.kept
        self._tokens, self._seconds, self._kinds = kept.tokens, kept.seconds, kept.kinds
        about = {"steps": self.steps, **self.about}
        if after or not kept.is_new:
            self._write_event("resumed", after, {"sent": kept.sent, **about})
        else:
            self._write_event("run", None, about)
        if source is not None:
            logger.info("going on after step %d from %s", after, source)
        self._trackers.start(self.path.parent, about, after=after, sent=kept.sent)
        start = Progress(step=after, steps=self.steps)
        logger.debug("step %d/%d", after, self.steps, extra={"progress": start})

    def _end(self, status: str, **values: Any) -> None:
        try:
            self._write_event(status, self._step, values)
        finally:
            self._trackers.finish(status)
            if self._file is not None:
                self._file.close()
                self._file = None

    def _tell(self, level: int, step: int, values: Mapping[str, Any]) -> None:
        speed = self._pace.tokens_per_second
        share = None if self._utilization is None else speed * self._utilization
        now = Progress(
            step=step,
            steps=self.steps,
            loss=values.get("loss"),
            tokens_per_second=speed,
            mfu=share,
            seconds_left=self._pace.seconds_of(self.steps - step),
        )
        logger.log(level, "%s", "  ".join(now.parts().values()), extra={"progress": now})

    def _write_event(self, kind: str, step: int | None, values: Mapping[str, Any]) -> None:
        place: dict[str, Any] = {"event": kind} if step is None else {"event": kind, "step": step}
        when = datetime.now(UTC).isoformat(timespec="seconds")
        self._write(place | {"time": when} | dict(values))

    def _write(self, entry: dict[str, Any]) -> None:
        if self._file is not None:
            self._file.write(entry)


class _Pace:
    """How fast steps come, with what lies between them: validation, checkpoints.

    Args:
        first: steps that were over before.
    """

    def __init__(self, first: int = 0) -> None:
        self.first = first
        self.tokens_per_second = 0.0  # smoothed
        self._seconds_per_step = 0.0  # smoothed, of the updates alone
        self._in_steps = 0.0
        self._started: float | None = None

    def note(self, tokens: int, seconds: float) -> None:
        """An update is over."""
        if self._started is None:
            self._started = time.perf_counter() - seconds
        now, is_first = tokens / seconds, not self._in_steps
        self._in_steps += seconds
        self.tokens_per_second = now if is_first else 0.9 * self.tokens_per_second + 0.1 * now
        before = seconds if is_first else self._seconds_per_step
        self._seconds_per_step = 0.9 * before + 0.1 * seconds

    def seconds_of(self, steps: int) -> float:
        """How long so many more steps will take, at the share of other work so far."""
        elapsed = time.perf_counter() - (self._started or 0.0)
        return steps * self._seconds_per_step * max(1.0, elapsed / self._in_steps)


def _told(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
