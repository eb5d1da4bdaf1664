"""Figures arranged for a reader: a panel for each case, a bar for each engine, and the floors."""

import statistics
from dataclasses import dataclass
from typing import Any

from cutaway.benchmarking.cases import Case
from cutaway.benchmarking.choice import Absent, dtype_of, label
from cutaway.benchmarking.contenders import OURS, WIDTHS
from cutaway.benchmarking.figures import floor_of, medians, share
from cutaway.benchmarking.rounds import Result
from cutaway.benchmarking.session import Session

__all__ = ["Bar", "Panel", "memory_read", "not_measured", "panels", "to_dict"]


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of a panel.

    Attributes:
        label: who and in which format.
        value: tokens a second.
        share: of the floor, where there is one.
        kind: ``ours``, ``other``, or ``floor`` for what memory would allow.
    """

    label: str
    value: float
    share: float | None
    kind: str


@dataclass(frozen=True, slots=True)
class Panel:
    """What was measured in one case; engines of one format stand together, above their floor."""

    case: Case
    bars: list[Bar]

    @property
    def most(self) -> float:
        """The largest value, of which every bar is a part."""
        return max(bar.value for bar in self.bars)


def panels(session: Session) -> list[Panel]:
    """Of all cases that have a figure."""
    found = [Panel(case, _bars(session, case)) for case in session.cases]
    return [panel for panel in found if panel.bars]


def _bars(session: Session, case: Case) -> list[Bar]:
    bars: list[Bar] = []
    for width in WIDTHS:
        those = [result for result in session.of_width(width) if case.name in result.figures]
        for result in those:
            reached = share(result, case, session.weights.shape)
            kind = "ours" if result.contender.engine == OURS else "other"
            bars.append(Bar(label(result.contender), medians(result)[case.name], reached, kind))
        floor = floor_of(those[0], case, session.weights.shape) if those else None
        if floor is not None:
            bars.append(Bar(f"memory's limit {dtype_of(width)}", floor.rate, None, "floor"))
    return bars


def memory_read(session: Session) -> tuple[float, float, float] | None:
    """Bytes a second that memory gave beside the rounds: the median, the least and the most."""
    rates = [
        rate
        for width in WIDTHS
        for result in session.of_width(width)[:1]  # all of a width are given the same
        for rates in result.reads.values()
        for rate in rates
    ]
    return (statistics.median(rates), min(rates), max(rates)) if rates else None


def not_measured(session: Session, absent: list[Absent]) -> list[Absent]:
    """Engines and cases without a figure, those that were left out before and those that failed."""
    failed = [
        Absent(f"{label(result.contender)}{f', {case}' if case else ''}", why)
        for result in session.results
        for case, why in result.failures.items()
    ]
    return [*absent, *failed]


def to_dict(session: Session, absent: list[Absent], machine: dict[str, Any]) -> dict[str, Any]:
    """All of it, every round included; bytes and seconds are plain numbers."""
    return {
        "benchmark": "cutaway bench",
        "model": session.weights.title,
        "shape": session.weights.shape.to_dict(),
        "parameters": session.weights.shape.parameters,
        "machine": machine,
        "rounds": session.rounds,
        "unit": "tokens/s",
        "results": [_result(session, result) for result in session.results if result.figures],
        "not_measured": [
            {"name": one.name, "reason": one.reason} for one in not_measured(session, absent)
        ],
    }


def _result(session: Session, result: Result) -> dict[str, Any]:
    cases: dict[str, Any] = {}
    for case in session.cases:
        if case.name not in result.figures:
            continue
        found: dict[str, Any] = {
            "median": medians(result)[case.name],
            "rounds": result.figures[case.name],
        }
        floor = floor_of(result, case, session.weights.shape)
        if floor is not None:
            found |= {
                "bytes_per_step": floor.n_bytes,
                "memory_bytes_per_s": result.reads[case.name],
                "floor": floor.rate,
                "share_of_floor": share(result, case, session.weights.shape),
            }
        cases[case.name] = found
    return {
        "engine": result.contender.engine,
        "dtype": dtype_of(result.contender.width),
        "note": result.contender.note,
        "settings": result.settings,
        "cases": cases,
    }
