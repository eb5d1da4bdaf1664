"""What a recipe says about several processes."""

from dataclasses import dataclass
from typing import Literal

from cutaway.errors import ConfigError

__all__ = ["ParallelConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelConfig:
    """How a run on several processes is laid out; on one, and for the outcome, it does not count.

    Attributes:
        kind: ``ddp`` holds the whole model in every process (Li et al. 2020, "PyTorch
            Distributed"); ``fsdp`` holds a share of every matrix, gradient and moment, and puts a
            block together while it is used (Zhao et al. 2023, "PyTorch FSDP"; ``fully_shard``).
        timeout: seconds that a process waits for the others before the run counts as hung.
        restarts: how often ``--nproc`` starts all again after one was lost; torchrun has its own.
    """

    kind: Literal["ddp", "fsdp"] = "ddp"
    timeout: int = 600
    restarts: int = 3

    def __post_init__(self) -> None:
        if self.kind not in ("ddp", "fsdp"):
            raise ConfigError(f"parallel.kind is {self.kind!r}.", "Known: ddp, fsdp.")
        if self.timeout < 1:
            raise ConfigError(f"parallel.timeout is {self.timeout}.", "Give 1 second or more.")
        if self.restarts < 0:
            raise ConfigError(f"parallel.restarts is {self.restarts}.", "Give 0 or more.")
