"""What changes while a model trains, to the files of a checkpoint and back.

Tensors are written from where they lie and read to where they belong, one at a time: saving takes
no memory, and restoring takes that of the state itself.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from cutaway.checkpoints.pieces import Reader, Saved, Stage
from cutaway.checkpoints.safetensors_file import Laid, in_order, write_safetensors
from cutaway.checkpoints.stored import Stored
from cutaway.errors import ConfigError
from cutaway.numbers import dtype_of, kind_of, to_array

__all__ = ["Part", "Savable", "TrainingState"]

MODEL, OPTIMIZER = "model.safetensors", "optimizer.safetensors"

# Writes one or more pieces of a checkpoint: through the stage, or as files in its directory.
Part = Callable[[Stage], None]


class Savable(Protocol):
    """What :class:`~cutaway.training.checkpoint.Checkpoints` can save and restore."""

    @property
    def extra(self) -> dict[str, Any]:
        """Further state by name: plain JSON values, numbers that are not finite among them."""
        ...

    def parts(self) -> Mapping[str, Part]:
        """The writers of its pieces by name, in the order in which they are called."""
        ...

    def n_bytes(self) -> int:
        """About how many bytes those write."""
        ...

    def restore(self, saved: Saved) -> None:
        """Reads the pieces back; ``extra`` is not its concern.

        Raises:
            CorruptCheckpoint: if a piece is not what was written. The state is then undefined.
            ConfigError: if they are another model's or another optimizer's.
        """
        ...


@dataclass(frozen=True, slots=True)
class TrainingState:
    """The state of one process that holds all of it.

    Attributes:
        model: its weights and buffers are saved.
        optimizers: by the name of their rule.
        extra: further state by name: plain JSON values.
    """

    model: nn.Module
    optimizers: dict[str, Optimizer]
    extra: dict[str, Any] = field(default_factory=dict[str, Any])

    def optimizer_tensors(self) -> dict[str, Tensor]:
        """Every tensor of every optimizer, as ``adamw/exp_avg/h.0.ln_1.weight``."""
        names = {id(p): name for name, p in self.model.named_parameters()}
        return {
            f"{rule}/{key}/{names[id(p)]}": value
            for rule, optimizer in self.optimizers.items()
            for p, state in optimizer.state.items()
            for key, value in state.items()
        }

    def parts(self) -> Mapping[str, Part]:
        """Weights and buffers in one file, the optimizers' tensors in another."""
        return {
            MODEL: partial(_write, MODEL, self.model.state_dict()),
            OPTIMIZER: partial(_write, OPTIMIZER, self.optimizer_tensors()),
        }

    def n_bytes(self) -> int:
        """Of all tensors."""
        tensors = [*self.model.state_dict().values(), *self.optimizer_tensors().values()]
        return sum(tensor.nbytes for tensor in tensors)

    def restore(self, saved: Saved) -> None:
        """Reads weights and optimizers back, each tensor into its place.

        Raises:
            CorruptCheckpoint: if a piece is not what was written. The state is then undefined.
            ConfigError: if they are another model's or another optimizer's.
        """
        weights = self.model.state_dict()
        with saved.open(MODEL) as file:
            start, laid = in_order(saved.directory / MODEL)
            _check_same("tensors", saved, [row.name for row in laid], weights)
            file.read(start)
            for row in laid:
                _fill(weights[row.name], row, file, saved)
        for optimizer in self.optimizers.values():
            optimizer.state.clear()
        with saved.open(OPTIMIZER) as file:
            start, laid = in_order(saved.directory / OPTIMIZER)
            rules = {row.name.split("/")[0] for row in laid}
            _check_same("optimizers", saved, rules or self.optimizers, self.optimizers)
            file.read(start)
            parameters = dict(self.model.named_parameters())
            for row in laid:
                self._read_moment(row, parameters, file, saved)

    def _read_moment(
        self, row: Laid, parameters: Mapping[str, Tensor], file: Reader, saved: Saved
    ) -> None:
        rule, key, name = row.name.split("/")
        _check_same("tensors", saved, [name], {name: None} if name in parameters else {})
        parameter, optimizer = parameters[name], self.optimizers[rule]
        group = optimizer.param_groups[0]
        # Only a fused step counts where the weights are (torch.optim.Optimizer.load_state_dict).
        counts_here = key != "step" or group.get("fused") or group.get("capturable")
        device = parameter.device if counts_here else torch.device("cpu")
        tensor = torch.empty(row.shape, dtype=dtype_of(row.kind), device=device)
        _fill(tensor, row, file, saved)
        optimizer.state[cast(Any, parameter)][key] = tensor


def _write(name: str, tensors: Mapping[str, Tensor], stage: Stage) -> None:
    stored = {
        key: Stored(tuple(tensor.shape), kind_of(tensor.dtype), partial(to_array, tensor))
        for key, tensor in tensors.items()
    }
    with stage.open(name) as file:
        write_safetensors(file, stored)


@torch.no_grad()
def _fill(tensor: Tensor, row: Laid, file: Reader, saved: Saved) -> None:
    """Reads the next tensor of a file into ``tensor``."""
    if tuple(tensor.shape) != row.shape or tensor.dtype != dtype_of(row.kind):
        raise ConfigError(
            f"{row.name} in {saved.directory} is {row.kind.name} {row.shape}, "
            f"not {str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}.",
            "It was saved by another recipe; choose another output directory.",
        )
    is_here = tensor.device.type == "cpu" and tensor.is_contiguous()
    target = tensor.detach() if is_here else torch.empty(row.shape, dtype=tensor.dtype)
    file.read_into(to_array(target).reshape(-1).view("u1").data)
    if not is_here:
        tensor.copy_(target)


def _check_same(what: str, saved: Saved, then: Iterable[str], now: Iterable[str]) -> None:
    then, now = set(then), set(now)
    if then == now:
        return
    raise ConfigError(
        f"{saved.directory} has the {what} {_some(then - now)}, this run {_some(now - then)}.",
        "It was saved by another recipe; choose another output directory.",
    )


def _some(names: set[str]) -> str:
    first = ", ".join(sorted(names)[:3])
    return (first + (", ..." if len(names) > 3 else "")) or "no other"
