"""What every worker shares: how a request is read, timed and answered. Needs no library.

Whoever drives a worker asks it to convert the weights first (``--prepare``), in a process that ends
with it, so that what a conversion leaves in memory is not there when the engine is measured.

A request is a line of JSON on stdin, the answer one line of JSON on stdout:

    {"case": "decode", "prompts": [[1, 2]], "new": 64}  {"tokens_per_s": 101.5, "ids": [[...]]}
    {"case": "prefill", "ids": [1, 2, 3]}               {"tokens_per_s": 900.1, "logits": [...]}
    {"case": "score", "ids": [1, 2, 3]}                 {"tokens_per_s": 800.7, "logprobs": [...]}
    {"case": "memory"}                                  {"peak_bytes": 412000000}
    {"case": "read", "n_bytes": 8000000}                {"bytes_per_s": 3.1e10}    (memory alone)

What a library prints goes to stderr. A failure is answered as {"error": "..."}, and the worker
lives on.
"""

import argparse
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cutaway.benchmarking.shape import Shape

__all__ = ["LOGITS_SHOWN", "Decoded", "Engine", "Job", "answer", "finished", "main", "peak_bytes"]

LOGITS_SHOWN = 512
"""Of the last position, for the comparison with the reference."""


@dataclass(frozen=True)
class Decoded:
    """Greedy texts: their new ids, and the seconds between the first new token and the last."""

    ids: list[list[int]]
    seconds: float

    @property
    def tokens_per_s(self) -> float:
        """Over all texts, the first token of each left to the reading of the prompt."""
        n_steps = sum(len(row) - 1 for row in self.ids)
        return n_steps / self.seconds if n_steps else 0.0


class Engine(Protocol):
    """A loaded model. None of its methods keeps anything for the next call."""

    settings: dict[str, Any]

    def decode(self, prompts: list[list[int]], new: int) -> Decoded:
        """Greedy texts, ``new`` tokens each; end-of-text is a token as any other."""
        ...

    def prefill(self, ids: list[int]) -> Sequence[float]:
        """The logits of the last position."""
        ...

    def score(self, ids: list[int]) -> list[float]:
        """The log-probability of every token but the first."""
        ...


@dataclass(frozen=True)
class Job:
    """What a worker is asked to be."""

    work: Path
    format: str
    threads: int
    settings: dict[str, Any]

    @property
    def model(self) -> Path:
        """The checkpoint of all: config.json and model.safetensors as transformers writes them."""
        return self.work / "model"

    @property
    def shape(self) -> Shape:
        """The size of that model."""
        return Shape.read(self.model)


@contextmanager
def finished(home: Path) -> Generator[Path]:
    """A folder that takes the name ``home`` when all is in it: a half is never found there."""
    partial = home.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    yield partial
    partial.rename(home)


def peak_bytes() -> int:
    """The most memory this process has held so far."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found, "no VmHWM in /proc/self/status"
    return int(found[1]) * 1024


def answer(engine: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Does what an :class:`Engine` is asked and says how fast it went."""
    if request["case"] == "memory":
        return {"peak_bytes": peak_bytes()}
    if request["case"] == "read":
        return {"bytes_per_s": engine.read(request["n_bytes"])}
    if request["case"] == "decode":
        decoded = engine.decode(request["prompts"], request["new"])
        return {"tokens_per_s": decoded.tokens_per_s, "ids": decoded.ids}
    started = time.perf_counter()
    values = {"prefill": engine.prefill, "score": engine.score}[request["case"]](request["ids"])
    seconds = time.perf_counter() - started
    shown = {"prefill": ("logits", LOGITS_SHOWN), "score": ("logprobs", None)}[request["case"]]
    rounded = [round(float(value), 5) for value in values[: shown[1]]]
    return {"tokens_per_s": len(request["ids"]) / seconds, shown[0]: rounded}


def main(prepare: Callable[[Job], None], load: Callable[[Job], Any]) -> None:
    """The command line of a worker: with ``--prepare`` it converts the model and ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--format", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--settings", type=json.loads, default={})
    parser.add_argument("--prepare", action="store_true")
    options = parser.parse_args()
    job = Job(options.work, options.format, options.threads, options.settings)
    if options.prepare:
        prepare(job)
        return
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    engine = load(job)
    print(json.dumps({"ready": True, "settings": engine.settings}), file=replies)
    for line in sys.stdin:
        try:
            reply = answer(engine, json.loads(line))
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=replies)
