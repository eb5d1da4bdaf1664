"""The rounds: engines take turns at a case, and memory is read beside them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cutaway.benchmarking.agreement import Ask
from cutaway.benchmarking.cases import Case
from cutaway.benchmarking.contenders import Contender
from cutaway.benchmarking.floor import weight_bytes
from cutaway.benchmarking.process import WorkerFailed
from cutaway.benchmarking.shape import Shape

__all__ = ["Result", "read_memory", "take_turns"]

_MOST_READ = 2**29  # bytes; far above any cache, and no more memory than it takes


@dataclass
class Result:
    """What one contender gave: a list of figures for each case, or why there are none.

    Attributes:
        contender: whose.
        figures: of each case, one a round.
        reads: bytes a second that memory gave beside them, in the decode cases.
        failures: of each case, why it has no figure; of the empty name, why none has.
        settings: that the worker ran with.
    """

    contender: Contender
    figures: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    reads: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    failures: dict[str, str] = field(default_factory=dict[str, str])
    settings: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def failed(self) -> str:
        """Why it took no part at all; empty if it did."""
        return self.failures.get("", "")


def take_turns(
    case: Case,
    round_: int,
    asks: Mapping[int, Ask],
    results: list[Result],
    *,
    vocab_size: int,
    before: Callable[[Result], None] = lambda result: None,
) -> None:
    """One turn each; round 0 warms up and is not counted.

    Args:
        case: to measure.
        round_: which; all are asked the same.
        asks: the workers, by the place of their result.
        results: to be filled in; one that has failed at this case is passed over.
        vocab_size: of the model.
        before: told whose turn comes.
    """
    for index, ask in asks.items():
        result = results[index]
        if case.name in result.failures:
            continue
        before(result)
        try:
            rate = ask(case.request(round_, vocab_size))["tokens_per_s"]
        except WorkerFailed as error:
            result.failures[case.name] = str(error)
            continue
        if round_:
            result.figures.setdefault(case.name, []).append(rate)


def read_memory(case: Case, results: list[Result], memory: Ask, shape: Shape) -> None:
    """What memory gives at this moment, of as many bytes as the weights of this width are."""
    n_bytes = min(int(weight_bytes(shape, results[0].contender.width)), _MOST_READ)
    rate = memory({"case": "read", "n_bytes": n_bytes})["bytes_per_s"]
    for result in results:
        result.reads.setdefault(case.name, []).append(rate)
