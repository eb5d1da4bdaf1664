"""Checkpoints of a run on several processes.

The first process leads: it decides what is written where and what is read, as if it were alone
(:class:`~cutaway.training.checkpoint.Checkpoints`), and the others do what it tells them. Replicas
leave the writing to it; shards are written and read by all at once. Any number of processes reads
what any other number has written.
"""

import json
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from cutaway.checkpoints.pieces import Saved, Stage, damage, damaged, open_saved
from cutaway.errors import ConfigError, CutawayError, ResourceError
from cutaway.training.checkpoint import Checkpoints
from cutaway.training.parallel import World
from cutaway.training.state import MODEL, Part, TrainingState

__all__ = ["SharedCheckpoints"]


class SharedCheckpoints:
    """The checkpoints of a run, of which all processes make the same calls.

    Args:
        checkpoints: as for one process.
        world: the processes.
    """

    def __init__(self, checkpoints: Checkpoints, world: World) -> None:
        self.alone, self.world = checkpoints, world

    def save(self, step: int, state: TrainingState, recipe: dict[str, Any], **how: Any) -> bool:
        """As :meth:`Checkpoints.save`; whether it is there now, for all of them.

        Raises:
            ResourceError: in every process, if it is required and failed twice.
        """
        shared, saved, failed = _SharedState(state, self.world), False, None
        if self.world.is_main:
            try:
                with self._leading():
                    saved = self.alone.save(step, shared, recipe, **how) is not None
            except ResourceError as error:
                failed = error
        else:
            shared.follow()
        if self.world.any(failed is not None):
            raise failed or ResourceError(
                f"The first process could not save step {step}.", "It says why."
            )
        return self.world.any(saved)

    def resume(self, state: TrainingState, check: Callable[[Saved], None]) -> Saved | None:
        """As :meth:`Checkpoints.resume`."""
        shared = _SharedState(state, self.world)
        if not self.world.is_main:
            return shared.follow()
        with self._leading():
            return self.alone.resume(shared, check)

    def restore(self, step: int, state: TrainingState) -> None:
        """Loads the checkpoint of a step."""
        shared = _SharedState(state, self.world)
        if not self.world.is_main:
            shared.follow()
            return
        with self._leading():
            self.alone.restore(self.alone.of_step(step), shared)

    @torch.no_grad()
    def restore_mean(self, n: int, state: TrainingState) -> list[int]:
        """Puts the mean of the weights of the last checkpoints in place.

        Args:
            n: of how many, where there are as many.
            state: the optimizers' is then that of the last.

        Returns:
            Their steps.
        """
        steps: list[int] = json.loads(self.world.told(json.dumps(self.alone.steps()[-n:])))
        parameters = list(state.model.parameters())
        means = [torch.zeros_like(p) for p in parameters]
        for step in steps:
            self.restore(step, state)
            for mean, p in zip(means, parameters, strict=True):
                mean += p.detach() / len(steps)
        for mean, p in zip(means, parameters, strict=True):
            p.copy_(mean)
        return steps

    @contextmanager
    def _leading(self) -> Generator[None]:
        try:
            yield
        finally:
            self.world.told("")


class _SharedState:
    """A :class:`~cutaway.training.state.Savable`: what this process holds of the run's state."""

    def __init__(self, mine: TrainingState, world: World) -> None:
        self.mine, self.world = mine, world

    @property
    def extra(self) -> dict[str, Any]:
        return self.mine.extra

    def parts(self) -> Mapping[str, Part]:
        return {"shards": self._write} if self.world.is_sharded else self.mine.parts()

    def n_bytes(self) -> int:
        return self.mine.n_bytes()

    def restore(self, saved: Saved) -> None:
        if self._is_in_shards(saved) and (found := damage(saved.directory)):
            raise damaged(saved.directory, found)  # torch compares no checksums
        self._lead("read", saved.directory)

    def _write(self, stage: Stage) -> None:
        self._lead("write", stage.path)

    def _lead(self, what: str, directory: Path) -> None:
        self.world.told(json.dumps([what, str(directory)]))
        error = self._done(what, directory)
        if self.world.any(error is not None):
            raise error or OSError(f"another process could not {what} {directory}")

    def follow(self) -> Saved | None:
        """Does what the first process says; returns the last checkpoint that all have read."""
        read = None
        while words := self.world.told():
            what, directory = json.loads(words)
            error = self._done(what, Path(directory))
            if not self.world.any(error is not None) and what == "read":
                read = open_saved(Path(directory))
        if read is not None:
            self.extra.clear()
            self.extra.update(read.state.get("extra", {}))
        return read

    def _done(self, what: str, directory: Path) -> Exception | None:
        """Does it; what went wrong is for all processes to hear of."""
        try:
            if what == "write":
                from cutaway.training.sharded import write_shards

                write_shards(directory, _tensors(self.mine), self.world.group)
            else:
                self._read(open_saved(directory))
        except (OSError, CutawayError) as error:
            return error
        return None

    def _is_in_shards(self, saved: Saved) -> bool:
        """Whether Distributed Checkpoint reads it, which knows where each row is."""
        return self.world.is_sharded or MODEL not in saved.pieces

    def _read(self, saved: Saved) -> None:
        if not self._is_in_shards(saved):
            self.mine.restore(saved)
            return
        from cutaway.training.sharded import read_shards, shapes_of

        room = _room(self.mine, shapes_of(saved.directory), saved)
        read_shards(saved.directory, room, self.world.group if self.world.is_sharded else None)
        parameters = dict(self.mine.model.named_parameters())
        for optimizer in self.mine.optimizers.values():
            optimizer.state.clear()
        for path, tensor in room.items():
            if "/" in path:
                rule, key, name = path.split("/")
                self.mine.optimizers[rule].state[cast(Any, parameters[name])][key] = tensor


def _tensors(state: TrainingState) -> dict[str, Tensor]:
    return {**state.model.state_dict(), **state.optimizer_tensors()}


def _room(
    state: TrainingState, shapes: Mapping[str, tuple[int, ...]], saved: Saved
) -> dict[str, Tensor]:
    """Where to read to: the model's own tensors, new ones for the optimizers."""
    weights, parameters = state.model.state_dict(), dict(state.model.named_parameters())
    room: dict[str, Tensor] = {}
    for path, shape in shapes.items():
        rule, _, name = path.partition("/")[0], *path.rpartition("/")[1:]
        if path in weights and tuple(weights[path].shape) == shape:
            room[path] = weights[path]
        elif "/" in path and rule in state.optimizers and name in parameters:
            p = parameters[name]
            alike = tuple(p.shape) == shape
            room[path] = torch.zeros_like(p) if alike else torch.zeros(shape, device=p.device)
        else:
            raise _of_another_recipe(saved, path)
    for path in weights.keys() - room.keys():
        raise _of_another_recipe(saved, path)
    return room


def _of_another_recipe(saved: Saved, name: str) -> ConfigError:
    return ConfigError(
        f"{name} is not the same in {saved.directory} and in this run.",
        "It was saved by another recipe; choose another output directory.",
    )
