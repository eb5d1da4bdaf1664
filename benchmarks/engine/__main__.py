"""Our engine beside its peers on the shape of GPT-2 124M with random weights.

    python -m benchmarks.engine [--rounds 5] [--cases decode-32 ...] [--engines openvino llama ...]
                                [--widths int8 ...] [--threads 2] [--work DIR] [--out FILE.json]

Peers are installed with pip into environments of their own below the work folder, once, and convert
the checkpoint there. All engines of one width then take turns, case by case; reported are medians
over the rounds, one Markdown table on stdout, everything in FILE.json. In decode the time to the
first new token is left out; what is counted are greedy steps, the choice of the token included.
Prefill gives the logits of the last token, scoring the log-probability of every token.
"""

import argparse
import json
import sys
from functools import partial
from pathlib import Path

from benchmarks.engine.environments import python_of
from benchmarks.engine.measure import measure_width, ready
from benchmarks.engine.report import comparison, entry, tables
from cutaway.benchmarking.cases import CASES
from cutaway.benchmarking.contenders import CONTENDERS, OURS, WIDTHS, Contender, chosen
from cutaway.benchmarking.machine import describe
from cutaway.benchmarking.process import Plan, Worker
from cutaway.benchmarking.rounds import Result
from cutaway.benchmarking.shape import GPT2_124M
from cutaway.benchmarking.weights import kept_in, random_weights

MEMORY = Contender("memory", "", "memory", "", "")
REFERENCE = next(c for c in CONTENDERS if (c.engine, c.width) == ("transformers", "fp32"))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks.engine",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--engines", nargs="+", help="beginnings of their names; all if left out")
    parser.add_argument("--widths", nargs="+", choices=WIDTHS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--work", type=Path, default=kept_in(), help="default: %(default)s")
    parser.add_argument("--out", type=Path, help="JSON with every round")
    parser.add_argument(
        "--first",
        action="store_true",
        help="run the engines at the highest priority: for a machine with other work (root)",
    )
    return parser.parse_args()


def main() -> int:
    options = arguments()
    contenders = chosen(options.engines, options.widths)
    if not contenders:
        print(f"No engine of {', '.join(sorted({c.engine for c in CONTENDERS}))} was meant.")
        return 2
    weights = random_weights(GPT2_124M, options.work)
    weights.write()
    python = partial(python_of, work=options.work)
    plan = Plan(weights.folder, options.threads, python_of=python, first=options.first)
    if why := ready(REFERENCE, plan, options.work):
        print(f"Nothing to compare with: {REFERENCE.name}: {why}", file=sys.stderr)
        return 1
    results = [Result(contender) for contender in contenders]
    for result in results:
        if why := ready(result.contender, plan, options.work):
            result.failures[""] = why
    cases = [CASES[name] for name in options.cases]
    about = describe(options.threads)
    reference, memory = Worker(REFERENCE, plan), Worker(MEMORY, plan)
    asks = {"reference": reference.ask, "memory": memory.ask}
    try:
        for width in WIDTHS:
            these = [result for result in results if result.contender.width == width]
            measure_width(these, cases, plan, options.rounds, **asks)
    finally:
        reference.close()
        memory.close()
    report = {
        "benchmark": "engine",
        "machine": about,
        "rounds": options.rounds,
        "results": [entry(result) for result in results],
        "comparison": comparison(results, cases),
    }
    if options.out:
        options.out.write_text(json.dumps(report, indent=1))
    print(tables(results, cases, about))
    ours = [result for result in results if result.contender.engine == OURS]
    return int(any(result.failed for result in ours))


if __name__ == "__main__":
    sys.exit(main())
