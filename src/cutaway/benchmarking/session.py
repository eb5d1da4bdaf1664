"""A whole measurement on the user's machine: engines started, asked in turn, and ended."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from cutaway.benchmarking.agreement import disagreement, scored
from cutaway.benchmarking.cases import Case
from cutaway.benchmarking.choice import label
from cutaway.benchmarking.contenders import AS_IT_IS, WIDTHS, Contender
from cutaway.benchmarking.floor import step_bytes, weight_bytes
from cutaway.benchmarking.process import Plan, Worker, WorkerFailed, prepare
from cutaway.benchmarking.rounds import Result, read_memory, take_turns
from cutaway.benchmarking.shape import Shape
from cutaway.benchmarking.weights import Weights

__all__ = ["Listener", "Session", "measure", "memory_needed", "seconds_expected"]

_MEMORY = Contender("memory", "", "memory", "", "")
_LIBRARIES = 400e6  # bytes of an engine's process beside its weights
# A guess at a plain machine, to say beforehand how long it will take: a start of a process with
# its libraries; operations a second of one thread, twice as many below float32; bytes a second that
# an engine reads.
_START, _OPERATIONS, _READ = 4.0, 7e10, 1.5e10


class Listener(Protocol):
    """Is told what goes on."""

    def doing(self, what: str) -> None:
        """Something that has no end in sight yet."""
        ...

    def turn(self, what: str, done: int, total: int) -> None:
        """A turn begins; ``done`` of ``total`` are over."""
        ...

    def finished(self, case: Case, width: str) -> None:
        """All rounds of a case at a width are over."""
        ...


@dataclass
class Session:
    """What is to be measured, and what was so far.

    Attributes:
        weights: of all engines.
        cases: to measure.
        results: of the contenders, filled in as figures come.
        rounds: that count, after one to warm up.
        threads: of each engine.
    """

    weights: Weights
    cases: list[Case]
    results: list[Result]
    rounds: int
    threads: int
    start: Callable[[Contender, Plan], Worker] = Worker
    done: int = field(default=0, init=False)

    @property
    def total(self) -> int:
        """Turns of those who take part, warming up included."""
        alive = sum(not result.failed for result in self.results)
        return alive * len(self.cases) * (self.rounds + 1)

    def of_width(self, width: str) -> list[Result]:
        """The results of the contenders of one width."""
        return [result for result in self.results if result.contender.width == width]


def measure(session: Session, listener: Listener) -> None:
    """Fills in the results, one width after the other; what fails is left with its reason.

    When this is interrupted, the results hold what was measured until then.
    """
    plan = Plan(session.weights.folder, session.threads)
    with _running(_MEMORY, plan, session.start) as memory:
        for width in WIDTHS:
            if these := session.of_width(width):
                _measure_width(session, these, plan, memory, listener)


@contextmanager
def _running(
    contender: Contender, plan: Plan, start: Callable[[Contender, Plan], Worker]
) -> Generator[Worker]:
    worker = start(contender, plan)
    try:
        yield worker
    finally:
        worker.close()


def _measure_width(
    session: Session, results: list[Result], plan: Plan, memory: Worker, listener: Listener
) -> None:
    workers: dict[int, Worker] = {}
    try:
        for index, result in enumerate(results):
            try:
                workers[index] = _started(session, result, plan, listener)
            except WorkerFailed as error:
                result.failures[""] = str(error)
        _compare(session, results, workers)
        asks = {index: worker.ask for index, worker in workers.items()}
        for case in session.cases if workers else []:
            for round_ in range(session.rounds + 1):
                when = f"round {round_} of {session.rounds}" if round_ else "warming up"

                def before(result: Result, case: Case = case, when: str = when) -> None:
                    what = f"{case.name}, {label(result.contender)}, {when}"
                    listener.turn(what, session.done, session.total)
                    session.done += 1

                n_vocab = session.weights.shape.vocab_size
                take_turns(case, round_, asks, results, vocab_size=n_vocab, before=before)
                if case.kind == "decode" and round_:
                    read_memory(case, results, memory.ask, session.weights.shape)
            listener.finished(case, results[0].contender.width)
    finally:
        for worker in workers.values():
            worker.close()


def _started(session: Session, result: Result, plan: Plan, listener: Listener) -> Worker:
    """A worker that has its weights.

    Raises:
        WorkerFailed: if they cannot be converted, or it does not start.
    """
    name = label(result.contender)
    if result.contender.module not in AS_IT_IS:
        listener.doing(f"{name}: converting the weights, where it is the first time")
        prepare(result.contender, plan)
    listener.doing(f"{name}: starting")
    worker = session.start(result.contender, plan)
    result.settings = worker.settings
    return worker


def _compare(session: Session, results: list[Result], workers: dict[int, Worker]) -> None:
    """Takes those out whose answers are not those of the first, which is ours if it takes part."""
    first: tuple[str, list[float]] | None = None
    for index, worker in list(workers.items()):
        result = results[index]
        try:
            found = scored(worker.ask, session.weights.shape.vocab_size)
            if first is None:
                first = label(result.contender), found
            wrong = disagreement(found, first[1], result.contender.width, first[0])
        except (WorkerFailed, ValueError) as error:
            wrong = str(error)
        if wrong:
            result.failures[""] = wrong
            workers.pop(index).close()


def memory_needed(shape: Shape, contenders: list[Contender]) -> float:
    """Bytes that the engines of the largest width take together, one still reading its file."""
    most = 0.0
    for width in WIDTHS:
        n = sum(one.width == width for one in contenders)
        each = weight_bytes(shape, width) + _LIBRARIES
        most = max(most, n * each + 4 * shape.parameters) if n else most
    return most + _LIBRARIES


def seconds_expected(session: Session) -> float:
    """How long this may take; a rough guess."""
    shape, total = session.weights.shape, 0.0
    for result in session.results:
        width = result.contender.width
        operations = _OPERATIONS * session.threads * (1 if width == "fp32" else 2)
        total += _START
        for case in session.cases:
            new = case.new if case.kind == "decode" else 0
            tokens = case.batch * (case.prompt + new)
            n_bytes = step_bytes(shape, width, batch=case.batch, prompt=case.prompt, new=case.new)
            one = 2 * shape.linear * tokens / operations
            total += (session.rounds + 1) * (one + new * n_bytes / _READ)
    return total
