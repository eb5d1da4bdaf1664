"""One run on several processes: torch.distributed behind the few things that the loop asks for.

Every process makes the same global batch, a function of the seed and the step, and computes the
loss of its rows of it; sums over processes then are sums over the batch, so the number of
processes changes nothing but the rounding. A :class:`World` of one process asks nothing of
torch.distributed, and does nothing.
"""

import copy
import hashlib
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from cutaway.errors import ConfigError
from cutaway.training.objectives import Batch, Objective
from cutaway.training.parallel_tables import ParallelConfig
from cutaway.training.recompute import blocks_of

__all__ = ["Idle", "LossOf", "World", "whole"]

_PREPARATION = timedelta(days=7)  # while the first process makes what the others wait for


@dataclass(frozen=True, slots=True)
class Idle:
    """The portion of a process for which there are no rows left.

    Attributes:
        like: any portion. The model is run on it all the same, and nothing is made of that: other
            processes wait for this one.
    """

    like: Batch

    def to(self, device: torch.device) -> Self:
        """The same on a device."""
        return type(self)(self.like.to(device))


class LossOf(nn.Module):
    """An objective of a model as a module, which is what the wrappers of torch take.

    Args:
        model: any.
        objective: what is to be made smaller.
        compile: whether to run it through ``torch.compile`` while the model is trained.
    """

    def __init__(self, model: nn.Module, objective: Objective, *, compile: bool = False) -> None:
        super().__init__()
        self.model, self.objective = model, objective
        self.in_training = torch.compile(objective) if compile else objective

    def forward(self, batch: Batch | Idle) -> Tensor:
        """The loss, summed over targets; 0 for an idle portion."""
        objective = self.in_training if self.model.training else self.objective
        if isinstance(batch, Idle):
            return objective(self.model, batch.like) * 0.0
        return objective(self.model, batch)


class World:
    """The processes of a run, seen from one of them.

    Args:
        rank: this one, from 0.
        size: how many there are.
        device: that this one computes on.
        config: how they are laid out.

    >>> World().sum(0.5), World().is_main
    ([0.5], True)
    """

    def __init__(
        self,
        rank: int = 0,
        size: int = 1,
        *,
        device: torch.device | None = None,
        config: ParallelConfig | None = None,
    ) -> None:
        config = ParallelConfig() if config is None else config
        self.rank, self.size, self.kind = rank, size, config.kind
        self.device = torch.device("cpu") if device is None else device
        self._skeleton: nn.Module | None = None  # of a sharded model, without weights
        # Sums and waits of the loop's own; on CPU, so that they need not wait for a GPU.
        self.group: dist.ProcessGroup | None = None
        if size > 1:
            group: Any = dist.new_group(backend="gloo", timeout=timedelta(seconds=config.timeout))
            self.group = group

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that speaks and writes."""
        return self.rank == 0

    @property
    def is_sharded(self) -> bool:
        """Whether each process holds a share of the model only."""
        return self.size > 1 and self.kind == "fsdp"

    @property
    def replicas(self) -> dist.ProcessGroup | None:
        """The processes that hold the same whole model, where there are several."""
        return None if self.size == 1 or self.is_sharded else dist.group.WORLD

    def sum(self, *values: float) -> list[float]:
        """The sums over all processes, in float64."""
        if self.group is None:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(total, group=self.group)
        return total.tolist()

    def any(self, flag: bool) -> bool:
        """Whether it is so in any process."""
        return self.sum(float(flag))[0] > 0.0

    def told(self, text: str = "") -> str:
        """What the first process tells the others."""
        if self.group is None:
            return text
        texts: list[Any] = [text]
        dist.broadcast_object_list(texts, src=0, group=self.group)
        return texts[0]

    def barrier(self) -> None:
        """Waits until all processes are here."""
        if self.group is not None:
            dist.barrier(group=self.group)

    @contextmanager
    def main_first(self) -> Generator[None]:
        """The first process goes through the block alone; the others follow when it is out."""
        if self.group is not None and not self.is_main:
            dist.barrier(group=self.group, timeout=_PREPARATION)
        yield
        if self.group is not None and self.is_main:
            dist.barrier(group=self.group, timeout=_PREPARATION)

    def agree(self, facts: Mapping[str, str]) -> None:
        """Compares what must be the same in every process.

        Args:
            facts: texts by what they say, such as ``recipe``.

        Raises:
            ConfigError: in every process, naming the first fact and process that differ.
        """
        if self.group is None:
            return
        digests = b"".join(hashlib.sha256(fact.encode()).digest() for fact in facts.values())
        mine = torch.frombuffer(bytearray(digests), dtype=torch.uint8)
        everyones = [torch.empty_like(mine) for _ in range(self.size)]
        dist.all_gather(everyones, mine, group=self.group)
        for rank, theirs in enumerate(everyones):
            wrong = (theirs != everyones[0]).view(len(facts), 32).any(dim=1).tolist()
            if any(wrong):
                name = next(name for name, is_wrong in zip(facts, wrong, strict=True) if is_wrong)
                raise ConfigError(
                    f"Process {rank} has another {name} than process 0.",
                    "Give every machine the same files and the same version of everything.",
                )

    def first(self, text: str) -> str:
        """What the first process says that says anything of a micro-batch, or the first of all."""
        if self.group is None:
            return text
        texts = [""] * self.size
        dist.all_gather_object(texts, text, group=self.group)
        return next((text for text in texts if "micro-batch" in text), texts[0])

    def share(self, batch: Batch, at_once: int) -> Sequence[Batch | Idle]:
        """This process's portions of a batch; all processes get as many.

        Args:
            batch: all of it, the same in every process.
            at_once: rows of a portion, at most.
        """
        n_portions = -(-batch.n_rows // (at_once * self.size))
        portions = batch.split(-(-batch.n_rows // (n_portions * self.size)))
        mine: list[Batch | Idle] = [*portions[self.rank :: self.size]]
        return mine + [Idle(portions[0])] * (n_portions - len(mine))

    def wrapped(self, loss: LossOf) -> nn.Module:
        """The loss as a module whose backward pass leaves the sum over processes as gradient.

        Sharded parameters take the places of the model's own: make the optimizers after this.
        """
        if self.size == 1:
            return loss
        if not self.is_sharded:
            return _replicated(loss, self.device)
        from cutaway.training.sharded import shard

        if self.is_main:
            self._skeleton = _without_weights(loss.model)
        shard(loss, blocks_of(loss.model), self.device)
        return loss

    def whole_model(self, model: nn.Module) -> Any:
        """The model with all of its weights, in the first process; None in the others.

        If it is sharded this is another one, on the CPU.
        """
        if not self.is_sharded:
            return model if self.is_main else None
        gathered: dict[str, Tensor] = {}
        for name, tensor in model.state_dict().items():
            together = whole(tensor)  # every process takes part, one tensor at a time
            if self.is_main:
                gathered[name] = together.cpu()
        if self._skeleton is None:
            return None
        model = copy.deepcopy(self._skeleton)
        model.load_state_dict(gathered, assign=True)
        return model

    def settle(self, loss: nn.Module, batch: Batch) -> None:
        """Lets replicas arrange their gradients, in the order in which the first pass makes them.

        A sum of three or more numbers depends on where it stands among the others; with this
        before the first step, a run that goes on has the sums of one that never stopped.
        """
        if isinstance(loss, DistributedDataParallel):
            loss(Idle(batch.split(1)[0])).backward()
            loss.zero_grad()

    def adding_up(self, loss: nn.Module, *, is_last: bool) -> AbstractContextManager[None]:
        """Around a backward pass: replicas add up their gradients after the last one only.

        Shards do after each, or every process would hold the gradient of the whole model.
        """
        if isinstance(loss, DistributedDataParallel) and not is_last:
            return loss.no_sync()
        return nullcontext()


def _without_weights(model: nn.Module) -> nn.Module:
    """A copy in which parameters have no memory; buffers have theirs."""
    none = {id(p): nn.Parameter(p.to("meta"), p.requires_grad) for p in model.parameters()}
    return copy.deepcopy(model, none)


def _replicated(loss: LossOf, device: torch.device) -> DistributedDataParallel:
    wrapped = DistributedDataParallel(
        loss,
        device_ids=None if device.type == "cpu" else [device],
        gradient_as_bucket_view=True,
    )
    wrapped.register_comm_hook(None, _summed)  # in the place of the mean
    return wrapped


def _summed(_: object, bucket: dist.GradBucket) -> torch.futures.Future[Tensor]:  # pyright: ignore
    work: Any = dist.all_reduce(bucket.buffer(), async_op=True)
    return work.get_future().then(_first)


def _first(done: torch.futures.Future[list[Tensor]]) -> Tensor:
    return done.value()[0]


def whole(tensor: Tensor) -> Tensor:
    """A sharded tensor put together, on every process; a plain one as it is."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
