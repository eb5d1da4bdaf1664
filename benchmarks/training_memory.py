"""Does the estimate of a run's memory agree with what the run takes?

Each case is a real ``train()`` of a few steps on random words, with a checkpoint at its end, in a
process of its own; its peak is the process's ``VmHWM``. The estimate comes from the recipe alone.

One line of JSON, and a table on the standard error.

    python -m benchmarks.training_memory [--quick] [--case NAME ...]
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from cutaway.benchmarking.machine import describe

WORDS = "model.vocab_size={} model.n_ctx={} model.n_embd={} model.n_layer={} model.n_head={}"
SHAPES = {
    "narrow": WORDS.format(512, 128, 128, 4, 4),
    "pocket": WORDS.format(8192, 1024, 384, 6, 6),
    "medium": WORDS.format(8192, 512, 512, 8, 8),
    "wide": WORDS.format(50_257, 256, 256, 2, 4),  # most of it vocabulary
    "gpt2": WORDS.format(50_257, 1024, 768, 12, 12),
}
BF16, MUON, RECOMPUTE = "training.precision=bf16", "optimizer.kind=muon", "training.recompute=true"


def batch(micro: int, n: int = 1) -> str:
    return f"training.micro_batch_size={micro} training.batch_size={n * micro}"


CASES = {
    "narrow fp32": [SHAPES["narrow"], batch(64)],
    "narrow bf16": [SHAPES["narrow"], batch(64), BF16],
    "narrow fp32 dropout": [SHAPES["narrow"], batch(32), "model.dropout=0.1"],
    "pocket fp32": [SHAPES["pocket"], batch(4)],
    "pocket bf16 muon, 2 micro-batches": [SHAPES["pocket"], batch(4, 2), BF16, MUON],
    "pocket fp32 recompute": [SHAPES["pocket"], batch(4), RECOMPUTE],
    "medium fp32, 2 micro-batches": [SHAPES["medium"], batch(4, 2)],
    "medium bf16": [SHAPES["medium"], batch(8), BF16],
    "wide fp32": [SHAPES["wide"], batch(8)],
    "wide bf16, 2 micro-batches": [SHAPES["wide"], batch(8, 2), BF16],
    "gpt2 bf16": [SHAPES["gpt2"], batch(1), BF16],
    "gpt2 fp32, 2 micro-batches": [SHAPES["gpt2"], batch(1, 2)],
}
QUICK = ("narrow fp32", "narrow bf16")


def settings_of(case: str) -> list[str]:
    settings = [word for part in CASES[case] for word in part.split()]
    if "model.vocab_size=50257" not in settings:
        settings.append('tokenizer.files=["words.txt"]')
    return settings


def write_run(folder: Path) -> Path:
    """A recipe of three steps, and random words enough for it."""
    rng = random.Random(0)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ("".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(80_000))
    (folder / "words.txt").write_text(" ".join(words))
    recipe = folder / "memory.toml"
    recipe.write_text('[data]\ntrain = [{ file = "words.txt" }]\n[training]\nsteps = 3\n')
    return recipe


def estimated(case: str) -> dict[str, int]:
    """Bytes, part by part."""
    import torch

    from cutaway.training.estimate import estimate_memory
    from cutaway.training.planning import shape_of
    from cutaway.training.recipe import read_recipe

    with tempfile.TemporaryDirectory() as folder:
        recipe = read_recipe(write_run(Path(folder)), settings_of(case))
    return dict(estimate_memory(shape_of(recipe, device=torch.device("cpu"))).parts)


def work(case: str) -> None:
    """The run, and then the most bytes that this process has held."""
    from cutaway.benchmarking.workers.serve import peak_bytes
    from cutaway.training import train

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train(write_run(folder), data=folder, out=folder / "run", settings=settings_of(case))
    print(json.dumps(peak_bytes()))


def measured(case: str) -> int:
    """Bytes at the peak of a process of its own."""
    command = [sys.executable, "-m", "benchmarks.training_memory", "--worker", case]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, env=os.environ)
    return json.loads(done.stdout)


def compare(case: str) -> dict[str, Any]:
    """Estimate and measurement of a case, and their ratio."""
    parts, peak = estimated(case), measured(case)
    total = sum(parts.values())
    return {
        "case": case,
        "estimated_mb": round(total / 1e6),
        "measured_mb": round(peak / 1e6),
        "ratio": round(total / peak, 3),
        "parts_mb": {name: round(size / 1e6) for name, size in parts.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", choices=CASES, nargs="+", default=list(CASES))
    parser.add_argument("--quick", action="store_true", help="the smallest shape")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return work(options.worker)
    results: list[dict[str, Any]] = []
    print("| case | estimated | measured | ratio |\n|---|---|---|---|", file=sys.stderr)
    for case in QUICK if options.quick else options.case:
        found = compare(case)
        results.append(found)
        sizes = f"{found['estimated_mb']:,} MB | {found['measured_mb']:,} MB"
        print(f"| {case} | {sizes} | {found['ratio']:.2f} |", file=sys.stderr)
    print(json.dumps({"benchmark": "memory", **describe(os.cpu_count() or 1), "results": results}))
    return None


if __name__ == "__main__":
    main()
