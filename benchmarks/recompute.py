"""What does `training.recompute` save, and what does it cost? Memory and seconds of a step.

Two trainers of ours, each in a process of its own, make the same steps in turn, one of them with
blocks that compute again in the backward pass. Their losses must be equal to the last bit. Peak
memory is the process's `VmHWM`, weights, gradients and Adam's moments included.

    python -m benchmarks.recompute [--shape gpt2] [--batch 4] [--precision fp32] [--steps 2]
"""

import argparse
import json
import sys

import torch

from benchmarks.steps import SHAPES, shape_of
from benchmarks.training import Worker
from cutaway.benchmarking.machine import describe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, default="gpt2")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--steps", type=int, default=2)
    options = parser.parse_args()
    case = {
        "shape": options.shape,
        "batch": options.batch,
        "precision": options.precision,
        "compiled": False,
    }
    workers = {
        again: Worker("cutaway", {**case, "recompute": again}, keep_memory=False)
        for again in (False, True)
    }
    steps = [{again: workers[again].step() for again in workers} for _ in range(options.steps)]
    for worker in workers.values():
        worker.close()
    assert all(both[False]["loss"] == both[True]["loss"] for both in steps), "another loss"
    last = steps[-1]
    report = {
        "benchmark": "recompute",
        **describe(torch.get_num_threads()),
        "torch": torch.__version__,
        **case,
        "seconds": {again: [round(both[again]["seconds"], 2) for both in steps] for again in last},
        "peak_mb": {again: round(last[again]["peak"] / 1e6) for again in last},
        "times_as_long": round(last[True]["seconds"] / last[False]["seconds"], 3),
    }
    print(json.dumps(report))
    tokens = options.batch * shape_of(options.shape).n_ctx
    for again, name in ((False, "kept"), (True, "recomputed")):
        speed = tokens / last[again]["seconds"]
        print(f"{name}: {speed:,.0f} tok/s, {report['peak_mb'][again]:,} MB", file=sys.stderr)


if __name__ == "__main__":
    main()
