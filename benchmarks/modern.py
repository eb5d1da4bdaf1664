"""What does a step of the modern decoder cost? Beside GPT-2 with Muon and with AdamW.

The shape of the model in the box, windows of random tokens, updates with the rates of the recipes.
All three are in one process and make a step in turn, so that whatever else the machine does falls
on all of them; with ``--cpu`` the processor's time counts (take one thread), which other work
disturbs least. Passes forward and backward are timed apart from the update, of which there is one
for as many tokens as a batch has. One line of JSON; ratios are to GPT-2: medians of rounds.

    python -m benchmarks.modern [--rounds 7] [--precision bf16] [--compile] [--threads 1] [--cpu]
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable

import torch

from cutaway.benchmarking.machine import describe
from cutaway.models import PRESETS, Decoder, new_model
from cutaway.training.cross_entropy import summed_cross_entropy
from cutaway.training.optimizers import OptimizerConfig, build_optimizers
from cutaway.training.process import denormals_flushed, memory_kept

CASES = {"gpt2 adamw": "pocket", "gpt2 muon": "pocket", "modern muon": "modern"}
ROWS = 2
Part = Callable[[], None]


def loss_of(model: Decoder, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return summed_cross_entropy(model.hidden(tokens).flatten(0, 1), model.head, targets.flatten())


def step_of(case: str, *, n_ctx: int, precision: str, compiled: bool) -> tuple[Part, Part]:
    """The passes of a step from freshly drawn weights, and its update, as the loop makes them."""
    model = new_model(PRESETS[CASES[case]]).train()
    optimizers = build_optimizers(model, OptimizerConfig(kind=case.split()[1]))  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(0)
    shape = (ROWS, n_ctx + 1)
    windows = torch.randint(model.config.vocab_size, shape, generator=generator)
    tokens, targets = windows[:, :-1], windows[:, 1:]
    run = torch.compile(loss_of) if compiled else loss_of

    def passes() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = run(model, tokens, targets) / targets.numel()
        loss.backward()

    def update() -> None:
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers.values():
            optimizer.step()
            optimizer.zero_grad()

    return passes, update


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--n-ctx", type=int, default=1024)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="bf16")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--cpu", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clock = time.process_time if options.cpu else time.perf_counter
    settings = {"n_ctx": options.n_ctx, "precision": options.precision}
    seconds: dict[str, list[tuple[float, float]]] = {case: [] for case in CASES}
    with denormals_flushed(), memory_kept():
        steps = {case: step_of(case, **settings, compiled=options.compile) for case in CASES}
        for _ in range(2 + options.rounds):
            for case, (passes, update) in steps.items():
                started = clock()
                passes()
                between = clock()
                update()
                seconds[case].append((between - started, clock() - between))
    passed, updated = (
        {case: [value[part] for value in values[2:]] for case, values in seconds.items()}
        for part in (0, 1)
    )
    pairs = zip(passed["modern muon"], passed["gpt2 muon"], strict=True)
    report = {
        "benchmark": "modern",
        **describe(options.threads),
        "torch": torch.__version__,
        **settings,
        "compiled": options.compile,
        "clock": "cpu" if options.cpu else "wall",
        "tokens_per_s": {
            case: round(ROWS * options.n_ctx / statistics.median(v)) for case, v in passed.items()
        },
        "seconds_an_update": {case: round(statistics.median(v), 3) for case, v in updated.items()},
        "passes_ratio": round(statistics.median(a / b for a, b in pairs), 3),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
