"""Score against number of examples, from one beginning and another: ``transfer.json``.

Whoever measures how few examples a pre-trained model needs (Khandelwal et al. 2019, "Sample
Efficient Text Summarization Using a Single Pre-Trained Transformer", figure 2) writes its result
with this; the explorer draws it.

::

    {
      "task": "summarization",
      "score": "ROUGE-L",
      "protocol": "test set, beam 4, stemmed",
      "baselines": {"lead-3": 21.4},
      "curves": [
        {"name": "pre-trained", "points": [{"examples": 140, "scores": [18.2, 18.9]}]},
        {"name": "from scratch", "points": [{"examples": 140, "scores": [3.1]}]}
      ]
    }
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cutaway.errors import DataError
from cutaway.files import atomic_write

__all__ = ["EXPERIMENT", "Curve", "Experiment", "Point", "find_experiments", "read_experiment"]

EXPERIMENT = "transfer.json"
_MOST_BYTES = 1 << 20
_MOST_FILES = 20


@dataclass(frozen=True, slots=True)
class Point:
    """Scores after so many examples, one for each seed."""

    examples: int
    scores: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return sum(self.scores) / len(self.scores)


@dataclass(frozen=True, slots=True)
class Curve:
    """One way to begin, such as ``pre-trained`` or ``from scratch``; fewest examples first."""

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """All that was measured with one protocol.

    Attributes:
        task: such as ``summarization``.
        score: its name, such as ``ROUGE-L``; more is better.
        protocol: how it was taken, in a line.
        curves: one for each way to begin.
        baselines: scores of what needs no example, by name.
    """

    task: str
    score: str
    protocol: str
    curves: tuple[Curve, ...]
    baselines: tuple[tuple[str, float], ...] = ()

    def save(self, path: str | Path) -> None:
        """Writes the file.

        Raises:
            ResourceError: if the disk is full or refuses.
        """
        told = {
            "task": self.task,
            "score": self.score,
            "protocol": self.protocol,
            "baselines": dict(self.baselines),
            "curves": [
                {
                    "name": curve.name,
                    "points": [
                        {"examples": point.examples, "scores": list(point.scores)}
                        for point in curve.points
                    ],
                }
                for curve in self.curves
            ],
        }
        with atomic_write(Path(path)) as file:
            file.write((json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode())


def find_experiments(folder: str | Path) -> list[Path]:
    """Every ``transfer.json`` in a folder, at most 20; links are not followed."""
    found = sorted(path for path in Path(folder).rglob(EXPERIMENT) if path.is_file())
    return [path for path in found if not path.is_symlink()][:_MOST_FILES]


def read_experiment(path: str | Path) -> Experiment:
    """Reads a file that :meth:`Experiment.save`, or somebody by hand, has written.

    Raises:
        DataError: if it is too large, no JSON, or lacks what the drawing needs; with its place.
    """
    path = Path(path)
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise DataError(f"{path} has {size:,} bytes.", f"At most {_MOST_BYTES:,} are read.")
    try:
        told: Any = json.loads(path.read_text(encoding="utf-8"))
        curves = [_curve(one) for one in told["curves"]]
        found = Experiment(
            task=str(told.get("task", "")),
            score=str(told["score"]),
            protocol=str(told.get("protocol", "")),
            curves=tuple(curves),
            baselines=tuple((str(k), _number(v)) for k, v in told.get("baselines", {}).items()),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise DataError(
            f"{path} is no experiment: {error!r:.80}.",
            "Its form is in the docstring of cutaway.evals.examples.",
        ) from None
    return found


def _curve(told: Any) -> Curve:
    points = [_point(one["examples"], one["scores"]) for one in told["points"]]
    return Curve(str(told["name"]), tuple(sorted(points, key=lambda point: point.examples)))


def _point(examples: object, scores: Sequence[object]) -> Point:
    if not isinstance(examples, int) or isinstance(examples, bool) or examples < 0:
        raise ValueError(f"examples is {examples!r:.20}")
    if not scores:
        raise ValueError("scores is empty")
    return Point(examples, tuple(_number(score) for score in scores))


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(f"a score is {value!r:.20}")
    return float(value)
