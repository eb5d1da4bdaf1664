"""How fast is a training step, and how much memory does it take? Against nanoGPT and transformers.

Each trainer has a process of its own; in every round each makes one step, in turn, so that whatever
else the machine does falls on all of them. All start from the same weights and see the same windows
of random tokens; their losses are reported too, and differ by rounding, by nanoGPT's exact GELU and
padded vocabulary, and by transformers' one target less. Peak memory is the process's ``VmHWM``.
Ratios are of tokens a second, ours to the faster peer's: medians of the rounds' ratios.

Our trainer keeps freed memory from step to step (`cutaway.training.process`); the peers run as
their users find them. With ``--keep-memory`` they are given the same by glibc's variables.

What the peers are: `benchmarks.steps`. One line of JSON, and a table on the standard error.

    python -m benchmarks.training [--quick] [--shape gpt2 pocket] [--precision fp32 bf16]
        [--mode eager compiled] [--rounds 5] [--keep-memory]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from itertools import product
from typing import Any

import torch

from benchmarks.steps import CONTENDERS, SHAPES, shape_of, trainer
from cutaway.benchmarking.machine import describe
from cutaway.benchmarking.workers.serve import peak_bytes

KEEP = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "-1"}
GOAL = 1.15


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, nargs="+", default=list(SHAPES))
    parser.add_argument("--precision", choices=["fp32", "bf16"], nargs="+")
    parser.add_argument("--mode", choices=["eager", "compiled"], nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep-memory", action="store_true", help="give the peers our allocator")
    parser.add_argument("--quick", action="store_true", help="the bundled shape, bf16, eager")
    parser.add_argument("--worker", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.precision = options.precision or ["fp32", "bf16"]
    options.mode = options.mode or ["eager", "compiled"]
    if options.quick:
        options.shape, options.precision, options.mode = ["pocket"], ["bf16"], ["eager"]
        options.rounds = 2
    return options


class Worker:
    """A trainer in a process of its own, which makes a step when it is asked."""

    def __init__(self, name: str, case: dict[str, Any], *, keep_memory: bool) -> None:
        job = json.dumps([name, case])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.training", "--worker", job],
            env={**os.environ, **(KEEP if keep_memory and name != "cutaway" else {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def step(self) -> dict[str, float]:
        """Its seconds, its loss, and the most bytes the process has had."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()


def work(name: str, case: dict[str, Any]) -> None:
    """The worker's side: a step and a line for each line that comes in."""
    with trainer(name, **case) as step:
        for i, _ in enumerate(sys.stdin):
            started = time.perf_counter()
            loss = step(i)
            seconds = time.perf_counter() - started
            print(json.dumps({"seconds": seconds, "loss": loss, "peak": peak_bytes()}), flush=True)


def measure(case: dict[str, Any], rounds: int, *, keep_memory: bool) -> dict[str, Any]:
    """A step of each to warm up, two of a compiled one, then the rounds."""
    warm_up = 2 if case["compiled"] else 1
    workers = {name: Worker(name, case, keep_memory=keep_memory) for name in CONTENDERS}
    steps: dict[str, list[dict[str, float]]] = {name: [] for name in CONTENDERS}
    for _ in range(warm_up + rounds):
        for name, worker in workers.items():
            steps[name].append(worker.step())
    for worker in workers.values():
        worker.close()
    n_tokens = SHAPES[case["shape"]] * shape_of(case["shape"]).n_ctx
    seconds = {name: [s["seconds"] for s in made[warm_up:]] for name, made in steps.items()}
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    best = min(CONTENDERS[1:], key=lambda name: middle[name])
    pairs = zip(seconds[best], seconds["cutaway"], strict=True)
    return {
        **case,
        "seconds": {name: [round(s, 3) for s in values] for name, values in seconds.items()},
        "tokens_per_s": {name: round(n_tokens / s) for name, s in middle.items()},
        "peak_mb": {name: round(made[-1]["peak"] / 1e6) for name, made in steps.items()},
        "losses": {name: [round(s["loss"], 4) for s in made] for name, made in steps.items()},
        "faster_peer": best,
        "ratio": round(statistics.median(theirs / ours for theirs, ours in pairs), 3),
    }


def table(results: list[dict[str, Any]]) -> str:
    """Tokens a second and peak memory of each, and our ratio to the faster peer."""
    lines = [
        f"| case | {' | '.join(CONTENDERS)} | ratio (goal {GOAL}) |",
        "|---|" + "---|" * (len(CONTENDERS) + 1),
    ]
    for found in results:
        case = f"{found['shape']} {found['precision']} {'compiled' * found['compiled'] or 'eager'}"
        cells = [
            f"{found['tokens_per_s'][name]:,} tok/s, {found['peak_mb'][name]:,} MB"
            for name in CONTENDERS
        ]
        lines.append(f"| {case} | {' | '.join(cells)} | {found['ratio']:.2f} |")
    return "\n".join(lines)


def main() -> None:
    options = arguments()
    if options.worker:
        return work(*options.worker)
    results = [
        measure(
            {"shape": shape, "precision": precision, "compiled": mode == "compiled"},
            options.rounds,
            keep_memory=options.keep_memory,
        )
        for shape, precision, mode in product(options.shape, options.precision, options.mode)
    ]
    report = {
        "benchmark": "training",
        **describe(torch.get_num_threads()),
        "torch": torch.__version__,
        "transformers": version("transformers"),
        "keep_memory": options.keep_memory,
        "results": results,
    }
    print(json.dumps(report))
    print(table(results), file=sys.stderr)
    return None


if __name__ == "__main__":
    main()
