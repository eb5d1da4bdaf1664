"""What the last bits of a loss depend on, beside the recipe and the data."""

from collections.abc import Mapping
from typing import Any

import torch

from cutaway import __version__
from cutaway.nn import kernel

__all__ = ["circumstances", "differences"]


def circumstances() -> dict[str, Any]:
    """Versions, threads, processes and the kind of processor of this run.

    More threads or another instruction set add in another order; so does another release, and
    attention of another maker.
    """
    distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
    return {
        "cutaway": __version__,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "world_size": torch.distributed.get_world_size() if distributed else 1,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "attention": "cutaway" if kernel.pays(torch.float32) else "torch",
    }


def differences(then: Mapping[str, Any]) -> list[str]:
    """What was otherwise when a checkpoint was saved, as ``threads = 4, not 2``."""
    now = circumstances()
    return [
        f"{name} = {then[name]}, not {now[name]}"
        for name in now
        if name in then and then[name] != now[name]
    ]
