"""From rounds to tables: medians, the best peer of the same width, ratios, what has no figure."""

from typing import Any

import pytest
from benchmarks.engine.report import best_peer, comparison, entry, ratio, tables

from cutaway.benchmarking.cases import CASES
from cutaway.benchmarking.contenders import CONTENDERS, OURS, Contender
from cutaway.benchmarking.figures import medians
from cutaway.benchmarking.rounds import Result

MACHINE: dict[str, Any] = {"processor": "Abacus", "threads": 2}


def result(engine: str, width: str = "int8", **figures: list[float]) -> Result:
    named = {name.replace("_", "-"): values for name, values in figures.items()}
    return Result(Contender(engine, width, "", "", ""), named)


OURS_INT8 = result(OURS, decode_32=[200.0, 180.0, 900.0], start=[0.5], busy=[120.0])
OURS_INT8.reads = {"decode-32": [3e10, 2e10, 6e10]}
SLOW = result("Slow", decode_32=[50.0, 60.0, 40.0], start=[0.25])
FAST = result("Fast", decode_32=[100.0, 90.0, 110.0], start=[0.8])
OTHER_WIDTH = result("Narrow", "int4", decode_32=[999.0])
ALL = [OURS_INT8, SLOW, FAST, OTHER_WIDTH]


def test_a_median_is_not_moved_by_one_round() -> None:
    assert medians(OURS_INT8)["decode-32"] == 200.0


def test_the_best_peer_is_another_of_the_same_width() -> None:
    assert best_peer(ALL, CASES["decode-32"], "int8") is FAST
    assert best_peer(ALL, CASES["start"], "int8") is SLOW  # seconds: less is better
    assert best_peer([OURS_INT8], CASES["decode-32"], "int8") is None


def test_a_ratio_above_one_is_better() -> None:
    assert ratio(150, 100, CASES["decode-32"]) == 1.5
    assert ratio(0.5, 0.25, CASES["start"]) == 0.5


def test_ours_stands_beside_the_best() -> None:
    rows = {row["case"]: row for row in comparison(ALL, list(CASES.values()))}
    assert rows.keys() == {"decode-32", "start"}
    assert rows["decode-32"]["ratio"] == 2.0
    assert rows["decode-32"]["peer"] == "Fast int8"


def test_bf16_has_a_goal_of_its_own() -> None:
    pair = [result(OURS, "bf16", decode_32=[2.0]), result("Fast", "bf16", decode_32=[1.0])]
    (row,) = comparison(pair, [CASES["decode-32"]])
    assert row["goal"] == 1.15


def test_the_share_of_the_floor_is_of_the_median() -> None:
    shares = entry(OURS_INT8)["floor_shares"]
    assert shares.keys() == {"decode-32"}  # neither a start nor a busy machine has a floor
    assert shares["decode-32"] == pytest.approx(200 * (123.5e6 + 2.4e6) / 3e10, rel=0.01)


def test_who_has_no_figure_is_named_with_the_reason() -> None:
    absent = Result(Contender("Absent", "int8", "", "", ""), failures={"": "no such package"})
    partly = result("Partly", prefill=[1.0])
    partly.failures["score"] = "out of memory"
    text = tables([*ALL, absent, partly], list(CASES.values()), MACHINE)
    assert "- Absent int8: no such package" in text
    assert "- Partly int8: score: out of memory" in text
    assert "| Absent" not in text


def test_the_memory_of_each_width_is_told() -> None:
    assert "int8 30.0 (20.0 to 60.0)" in tables(ALL, list(CASES.values()), MACHINE)
    assert "Memory was not read." in tables([SLOW], list(CASES.values()), MACHINE)


def test_rows_of_a_table_have_as_many_cells_as_its_head() -> None:
    text = tables(ALL, list(CASES.values()), MACHINE)
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in lines}) <= 1
    assert "- Cutaway int8: 60% of its quiet rate" in text


def test_every_contender_has_a_name_of_its_own() -> None:
    names = [contender.name for contender in CONTENDERS]
    assert len(set(names)) == len(names)
