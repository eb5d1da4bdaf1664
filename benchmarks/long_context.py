"""What do long texts cost? Local and memory-compressed attention against full, at equal widths.

For each length, pattern and pass a process of its own, one after the other: a forward pass, and a
forward and backward pass with the loss, of one row of random tokens. Time is the least of some
rounds; memory is the peak of the process above what it held with the model and its gradients
(VmHWM, set back before the rounds). Full attention runs through the same fused kernel, which keeps
no scores; ``--kernel math`` has both form them, as everybody did in 2018.

A table on the standard error, one line of JSON, and with ``--plot`` and ``--plot-memory`` charts.

    python -m benchmarks.long_context [--lengths 512 1024 2048 4096 8192] [--rounds 3]
        [--kernel fused|math] [--threads 2] [--plot FILE.svg] [--plot-memory FILE.svg]
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from cutaway.benchmarking.machine import describe
from cutaway.drawing.chart import Chart, Curve, chart_picture
from cutaway.drawing.files import check_picture, write_picture
from cutaway.nn.kernel import CHOICE

LENGTHS = (512, 1024, 2048, 4096, 8192)
PATTERNS = {"lmlml": "lmlml", "full": "fffff"}
PASSES = ("forward", "forward+backward")
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def _memory(name: str) -> int:
    """Bytes that the system counts for this process under a name such as VmHWM."""
    lines = (line.split() for line in _STATUS.read_text().splitlines())
    return next(1024 * int(line[1]) for line in lines if line[0] == f"{name}:")


def measure(cell: dict[str, Any]) -> dict[str, float]:
    """One cell, in this process: seconds of a pass, and bytes at its peak."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel

    from cutaway.models import PRESETS, TransformerDecoderConfig, new_model
    from cutaway.training.cross_entropy import summed_cross_entropy

    torch.set_num_threads(cell["threads"])
    preset = PRESETS["t-dmca"]
    assert isinstance(preset, TransformerDecoderConfig)
    config = replace(preset, n_ctx=cell["length"], pattern=PATTERNS[cell["pattern"]])
    model = new_model(config)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    windows = torch.randint(config.vocab_size, (1, cell["length"] + 1))
    tokens, targets = windows[:, :-1], windows[:, 1:]
    fused = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
    kernels = fused if cell["kernel"] == "fused" else [SDPBackend.MATH]

    def run() -> None:
        with sdpa_kernel(kernels):
            if cell["pass"] == "forward":
                with torch.inference_mode():
                    model.hidden(tokens)
                return
            x = model.hidden(tokens).flatten(0, 1)
            summed_cross_entropy(x, model.head, targets.flatten()).backward()

    _CLEAR.write_text("5")  # VmHWM begins anew
    held, seconds = _memory("VmRSS"), list[float]()
    for _ in range(1 + cell["rounds"]):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return {"seconds": min(seconds[1:]), "bytes": _memory("VmHWM") - held}


def in_a_process(cell: dict[str, Any]) -> dict[str, Any]:
    """A cell with its figures; an error in words where there was no memory for it."""
    command = [sys.executable, "-m", "benchmarks.long_context", "--cell", json.dumps(cell)]
    # The package's own kernel for training keeps no scores either.
    environment = os.environ | ({CHOICE: "torch"} if cell["kernel"] == "math" else {})
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return {**cell, "error": last}
    return {**cell, **json.loads(done.stdout)}


def table(cells: list[dict[str, Any]]) -> str:
    """Rows of lengths; for each pass both patterns, and how much more the full one takes."""
    heads = ["tokens", *(f"{name} {unit}" for name in PATTERNS for unit in ("s", "MB")), "ratios"]
    lines: list[str] = []
    for what in dict.fromkeys(cell["pass"] for cell in cells):
        lines += [what, "".join(f"{head:>12}" for head in heads)]
        for length in dict.fromkeys(cell["length"] for cell in cells):
            row = {
                cell["pattern"]: cell
                for cell in cells
                if (cell["length"], cell["pass"]) == (length, what)
            }
            lines.append(f"{length:>12,}{_figures(row)}")
    return "\n".join(lines)


def _figures(row: dict[str, dict[str, Any]]) -> str:
    text = ""
    for name in PATTERNS:
        cell = row.get(name, {})
        if "seconds" in cell:
            text += f"{cell['seconds']:>12.3f}{cell['bytes'] / 1e6:>12,.0f}"
        else:
            text += f"{'-':>12}{cell.get('error', '-')[:10]:>12}"
    if all("seconds" in row.get(name, {}) for name in PATTERNS):
        ratios = [
            row["full"][unit] / max(row["lmlml"][unit], 1e-9) for unit in ("seconds", "bytes")
        ]
        text += f"{ratios[0]:>8.2f} x t {ratios[1]:>6.2f} x MB"
    return text


def plot(path: Path, cells: list[dict[str, Any]], note: str, *, unit: str = "seconds") -> None:
    """A picture of the time against the length, or of the memory (``unit`` "MB"), both by logs."""
    key, scale = {"seconds": ("seconds", 1.0), "MB": ("bytes", 1e-6)}[unit]
    curves = [
        Curve(name=f"{name}, {what}", points=points)
        for what in dict.fromkeys(cell["pass"] for cell in cells)
        for name in PATTERNS
        if (
            points := [
                (float(cell["length"]), scale * float(cell[key]))
                for cell in cells
                if (cell["pattern"], cell["pass"]) == (name, what) and key in cell
            ]
        )
    ]
    chart = Chart(
        title=f"{'Time' if unit == 'seconds' else 'Memory'} of a pass over one text",
        x_name="tokens",
        y_name=unit,
        curves=curves,
        notes=[note],
        log_x=True,
        log_y=True,
    )
    write_picture(path, chart_picture(chart))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS)
    parser.add_argument("--passes", nargs="+", choices=PASSES, default=PASSES)
    parser.add_argument("--kernel", choices=("fused", "math"), default="fused")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--plot", type=Path, help="a picture of the time")
    parser.add_argument("--plot-memory", type=Path, help="a picture of the memory")
    parser.add_argument("--cell", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.cell:
        print(json.dumps(measure(options.cell)))
        return
    plots = {"seconds": options.plot, "MB": options.plot_memory}
    for option, path in zip(("--plot", "--plot-memory"), plots.values(), strict=True):
        if path:
            check_picture(path, option)
    shared = {name: getattr(options, name) for name in ("kernel", "rounds", "threads")}
    cells: list[dict[str, Any]] = []
    for length in options.lengths:
        for what in options.passes:
            for pattern in PATTERNS:
                cells.append(
                    in_a_process({"length": length, "pass": what, "pattern": pattern, **shared})
                )
                print(json.dumps(cells[-1]), file=sys.stderr)
    print(table(cells), file=sys.stderr)
    machine = describe(options.threads)
    print(json.dumps({"benchmark": "long_context", **machine, **shared, "cells": cells}))
    note = f"t-dmca preset, {options.kernel} kernel, {options.threads} threads"
    for unit, path in plots.items():
        if path:
            plot(path, cells, note, unit=unit)


if __name__ == "__main__":
    main()
