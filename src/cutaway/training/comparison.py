"""Several runs side by side: in what their recipes differ, and where they stood at equal places."""

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from cutaway.errors import DataError
from cutaway.training.curves import series
from cutaway.training.runs import Run

__all__ = ["Place", "differences", "places"]

_SMOOTHED = 20  # training losses that a figure is the mean of
_NOT_COMPARED = ("steps", "flops_per_token", "peak_flops")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the runs stood when they had done equally much.

    Attributes:
        x: steps or tokens.
        losses: of training, in nats per token: the mean of the last 20 steps up to here.
        valid_losses: of the last look at the validation corpus up to here; None before the first.
    """

    x: float
    losses: list[float | None]
    valid_losses: list[float | None]


def differences(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Entries of the recipes, and of what else is known of the runs, that are not all equal.

    Returns:
        For each name such as ``optimizer.lr`` a text for each run, empty where it has none.
    """
    tables = [_flat(_told(run.about)) for run in runs]
    names = list(dict.fromkeys(name for table in tables for name in table))
    rows = {name: [table.get(name, "") for table in tables] for name in names}
    return {name: row for name, row in rows.items() if len(set(row)) > 1}


def places(runs: Sequence[Run], *, by: str = "steps", parts: int = 4) -> list[Place]:
    """The runs at equal parts of the way that all of them have come.

    Args:
        runs: with all their steps.
        by: ``steps``, ``tokens`` or ``time``.
        parts: how many places; the last is the end of the shortest run.

    Raises:
        DataError: if a run has no step yet, or its journal does not note what is asked for.
    """
    losses = [series(run, "loss", by) for run in runs]
    for run, points in zip(runs, losses, strict=True):
        if not points:
            raise DataError(
                f"The journal of {run.name} has no step.", "Wait for its first, or leave it out."
            )
    looks = [series(run, "valid_loss", by) for run in runs]
    shortest = min(points[-1][0] for points in losses)
    marks = [shortest * part / parts for part in range(1, parts + 1)]
    if by != "time":
        marks = sorted({float(max(1, round(mark))) for mark in marks})
    return [
        Place(
            mark,
            [_mean([y for _, y in _until(points, mark)[-_SMOOTHED:]]) for points in losses],
            [_mean([y for _, y in _until(points, mark)[-1:]]) for points in looks],
        )
        for mark in marks
    ]


def _until(points: Sequence[tuple[float, float]], x: float) -> Sequence[tuple[float, float]]:
    return points[: bisect_right(points, x, key=lambda point: point[0])]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _told(about: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe's tables first, under their own names."""
    rest = {name: value for name, value in about.items() if name != "recipe"}
    recipe = cast(dict[str, Any], about.get("recipe") or {})
    return {**{k: v for k, v in recipe.items() if k != "log"}, **rest}


def _flat(table: Mapping[str, Any], path: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in table.items():
        if not path and name in _NOT_COMPARED:
            continue
        if isinstance(value, dict):
            found |= _flat(cast(dict[str, Any], value), f"{path}{name}.")
        else:
            is_text = isinstance(value, str)
            found[path + name] = value if is_text else json.dumps(value, ensure_ascii=False)
    return found
