"""How a process finds the others of its run, and leaves them."""

import hashlib
import os
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

import cutaway
from cutaway.errors import ConfigError
from cutaway.training.parallel import World
from cutaway.training.parallel_tables import ParallelConfig

__all__ = ["code_version", "joined"]


def _meeting_place(rank: int, timeout: timedelta) -> Any:
    """Where the processes find each other; another one after every restart.

    torchrun's agent keeps its store over restarts, with the addresses of processes that are no
    more; torch's own ``env://`` takes them for those of the new ones, and waits for ever.
    """
    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    is_agents = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    store = dist.TCPStore(  # pyright: ignore[reportPrivateImportUsage]
        host, port, is_master=rank == 0 and not is_agents, timeout=timeout
    )
    start = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    return dist.PrefixStore(f"start-{start}", store)  # pyright: ignore[reportPrivateImportUsage]


@contextmanager
def joined(config: ParallelConfig, *, device: str = "auto") -> Generator[World]:
    """The world that the environment tells of: that of torchrun, or one process.

    Args:
        config: how its processes are laid out.
        device: ``cpu`` to leave graphics cards alone; else each process takes one if there are any.

    Raises:
        ConfigError: if there are more processes than GPUs on a machine that has any.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World()
        return
    rank, local = int(os.environ["RANK"]), int(os.environ.get("LOCAL_RANK", "0"))
    place = torch.device("cpu")
    if device != "cpu" and torch.cuda.is_available():
        if local >= torch.cuda.device_count():
            raise ConfigError(
                f"Process {local} of this machine has no GPU: there are "
                f"{torch.cuda.device_count()}.",
                "Start one process for each GPU, or give --device cpu.",
            )
        place = torch.device("cuda", local)
        torch.cuda.set_device(place)
    timeout = timedelta(seconds=config.timeout)
    dist.init_process_group(
        "nccl" if place.type == "cuda" else "gloo",
        store=_meeting_place(rank, timeout),
        rank=rank,
        world_size=size,
        timeout=timeout,
        device_id=place if place.type == "cuda" else None,
    )
    try:
        yield World(rank, size, device=place, config=config)
    finally:
        dist.destroy_process_group()


def code_version() -> str:
    """A digest of this package's source, and the version of torch."""
    digest = hashlib.sha256()
    for path in sorted(Path(cutaway.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return f"{digest.hexdigest()}, torch {torch.__version__}"
