"""Computes docs/cluster.md: memory, speed and time of GPT-2's sizes on 1 to 256 GPUs.

Nothing of it is measured. The memory is that of :mod:`cutaway.training.estimate`; the speed is a
share of the peak that public runs have reached, less what this simple model of the network cannot
hide behind the arithmetic.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cutaway.models import PRESETS, GPT2Config
from cutaway.training.estimate import RunShape, estimate_memory
from cutaway.training.flops import flops_per_token, peak_of

SIZES = {"124M": "gpt2", "355M": "gpt2-medium", "774M": "gpt2-large", "1.5B": "gpt2-xl"}
GPUS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
TOKENS = {"10B": 10e9, "32B": 32e9, "300B": 300e9}

BATCH = 524_288  # tokens of an update
MOST_WINDOWS, FEW = 64, 8  # in a micro-batch: llm.c's, and where a GPU is hardly busy
PEAK = peak_of("NVIDIA H100") or 0.0  # FLOP/s
MEMORY = 80e9 * 0.9  # bytes of a GPU that are given to a run
HBM = 3.35e12  # bytes a second
NODE = 8  # GPUs
NVLINK = 450e9 * 0.8  # bytes a second of a GPU, each way
NETWORK = 8 * 50e9 * 0.8  # bytes a second of a node, each way: 400 Gb/s for each GPU
HIDDEN = 0.8  # of the time of the arithmetic can cover transfers
ANCHORS = ((124_439_808, 0.407), (1_557_611_200, 0.487))
"""Parameters and MFU of llm.c's runs on eight H100; between them by the logarithm."""


@dataclass(frozen=True)
class Row:
    """A size on a number of GPUs.

    Attributes:
        gpus: how many.
        micro: windows at once.
        times: micro-batches of an update.
        memory: bytes of each GPU.
        step: seconds of an update.
        mfu: share of the peak.
    """

    gpus: int
    micro: int
    times: int
    memory: int
    step: float
    mfu: float

    @property
    def speed(self) -> float:
        """Tokens a second, all GPUs together."""
        return BATCH / self.step


def base_mfu(parameters: int) -> float:
    """The share of the peak before anything is sent that cannot be hidden."""
    (few, low), (many, high) = ANCHORS
    at = math.log(parameters / few) / math.log(many / few)
    return low + (high - low) * at


def row(config: GPT2Config, kind: str, gpus: int) -> Row | None:
    """The best micro-batch that fits; None if none does."""
    windows = BATCH // config.n_ctx // gpus
    shape = RunShape(
        model=config,
        micro_batch=1,
        precision="bf16",
        parallel=kind,
        processes=gpus,
        device="cuda",
    )
    sizes = [n for n in (64, 32, 16, 8, 4, 2, 1) if n <= min(windows, MOST_WINDOWS)]
    for micro in sizes:
        shape = replace(shape, micro_batch=micro, accumulates=windows > micro)
        memory = estimate_memory(shape).total
        if memory <= MEMORY:
            return _timed(shape, windows // micro, memory)
    return None


def _timed(shape: RunShape, times: int, memory: int) -> Row:
    n, per_token = shape.processes, flops_per_token(shape.model)
    micro = shape.positions * per_token / (base_mfu(shape.parameters) * PEAK)
    exposed = _exposed(shape, times, micro)
    # AdamW reads four numbers of each parameter and writes three.
    update = 28 * shape.parameters / HBM / (n if shape.is_sharded else 1)
    step = times * micro + exposed + update
    return Row(n, shape.micro_batch, times, memory, step, BATCH * per_token / (step * n * PEAK))


def _exposed(shape: RunShape, times: int, micro: float) -> float:
    """Seconds of an update in which the GPUs wait for each other."""
    n, gradients = shape.processes, 4 * shape.parameters
    if n == 1:
        return 0.0
    once = gradients * (n - 1) / n / (NVLINK if n <= NODE else NETWORK)
    if not shape.is_sharded:
        # One all-reduce, of twice the gradients, behind the backward pass of the last micro-batch:
        # two thirds of its arithmetic. The first block's gradient comes too late to be hidden.
        return max(2 * once - HIDDEN * 2 / 3 * micro, 2 * once / shape.model.n_layer)
    # Each micro-batch fetches the weights twice and hands its gradients over once.
    return times * max(3 * once - HIDDEN * micro, once / shape.model.n_layer)


def cells(found: Row | None) -> list[str]:
    """Memory, speed and MFU of a row."""
    if found is None:
        return ["does not fit", "", ""]
    windows = f"{found.micro} x {found.times}"
    mfu = f"{found.mfu:.1%}{'*' * (found.micro < FEW)}"
    return [f"{found.memory / 1e9:.0f} GB ({windows})", _rounded(found.speed), mfu]


def _rounded(speed: float) -> str:
    return f"{speed / 1e6:.2f}M" if speed >= 1e6 else f"{speed / 1e3:.0f}k"


def _time(found: Sequence[Row | None], tokens: float) -> str:
    """How long the faster of both takes."""
    best = max((one.speed for one in found if one is not None), default=0.0)
    if not best:
        return ""
    days = tokens / best / 86_400
    if days >= 1:
        return f"{days:,.0f} d" if days >= 10 else f"{days:.1f} d"
    return f"{24 * days:.1f} h" if 24 * days >= 1 else f"{24 * 60 * days:.0f} min"


def table(name: str) -> str:
    """One size on all numbers of GPUs."""
    config = PRESETS[SIZES[name]]
    shape = RunShape(model=config, micro_batch=1)
    titles = ["GPUs", "DDP: memory", "tokens/s", "MFU", "FSDP2: memory", "tokens/s", "MFU"]
    titles += list(TOKENS)
    lines = [f"| {' | '.join(titles)} |", "|---:" * len(titles) + "|"]
    for gpus in GPUS:
        found = [row(config, kind, gpus) for kind in ("ddp", "fsdp")]
        if gpus == 1:
            found[1] = None
        parts = [str(gpus), *cells(found[0]), *(cells(found[1]) if gpus > 1 else [""] * 3)]
        parts += [_time(found, tokens) for tokens in TOKENS.values()]
        lines.append(f"| {' | '.join(parts)} |")
    flops = flops_per_token(config) / 1e9
    head = f"### {name}\n\n{shape.parameters:,} parameters, {flops:.3f} GFLOP a token, base MFU "
    return head + f"{base_mfu(shape.parameters):.1%}.\n\n" + "\n".join(lines) + "\n"


def tables() -> str:
    """All sizes."""
    return "\n".join(table(name) for name in SIZES)


def against_public_runs() -> str:
    """What the model says of runs whose figures are public."""
    lines: list[str] = []
    for name, gpus, tokens, public in (
        ("124M", 8, 10.26e9, "45 min (modded-nanogpt's log of 2024-10-13)"),
        ("1.5B", 8, 32e9, "24 h (llm.c, discussion of the 1558M run; batch 1,048,576)"),
    ):
        found = row(PRESETS[SIZES[name]], "ddp", gpus)
        assert found is not None
        seconds = tokens / found.speed
        told = f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
        lines.append(f"| {name}, {gpus} H100, {tokens / 1e9:.3g}B tokens | {told} | {public} |\n")
    return "".join(lines)


def page() -> str:
    """The whole page but for its note."""
    return _PAGE.format(
        batch=f"{BATCH:,}",
        peak=f"{PEAK / 1e12:.0f}",
        memory=f"{MEMORY / 1e9:.0f}",
        hbm=f"{HBM / 1e12:.2f}",
        nvlink=f"{NVLINK / 1e9:.0f}",
        network=f"{NETWORK / 1e9:.0f}",
        hidden=f"{HIDDEN:.0%}",
        low=f"{ANCHORS[0][1]:.1%}",
        high=f"{ANCHORS[1][1]:.1%}",
        most=MOST_WINDOWS,
        few=FEW,
        public=against_public_runs(),
        tables=tables(),
    )


_PAGE = """# On a cluster

A recipe runs on many GPUs as it is; [examples/cluster](../examples/cluster) has what a scheduler
needs, and below is what to expect.

## Slurm

```text
cd examples/cluster && sbatch train.sbatch /shared/recipe.toml /shared/corpus /shared/run
```

[train.sbatch](../examples/cluster/train.sbatch) starts [node.sh](../examples/cluster/node.sh) once
on each node, and that starts torchrun, whose processes meet at the first node. Ten minutes before
the time is over, and when the job is preempted, Slurm sends SIGTERM: the run saves its state after
the step under way and ends with exit code 6, and the job goes back into the queue and on from
there. torchrun itself ends with 1 whatever its processes end with; `node.sh` brings their code
through.

## Kubernetes

```text
kubectl apply -f examples/cluster/train.yaml
```

[train.yaml](../examples/cluster/train.yaml) is a plain Indexed Job with a headless Service, and not
a PyTorchJob: every cluster has it without an operator, its pods have names to meet at, and its
`podFailurePolicy` tells exit codes apart. A pod that ended with 6, or lost its node, starts again
and does not count; one that ended with 2, 3 or 4 (recipe, corpus, checkpoint) ends the job.
`terminationGracePeriodSeconds` is the time to save. Where the training operator is installed, a
PyTorchJob can run the same container; torchrun's place is then its.

Both are tried with stand-ins for the schedulers (tests/repo/test_cluster_examples.py); neither has
been run on a real cluster.

## Memory, speed and time

**Computed, not measured.** `docs/cluster.py` makes the tables from these assumptions:

- GPUs are H100 or H200 with {peak} TFLOP/s of dense bfloat16 and {hbm} TB/s of memory, of which a
  run is given {memory} GB; eight a node. Products in bfloat16; weights, gradients and AdamW's
  moments in float32; nothing recomputed; windows of 1,024.
- *Memory* is that of `cutaway.training.estimate`, which agrees with processes measured on CPU
  within 15 %; on a GPU it is not compared. DDP holds all in each GPU; FSDP2 a share, and embeddings
  and two blocks whole.
- *An update* has {batch} tokens, in the largest micro-batch of at most {most} windows that fits:
  the numbers in brackets are windows and micro-batches of each GPU.
- *Arithmetic* is `6 N + 12 L D T` a token (PaLM, appendix B). It runs at the MFU of llm.c's public
  runs on eight H100, {low} for 124M and {high} for 1.5B, and by the logarithm of the parameters
  between them. Those are another program's: whoever has measured theirs puts it in the place.
- *Sending.* DDP: one ring all-reduce of the float32 gradients, twice their bytes times (n - 1) / n,
  behind the last backward pass. FSDP2: weights twice and gradients once in each micro-batch. At
  {nvlink} GB/s of each GPU within a node (NVLink 4, four fifths of it), at {network} GB/s of each
  node beyond (eight times 400 Gb/s, four fifths). {hidden} of the arithmetic it runs beside can
  hide it, but for the last block's share.
- *The update* itself reads and writes 28 bytes of each parameter.
- Not in it: looks at the validation corpus, checkpoints, stragglers, and that kernels are slow on
  few windows. Where a GPU has fewer than {few} at once (*), it will be slower than told.

Against public runs, of which the first and the base MFU are one source:

| run | computed | public |
|---|---|---|
{public}
The last three columns are the time for so many tokens, by the faster of the two.

{tables}
For a recipe of your own: `cutaway plan RECIPE --mfu 0.4 --peak 989`.
"""
