"""From rounds to tables: medians, ratios to the best peer of the same width, share of the floor."""

import statistics
from typing import Any

from cutaway.benchmarking.cases import CASES, Case
from cutaway.benchmarking.contenders import OURS, WIDTHS
from cutaway.benchmarking.figures import medians
from cutaway.benchmarking.figures import share as share_of_shape
from cutaway.benchmarking.floor import cache_bytes, weight_bytes
from cutaway.benchmarking.rounds import Result
from cutaway.benchmarking.shape import GPT2_124M

__all__ = ["best_peer", "comparison", "entry", "ratio", "tables"]


def best_peer(results: list[Result], case: Case, width: str) -> Result | None:
    """The best of those that are not ours; None if no peer has a figure."""
    peers = [
        result
        for result in results
        if result.contender.engine != OURS
        and result.contender.width == width
        and case.name in result.figures
    ]
    pick = max if case.more_is_better else min
    return pick(peers, key=lambda result: medians(result)[case.name], default=None)


def ratio(ours: float, theirs: float, case: Case) -> float:
    """How many times better ours is; less than 1 if it is worse."""
    return ours / theirs if case.more_is_better else theirs / ours


def share(result: Result, case: Case) -> float | None:
    """Of the floor; None for what is no decode step on a quiet machine."""
    return share_of_shape(result, case, GPT2_124M)


def entry(result: Result) -> dict[str, Any]:
    """One contender for the JSON."""
    width = result.contender.width
    shares = {
        name: round(found, 3)
        for name in result.figures
        if (found := share(result, CASES[name])) is not None
    }
    return {
        "name": result.contender.name,
        "engine": result.contender.engine,
        "width": width,
        "medians": {name: round(value, 3) for name, value in medians(result).items()},
        "rounds": result.figures,
        "floor_shares": shares,
        "bytes_per_s": result.reads,
        "failures": result.failures,
        "settings": result.settings,
    }


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 20 else f"{value:.2f}"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _head(cells: list[str]) -> list[str]:
    return [_row(cells), "|" + "---|" * len(cells)]


def figures_table(results: list[Result], cases: list[Case]) -> list[str]:
    """Every engine's medians, with the share of the floor behind each decode figure."""
    lines = _head(["engine", *(case.title for case in cases)])
    for result in results:
        found, cells = medians(result), [result.contender.name]
        for case in cases:
            value = found.get(case.name)
            cell = _figure(value)
            if value is not None:
                reached = share(result, case)
                cell += f" ({reached:.0%})" if reached is not None else ""
            cells.append(cell)
        lines.append(_row(cells))
    return lines


def comparison(results: list[Result], cases: list[Case]) -> list[dict[str, Any]]:
    """Ours beside the best peer, for each case and width that has both."""
    rows: list[dict[str, Any]] = []
    for case in cases:
        for result in results:
            if result.contender.engine != OURS or case.name not in result.figures:
                continue
            peer = best_peer(results, case, result.contender.width)
            if peer is None:
                continue
            ours, theirs = medians(result)[case.name], medians(peer)[case.name]
            rows.append(
                {
                    "case": case.name,
                    "width": result.contender.width,
                    "ours": ours,
                    "best": theirs,
                    "peer": peer.contender.name,
                    "ratio": ratio(ours, theirs, case),
                    "goal": 1.15
                    if result.contender.width == "bf16"
                    and case.batch == 1
                    and case.kind == "decode"
                    else case.goal,
                }
            )
    return rows


def kept_when_busy(results: list[Result]) -> list[str]:
    """What each engine keeps of its rate while another process has one core."""
    lines = []
    for result in results:
        found = medians(result)
        if {"busy", "decode-32"} <= found.keys():
            kept = found["busy"] / found["decode-32"]
            lines.append(f"- {result.contender.name}: {kept:.0%} of its quiet rate")
    return lines


def memory_lines(results: list[Result]) -> list[str]:
    """Peak memory beside what the weights and a full context's cache take."""
    lines = []
    for result in results:
        width = result.contender.width
        least = (weight_bytes(GPT2_124M, width) + cache_bytes(GPT2_124M, width, 1024)) / 1e6
        if peak := medians(result).get("memory"):
            lines.append(
                f"- {result.contender.name}: {peak:,.0f} MB, {peak / least:.2f} times the "
                f"{least:,.0f} MB of weights and cache"
            )
    return lines


def reads_line(results: list[Result]) -> str:
    """What memory gave while each width was measured: the median, least and most of all rounds."""
    parts = []
    for width in WIDTHS:
        rates = [
            rate
            for result in results
            if result.contender.width == width
            for values in result.reads.values()
            for rate in values
        ]
        if rates:
            found = [statistics.median(rates), min(rates), max(rates)]
            middle, least, most = (rate / 1e9 for rate in found)
            parts.append(f"{width} {middle:.1f} ({least:.1f} to {most:.1f})")
    if not parts:
        return "Memory was not read."
    return f"Memory read in GB/s, of as many bytes as the weights: {', '.join(parts)}."


def tables(results: list[Result], cases: list[Case], machine: dict[str, Any]) -> str:
    """All of it in Markdown."""
    ordered = sorted(results, key=lambda result: WIDTHS.index(result.contender.width))
    alive = [result for result in ordered if result.figures]
    read = reads_line(ordered)
    parts = [
        [f"{machine['processor']}, {machine['threads']} threads. {read}"],
        figures_table(alive, cases),
    ]
    if rows := comparison(ordered, cases):
        head = _head(["case", "width", "ours", "best peer", "", "ratio", "goal"])
        parts.append(head + [_compared(row) for row in rows])
    parts += [part for part in (kept_when_busy(alive), memory_lines(alive)) if part]
    told = [
        f"- {result.contender.name}: {f'{case}: ' if case else ''}{why}"
        for result in ordered
        for case, why in result.failures.items()
    ]
    if told:
        parts.append(["Without a figure:", "", *told])
    return "\n\n".join("\n".join(part) for part in parts)


def _compared(row: dict[str, Any]) -> str:
    goal = f"{row['goal']:.2f}" if row["goal"] else "-"
    numbers = [_figure(row["ours"]), _figure(row["best"]), row["peer"]]
    return _row([row["case"], row["width"], *numbers, f"{row['ratio']:.2f}", goal])
