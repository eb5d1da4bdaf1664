"""Runs on several processes for the tests: ``python tests/learn/forked_runs.py < RUNS``.

A program of its own, for torch is imported once and then forked; a test run may already have
threads, which do not survive that. It reads a list of runs and prints what came of each.
"""

import json
import multiprocessing
import os
import socket
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.fsdp import fully_shard

from cutaway.errors import CutawayError, ResourceError
from cutaway.training import train
from cutaway.training.checkpoint import Checkpoints
from cutaway.training.joining import joined
from cutaway.training.muon import Muon
from cutaway.training.parallel_tables import ParallelConfig

warnings.simplefilter("error")
SHAPES = [(5, 12), (5, 12), (12, 5), (2, 7), (5, 12), (5, 12)]  # no share is like another


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(rank: int, run: dict[str, Any], port: int, results: Any) -> None:
    torch.set_num_threads(1)
    os.environ.update(
        RANK=str(rank), LOCAL_RANK=str(rank), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port)
    )
    os.environ["WORLD_SIZE"] = str(run["n"])
    try:
        results.put((rank, globals()[run["do"]](run, rank)))
    except CutawayError as error:
        results.put((rank, f"{type(error).__name__}: {error}"))
    except Exception:
        results.put((rank, traceback.format_exc()))


def a_run(run: dict[str, Any], rank: int) -> float | None:
    folder = Path(run["folder"])
    return train(
        folder / "toy.toml", data=folder, out=folder / run["out"], settings=run["settings"]
    ).valid_loss


def a_damaged_run(run: dict[str, Any], rank: int) -> float | None:
    """Goes on where one piece of the newest checkpoint is not what was written."""
    if rank == 0:
        checkpoint = max((Path(run["folder"]) / run["out"] / "checkpoints").glob("step-*"))
        shard = checkpoint / "shard-00002-model-00001-of-00001.safetensors"
        shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    return a_run(run, rank)


def a_run_that_cannot_save(run: dict[str, Any], rank: int) -> float | None:
    """The disk of the first process is full when the run ends."""
    if rank == 0:

        def full(*given: Any) -> None:
            raise ResourceError("The disk is full.", "Free some space.")

        Checkpoints._write = full
    return a_run(run, rank)


def disagreement(run: dict[str, Any], rank: int) -> None:
    with joined(ParallelConfig()) as world:
        world.agree({"recipe": "same", "corpus": "same"})
        world.agree({"recipe": "same", "corpus": f"of {rank}"})


def sums(run: dict[str, Any], rank: int) -> list[Any]:
    with joined(ParallelConfig()) as world:
        order = []
        with world.main_first():
            order.append(world.rank)
        return [world.sum(rank + 0.5, 1), world.any(rank == 1), world.told(f"from {rank}")]


def hung(run: dict[str, Any], rank: int) -> str:
    """What the process is told that waits for one that does not come."""
    with joined(ParallelConfig(timeout=1)) as world:
        if rank:
            time.sleep(3)
            return ""
        try:
            world.barrier()
        except RuntimeError as error:
            return str(error)
        return "never"


def muon(run: dict[str, Any], rank: int) -> bool:
    """Whether the updates are those of torch's Muon on one process, bit for bit."""
    with joined(ParallelConfig()):
        model = torch.nn.ParameterList(torch.randn(shape, generator=seeded(0)) for shape in SHAPES)
        theirs = [torch.nn.Parameter(p.detach().clone()) for p in model]
        if run["sharded"]:
            fully_shard(model)
        optimizer = Muon(
            model.parameters(), lr=0.1, group=None if run["sharded"] else dist.group.WORLD
        )
        other = torch.optim.Muon(theirs, lr=0.1, adjust_lr_fn="match_rms_adamw")
        for step in range(3):
            for i, (p, q) in enumerate(zip(model, theirs, strict=True)):
                q.grad = torch.randn(q.shape, generator=seeded(10 * step + i))
                p.grad = like(q.grad, p)
            optimizer.step()
            other.step()
        return all(
            torch.equal(p.full_tensor() if run["sharded"] else p, q)
            for p, q in zip(model, theirs, strict=True)
        )


def like(whole: torch.Tensor, p: Any) -> torch.Tensor:
    if not hasattr(p, "device_mesh"):
        return whole.clone()
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(whole, p.device_mesh, p.placements)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def main() -> None:
    fork = multiprocessing.get_context("fork")
    told = []
    for run in json.load(sys.stdin):
        results, port = fork.SimpleQueue(), free_port()
        children = [
            fork.Process(target=start, args=(rank, run, port, results)) for rank in range(run["n"])
        ]
        for child in children:
            child.start()
        told.append([result for _, result in sorted(results.get() for _ in children)])
        for child in children:
            child.join()
    print(json.dumps(told))


if __name__ == "__main__":
    main()
