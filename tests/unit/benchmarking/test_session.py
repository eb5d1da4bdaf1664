"""A whole measurement: who is started, compared, asked and ended, and what it needs."""

from pathlib import Path
from typing import Any

import pytest

from cutaway.benchmarking import session as session_module
from cutaway.benchmarking.cases import CASES, Case
from cutaway.benchmarking.contenders import CONTENDERS, OURS, Contender
from cutaway.benchmarking.floor import weight_bytes
from cutaway.benchmarking.process import Plan, WorkerFailed
from cutaway.benchmarking.rounds import Result
from cutaway.benchmarking.session import Session, measure, memory_needed, seconds_expected
from cutaway.benchmarking.shape import GPT2_124M
from cutaway.benchmarking.weights import random_weights

OURS_ALL = [one for one in CONTENDERS if one.engine == OURS]
LLAMA = next(one for one in CONTENDERS if (one.module, one.width) == ("llama_cpp", "int8"))


class Stage:
    """Starts workers that answer at once, and keeps what happened in order."""

    def __init__(self, *, stop_at: int = 10_000) -> None:
        self.happened: list[str] = []
        self._stop_at = stop_at

    def start(self, contender: Contender, plan: Plan) -> Any:
        return _Actor(contender.name, self)

    def tell(self, what: str) -> None:
        self.happened.append(what)
        if len(self.happened) == self._stop_at:
            raise KeyboardInterrupt

    def doing(self, what: str) -> None:
        pass

    def turn(self, what: str, done: int, total: int) -> None:
        assert 0 <= done < total

    def finished(self, case: Case, width: str) -> None:
        self.happened.append(f"over: {case.name} {width}")


class _Actor:
    settings: dict[str, Any] = {}  # noqa: RUF012

    def __init__(self, name: str, stage: Stage) -> None:
        self._name, self._stage = name, stage
        stage.happened.append(f"start: {name}")

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["case"] == "score" and len(request["ids"]) == 64:
            return {"logprobs": [float(token) for token in request["ids"][1:]]}
        self._stage.tell(f"{request['case']}: {self._name}")
        return {"tokens_per_s": 100.0, "bytes_per_s": 1e10}

    def close(self) -> None:
        self._stage.happened.append(f"end: {self._name}")


def session(folder: Path, stage: Stage, contenders: list[Contender], rounds: int = 1) -> Session:
    results = [Result(one) for one in contenders]
    weights = random_weights(GPT2_124M, folder)
    return Session(weights, [CASES["decode-32"]], results, rounds, 2, start=stage.start)


def test_engines_of_a_width_take_turns_and_memory_is_read_beside_them(tmp_path: Path) -> None:
    stage = Stage()
    found = session(tmp_path, stage, [OURS_ALL[1], OURS_ALL[3]])
    measure(found, stage)
    eight = ["start: Cutaway int8", *["decode: Cutaway int8"] * 2, "read: memory"]
    wide = ["start: Cutaway fp32", *["decode: Cutaway fp32"] * 2, "read: memory"]
    assert stage.happened == [
        "start: memory",
        *(*eight, "over: decode-32 int8", "end: Cutaway int8"),
        *(*wide, "over: decode-32 fp32", "end: Cutaway fp32"),
        "end: memory",
    ]
    assert [result.figures for result in found.results] == [{"decode-32": [100.0]}] * 2


@pytest.mark.parametrize("stop_at", [2, 3])
def test_whoever_was_started_is_ended_when_it_is_interrupted(tmp_path: Path, stop_at: int) -> None:
    stage = Stage(stop_at=stop_at + 1)  # one start is told before
    with pytest.raises(KeyboardInterrupt):
        measure(session(tmp_path, stage, OURS_ALL), stage)
    started = {one.removeprefix("start: ") for one in stage.happened if one.startswith("start")}
    ended = {one.removeprefix("end: ") for one in stage.happened if one.startswith("end")}
    assert started == ended


def test_a_conversion_that_fails_is_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(contender: Contender, plan: Plan) -> None:
        raise WorkerFailed("conversion failed: of no use")

    monkeypatch.setattr(session_module, "prepare", fail)
    stage = Stage()
    found = session(tmp_path, stage, [OURS_ALL[1], LLAMA])
    measure(found, stage)
    assert [result.failed for result in found.results] == ["", "conversion failed: of no use"]
    assert found.results[0].figures == {"decode-32": [100.0]}


def test_memory_is_that_of_the_largest_width_at_once() -> None:
    weights = weight_bytes(GPT2_124M, "fp32")
    one = memory_needed(GPT2_124M, [OURS_ALL[3]])
    assert weights < one < weights + 2e9
    assert memory_needed(GPT2_124M, [OURS_ALL[1], OURS_ALL[3]]) == one
    assert memory_needed(GPT2_124M, [OURS_ALL[3]] * 3) > one + 2 * weights


def test_more_takes_longer(tmp_path: Path) -> None:
    def seconds(n_contenders: int, rounds: int) -> float:
        return seconds_expected(session(tmp_path, Stage(), OURS_ALL[:n_contenders], rounds))

    assert 1 < seconds(1, 1) < seconds(1, 3) < seconds(3, 3)
