"""The rounds: all engines of one width take turns at every case."""

import os
import sys
from contextlib import nullcontext
from pathlib import Path

from benchmarks.engine.check import problem
from benchmarks.engine.environments import NotInstalled, install
from cutaway.benchmarking.agreement import Ask
from cutaway.benchmarking.cases import Case
from cutaway.benchmarking.contenders import Contender
from cutaway.benchmarking.process import Plan, Worker, WorkerFailed, core_taken, prepare
from cutaway.benchmarking.rounds import Result, read_memory, take_turns
from cutaway.benchmarking.shape import GPT2_124M

__all__ = ["measure_width", "ready"]


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def ready(contender: Contender, plan: Plan, environments: Path) -> str:
    """Installs and converts; why that failed, or nothing."""
    try:
        if contender.environment:
            install(contender.environment, environments)
        prepare(contender, plan)
    except (NotInstalled, WorkerFailed) as error:
        return str(error)
    return ""


def measure_width(
    results: list[Result],
    cases: list[Case],
    plan: Plan,
    rounds: int,
    *,
    reference: Ask,
    memory: Ask,
) -> None:
    """Fills in the results of contenders of one width, which are alive together.

    Args:
        results: of the contenders, without figures; one that has failed stays as it is.
        cases: to measure.
        plan: where they run.
        rounds: in which all take turns, after one to warm up.
        reference: asks the worker that is right; who does not agree with it is not measured.
        memory: asks the worker that reads memory, which takes its turn in the decode cases.
    """
    workers: dict[int, Worker] = {}
    try:
        for index, result in enumerate(results):
            if not result.failed and (worker := _start(result, plan, reference)):
                workers[index] = worker
            if result.failed:
                say(f"{result.contender.name}: {result.failed}")
        for case in cases:
            if case.kind in ("start", "memory"):
                continue
            with core_taken(plan) if case.kind == "busy" else nullcontext():
                asks = {index: worker.ask for index, worker in workers.items()}
                for round_ in range(rounds + 1):
                    take_turns(case, round_, asks, results, vocab_size=GPT2_124M.vocab_size)
                    if case.kind == "decode" and round_ and workers:
                        read_memory(case, results, memory, GPT2_124M)
            _told(case, results)
    finally:
        for worker in workers.values():
            worker.close()
    _fresh(results, [case for case in cases if case.kind in ("start", "memory")], plan, rounds)


def _start(result: Result, plan: Plan, reference: Ask) -> Worker | None:
    """A worker whose answers are those of the model; None, and why, otherwise."""
    try:
        worker = Worker(result.contender, plan)
    except WorkerFailed as error:
        result.failures[""] = str(error)
        return None
    result.settings = worker.settings
    try:
        wrong = problem(worker.ask, reference, result.contender.width)
    except WorkerFailed as error:
        wrong = str(error)
    if wrong:
        result.failures[""] = wrong
        worker.close()
        return None
    return worker


def _fresh(results: list[Result], cases: list[Case], plan: Plan, rounds: int) -> None:
    """Cases for which each round takes a new process: one serves both."""
    if not cases:
        return
    for round_ in range(rounds + 1):
        for result in results:
            if result.failed:
                continue
            try:
                found = _one_fresh(result.contender, plan, round_, {c.kind: c for c in cases})
            except WorkerFailed as error:
                result.failures.update({case.name: str(error) for case in cases})
                continue
            if round_:
                for name, value in found.items():
                    result.figures.setdefault(name, []).append(value)
    for case in cases:
        _told(case, results)


def _one_fresh(
    contender: Contender, plan: Plan, round_: int, cases: dict[str, Case]
) -> dict[str, float]:
    worker = Worker(contender, plan)
    found: dict[str, float] = {}
    try:
        if "start" in cases:
            worker.ask(cases["start"].request(round_, GPT2_124M.vocab_size))
            found[cases["start"].name] = worker.seconds
        if "memory" in cases:
            worker.ask(cases["memory"].request(round_, GPT2_124M.vocab_size))
            found[cases["memory"].name] = worker.ask({"case": "memory"})["peak_bytes"] / 1e6
    finally:
        worker.close()
    return found


def _told(case: Case, results: list[Result]) -> None:
    """On stderr, as the figures come."""
    load = f"load {os.getloadavg()[0]:.1f}"
    for result in results:
        if result.failed:
            continue
        figures = ", ".join(f"{value:.4g}" for value in result.figures.get(case.name, []))
        failure = result.failures.get(case.name, "")
        say(f"{case.name:11} {result.contender.name:32} {figures or failure} ({load})")
