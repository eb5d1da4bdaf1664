"""Runs as they can be read off their journals, while they go on and afterwards; without torch.

A run is a directory with a ``log.jsonl`` in it (:mod:`cutaway.training.journal`).
"""

import json
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from cutaway.errors import DataError, UnknownName, nearest
from cutaway.training.journal_file import is_held

__all__ = ["LOG", "Run", "Validation", "find_runs", "open_run", "read_run", "run_places"]

LOG = "log.jsonl"
_ENDS = ("finished", "stopped", "diverged", "failed")
_STALE = 600.0  # seconds without a line, where the system cannot tell whether a run is alive
_NEVER = datetime.fromtimestamp(0, UTC)
_RECENT = 50  # steps for the speed of now


@dataclass(frozen=True, slots=True)
class Validation:
    """A look at the validation corpus.

    Attributes:
        step: behind which it was.
        loss: in nats per token.
        bits_per_byte: of the text; None in a journal without it.
    """

    step: int
    loss: float
    bits_per_byte: float | None


@dataclass(slots=True)
class Run:
    """What a journal says.

    Attributes:
        name: of the run, below the folder where it was looked for.
        directory: its own.
        about: what it is: ``recipe``, ``device``, ``parameters`` and so on; of the last start.
        state: ``running``, ``finished``, ``stopped`` (by the user, state saved), ``diverged``,
            ``failed``, ``killed`` (without a word), or ``unknown`` for a journal without a
            first line.
        why: it diverged or failed; empty otherwise.
        when: its last line was written, in UTC.
        steps: a mapping for each update, with ``step``, ``loss``, ``tokens`` and so on.
        validations: in order.
        damaged: numbers of lines, from 1, that could not be read.
    """

    name: str
    directory: Path
    about: dict[str, Any] = field(default_factory=dict[str, Any])
    state: str = "unknown"
    why: str = ""
    when: datetime = _NEVER
    steps: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    validations: list[Validation] = field(default_factory=list[Validation])
    damaged: list[int] = field(default_factory=list[int])

    @property
    def step(self) -> int:
        """The last one that is noted."""
        return int(self.steps[-1]["step"]) if self.steps else 0

    @property
    def total(self) -> int | None:
        """Steps of the whole run, where that is noted."""
        return _whole(self.about.get("steps"))

    @property
    def loss(self) -> float | None:
        """Of the last step, in nats per token."""
        return self.steps[-1].get("loss") if self.steps else None

    @property
    def best(self) -> Validation | None:
        """The look at the validation corpus with the least loss."""
        return min(self.validations, key=lambda look: look.loss, default=None)

    @property
    def tokens_per_second(self) -> float | None:
        """The mean of the last steps: their tokens over their seconds."""
        recent = [s for s in self.steps[-_RECENT:] if s.get("tokens_per_second")]
        if not recent:
            return None
        return len(recent) / sum(1 / float(step["tokens_per_second"]) for step in recent)

    @property
    def tokens(self) -> int | None:
        """Trained on so far."""
        return _whole(self.steps[-1].get("tokens")) if self.steps else None

    def to_dict(self) -> dict[str, Any]:
        """The figures of the list, ready for JSON."""
        best = self.best
        return {
            "name": self.name,
            "directory": str(self.directory),
            "state": self.state,
            "why": self.why,
            "step": self.step,
            "steps": self.total,
            "loss": self.loss,
            "valid_loss": best and best.loss,
            "valid_step": best and best.step,
            "bits_per_byte": best and best.bits_per_byte,
            "tokens": self.tokens,
            "tokens_per_second": self.tokens_per_second,
            "when": self.when.isoformat(timespec="seconds"),
            "damaged_lines": self.damaged,
        }


def find_runs(folder: Path) -> list[Run]:
    """The runs in a folder and in folders of it, newest last; of each only its last steps.

    Raises:
        DataError: if there is no such folder.
    """
    if not folder.is_dir():
        raise DataError(
            f"There is no folder {folder}.", "Runs are kept in runs/ unless --out said otherwise."
        )
    found = [read_run(path, name=name, recent=_RECENT) for name, path in _places(folder)]
    return sorted(found, key=lambda run: (run.when, run.name))


def open_run(name: str, folder: Path) -> Run:
    """A run by its name in ``folder``, or by the path of its directory.

    Raises:
        UnknownName: if there is none, with the nearest there is.
    """
    places = run_places(folder)
    path = places.get(name) or Path(name)
    if not (path / LOG).is_file():
        raise UnknownName(
            f"There is no run {name!r} in {folder}, and no journal at {path / LOG}.",
            nearest(name, places) if places else f"{folder} holds no run at all.",
            name=name,
        )
    return read_run(path, name=name)


def run_places(folder: Path) -> dict[str, Path]:
    """The directories of runs by their names in ``folder``; none where there is no such folder."""
    return dict(_places(folder)) if folder.is_dir() else {}


def _places(folder: Path) -> Iterator[tuple[str, Path]]:
    """Names and directories, as deep as folders of folders; ``.`` is the folder itself."""
    for pattern in (LOG, f"*/{LOG}", f"*/*/{LOG}"):
        for path in sorted(folder.glob(pattern)):
            yield path.parent.relative_to(folder).as_posix(), path.parent


def read_run(directory: Path, *, name: str = "", recent: int | None = None) -> Run:
    """Reads a journal.

    Args:
        directory: of the run.
        name: to give it; by default that of the directory.
        recent: how many of the last steps to take, which is quicker; None for all.

    Raises:
        DataError: if the file cannot be read.
    """
    path = directory / LOG
    run = Run(name if name not in ("", ".") else directory.resolve().name, directory)
    is_alive = is_held(path)
    try:
        lines = path.read_bytes().split(b"\n")
        changed = path.stat().st_mtime
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror}.", "Name the directory of a run."
        ) from None
    run.when = datetime.fromtimestamp(changed, UTC)
    lines.pop()  # empty, or being written now, or cut off by a kill
    steps: deque[tuple[int, bytes]] = deque(maxlen=recent)
    for number, line in enumerate(lines, start=1):
        if b'"event"' in line or b'"valid_loss"' in line:
            _take_event(run, number, line)
        else:
            steps.append((number, line))
    run.steps = [entry for pair in steps if (entry := _step(run, *pair)) is not None]
    if is_alive or (is_alive is None and _may_live(run, changed)):
        run.state, run.why = "running", ""
    return run


def _may_live(run: Run, changed: float) -> bool:
    return run.state == "killed" and time.time() - changed < _STALE


def _parsed(run: Run, number: int, line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        entry = None
    if not isinstance(entry, dict):
        run.damaged.append(number)
        return None
    return cast(dict[str, Any], entry)


def _step(run: Run, number: int, line: bytes) -> dict[str, Any] | None:
    entry = _parsed(run, number, line)
    if entry is not None and _whole(entry.get("step")) is None:
        run.damaged.append(number)
        return None
    return entry


def _take_event(run: Run, number: int, line: bytes) -> None:
    entry = _parsed(run, number, line)
    if entry is None:
        return
    kind = entry.get("event", "valid")  # journals of before events had only this one
    if kind in ("run", "resumed"):
        run.about = {k: v for k, v in entry.items() if k not in ("event", "step", "sent", "time")}
        run.state, run.why = "killed", ""
    elif kind in _ENDS:
        run.state, run.why = kind, str(entry.get("why", ""))
        run.when = _time(entry, run.when)
    elif kind == "valid":
        step, loss = _whole(entry.get("step")), entry.get("valid_loss")
        if step is not None and isinstance(loss, int | float):
            bits = entry.get("valid_bits_per_byte")
            run.validations.append(Validation(step, float(loss), bits))


def _time(entry: Mapping[str, Any], otherwise: datetime) -> datetime:
    try:
        return datetime.fromisoformat(str(entry.get("time"))).astimezone(UTC)
    except ValueError:
        return otherwise


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
