"""Saving a run so that it goes on as if it had never stopped.

A checkpoint is a directory ``step-00000100`` with the weights, the optimizers' state, the step and
the recipe, from which all else of a run follows, and a manifest with the SHA-256 of each file. It
is built under a temporary name and renamed when it is whole, so a run that is killed while saving
goes on from the checkpoint before. No pickle anywhere.
"""

import hashlib
import json
import shutil
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.optim import Optimizer

from cutaway.errors import CorruptCheckpoint
from cutaway.files import replace_together, sha256_of

__all__ = ["Checkpoints", "TrainingState"]


@dataclass(frozen=True, slots=True)
class TrainingState:
    """What changes while a model trains; ``extra`` is what can be said in JSON."""

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

    def restore_optimizers(self, tensors: dict[str, Tensor]) -> None:
        """The inverse of :meth:`optimizer_tensors`."""
        parameters = dict(self.model.named_parameters())
        for path, value in tensors.items():
            rule, key, name = path.split("/")
            self.optimizers[rule].state[parameters[name]][key] = value


class Checkpoints:
    """The checkpoints of one run, newest last.

    Args:
        directory: where they are; made when the first one is saved.
        keep: how many to keep.
    """

    def __init__(self, directory: Path, *, keep: int) -> None:
        self.directory, self.keep = directory, keep

    def save(
        self,
        step: int,
        state: TrainingState,
        recipe: dict[str, Any],
        *,
        spare: Collection[int] = (),
    ) -> Path:
        """Writes the checkpoint of ``step`` and removes those that are too old, but for ``spare``.

        Raises:
            ResourceError: if the disk is full; the checkpoints before are untouched.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        for stale in self.directory.glob(".step-*"):  # of a run that was killed while saving
            shutil.rmtree(stale)
        final = self.directory / f"step-{step:08d}"
        with replace_together(final) as stage:
            _write(stage, step, state, recipe)
        spared = {self.directory / f"step-{kept:08d}" for kept in spare}
        for old in self._all()[: -self.keep]:
            if old not in spared:
                shutil.rmtree(old)
        return final

    def newest(self) -> Path | None:
        """The newest checkpoint that is whole, or None if there is none at all.

        Raises:
            CorruptCheckpoint: if there are checkpoints and not one is whole.
        """
        found = self._all()
        for directory in reversed(found):
            if _is_whole(directory):
                return directory
        if found:
            raise CorruptCheckpoint(
                f"None of the {len(found)} checkpoints in {self.directory} is whole.",
                "Remove the directory to start again, or restore it from a copy.",
            )
        return None

    def recipe_of(self, directory: Path) -> dict[str, Any]:
        """The recipe by which a checkpoint was made, as plain tables."""
        return json.loads((directory / "state.json").read_bytes())["recipe"]

    def restore(self, directory: Path, state: TrainingState) -> int:
        """Loads a checkpoint into ``state``; returns the number of steps behind it."""
        state.model.load_state_dict(load_file(directory / "model.safetensors"))
        state.restore_optimizers(load_file(directory / "optimizer.safetensors"))
        saved = json.loads((directory / "state.json").read_bytes())
        state.extra.update(saved.get("extra", {}))
        return saved["step"]

    def restore_model(self, step: int, model: nn.Module) -> None:
        """Loads the weights alone, of the checkpoint of a step."""
        model.load_state_dict(load_file(self.directory / f"step-{step:08d}" / "model.safetensors"))

    def _all(self) -> list[Path]:
        return sorted(self.directory.glob("step-????????"))


def _write(directory: Path, step: int, state: TrainingState, recipe: dict[str, Any]) -> None:
    parts = {
        "model.safetensors": save(dict(state.model.state_dict())),
        "optimizer.safetensors": save(state.optimizer_tensors()),
        "state.json": json.dumps({"step": step, "recipe": recipe, "extra": state.extra}).encode(),
    }
    sums: dict[str, str] = {}
    for name, content in parts.items():
        (directory / name).write_bytes(content)
        sums[name] = hashlib.sha256(content).hexdigest()
    (directory / "manifest.json").write_text(json.dumps(sums, indent=2))


def _is_whole(directory: Path) -> bool:
    try:
        sums = json.loads((directory / "manifest.json").read_bytes())
        return all(sha256_of(directory / name) == digest for name, digest in sums.items())
    except (OSError, ValueError):
        return False
