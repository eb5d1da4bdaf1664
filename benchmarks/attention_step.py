"""How fast is attention when a CPU trains? Ours against torch's fused kernel, forward and backward.

One thread, and its own processor time: other work on the machine hardly counts. Both are called in
turn, with queries, keys and values as the model makes them: columns of one tensor. The least of
the rounds is reported, and GFLOP/s of what a causal pattern needs: 2 T^2 K operations forward and
2.5 times as many backward for each head.

With dropout torch leaves its fused kernel and forms the whole pattern; with distances (Huang et al.
2019) it needs a number for every pair, which is made by skewing, and its gradient. Their arithmetic
is not counted in the GFLOP/s: it is work that attention without distances has not.

    python -m benchmarks.attention_step [--shape B,H,T,K ...] [--precision fp32 bf16]
        [--dropout 0 0.2] [--distances 0 1024] [--rounds 3]

Without ``--distances`` there are none, and one more case: attention of the piano's size with 1,024.

One line of JSON, and a table on the standard error.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from itertools import product
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from cutaway.benchmarking.machine import describe
from cutaway.nn.attention import attend
from cutaway.nn.causal import causal_attention
from cutaway.nn.kernel import CHOICE
from cutaway.nn.masks import CAUSAL
from cutaway.nn.relative import Relative

Shape = tuple[int, int, int, int]
SHAPES: list[Shape] = [(2, 12, 1024, 64), (4, 6, 1024, 64), (32, 6, 256, 64)]
PIANO: Shape = (1, 8, 2048, 64)
KINDS = {"fp32": torch.float32, "bf16": torch.bfloat16}


def shape_of(text: str) -> Shape:
    B, H, T, K = map(int, text.split(","))
    return B, H, T, K


def seconds(
    attention: Callable[..., Tensor],
    qkv: Tensor,
    out_grad: Tensor,
    dropout: float,
    distances: Tensor | None,
) -> tuple[float, float]:
    """Of this thread, forward and backward."""
    B, H, T, K = out_grad.shape
    inputs = [x.view(B, T, H, K).transpose(1, 2) for x in qkv.chunk(3, dim=-1)]
    times = [time.thread_time()]
    out = attention(*inputs, dropout, distances)
    inputs += [] if distances is None else [distances]
    times.append(time.thread_time())
    torch.autograd.grad(out, inputs, out_grad)
    times.append(time.thread_time())
    return times[1] - times[0], times[2] - times[1]


def ours(q: Tensor, k: Tensor, v: Tensor, dropout: float, distances: Tensor | None) -> Tensor:
    return causal_attention(q, k, v, relative=distances, dropout=dropout)


def theirs(q: Tensor, k: Tensor, v: Tensor, dropout: float, distances: Tensor | None) -> Tensor:
    if distances is not None:  # torch's kernel, by the environment
        return attend(q, k, v, mask=CAUSAL, relative=Relative(distances), dropout=dropout)
    return F.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=dropout)


def measure(
    shape: Shape, precision: str, dropout: float, n_distances: int, rounds: int
) -> dict[str, Any]:
    B, H, T, K = shape
    dtype = KINDS[precision]
    qkv = torch.randn(B, T, 3 * H * K).to(dtype).requires_grad_()
    out_grad = torch.randn(B, T, H, K).to(dtype).transpose(1, 2)
    distances = torch.randn(H, n_distances, K).to(dtype).requires_grad_() if n_distances else None
    times: dict[str, list[tuple[float, float]]] = {"cutaway": [], "torch": []}
    for _ in range(rounds):
        for name, attention in (("cutaway", ours), ("torch", theirs)):
            times[name].append(seconds(attention, qkv, out_grad, dropout, distances))
    best = {name: tuple(map(min, zip(*made, strict=True))) for name, made in times.items()}
    flops = 2 * T * T * K * B * H
    return {
        "shape": shape,
        "precision": precision,
        "dropout": dropout,
        "distances": n_distances,
        "milliseconds": {name: [round(1000 * s, 1) for s in pair] for name, pair in best.items()},
        "gflops": {
            name: [round(flops * n / s / 1e9) for n, s in zip((1, 2.5), pair, strict=True)]
            for name, pair in best.items()
        },
        "ratio": round(sum(best["torch"]) / sum(best["cutaway"]), 2),
    }


def table(results: list[dict[str, Any]]) -> str:
    lines = [
        "| B, H, T, K | dropout | distances | cutaway, ms | torch, ms | ratio |",
        "|---|---|---|---|---|---|",
    ]
    for found in results:
        case = f"{', '.join(map(str, found['shape']))} {found['precision']} | {found['dropout']:g}"
        case += f" | {found['distances']}"
        cells = [
            f"{forward:.0f} + {backward:.0f}"
            for forward, backward in found["milliseconds"].values()
        ]
        lines.append(f"| {case} | {' | '.join(cells)} | {found['ratio']:.2f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", type=shape_of, nargs="+", default=SHAPES)
    parser.add_argument("--precision", choices=KINDS, nargs="+", default=list(KINDS))
    parser.add_argument("--dropout", type=float, nargs="+", default=[0.0, 0.2])
    parser.add_argument("--distances", type=int, nargs="+")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    os.environ[CHOICE] = "torch"  # for what is asked of `attend`
    cases = list(
        product(options.shape, options.precision, options.dropout, options.distances or [0])
    )
    if options.distances is None:
        cases += [(PIANO, precision, 0.0, 1024) for precision in options.precision]
    results = [measure(*case, options.rounds) for case in cases]
    report = {"benchmark": "attention_step", **describe(1), "torch": torch.__version__}
    print(json.dumps({**report, "results": results}))
    print(table(results), file=sys.stderr)


if __name__ == "__main__":
    main()
