"""The checkpoint of all: written once, in the layout that every engine can read or convert."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cutaway.benchmarking.shape import Shape
from cutaway.files import cache_directory
from cutaway.models.config import gpt2_only

__all__ = ["Weights", "checkpoint", "kept_in", "random_weights"]


@dataclass(frozen=True, slots=True)
class Weights:
    """A folder with the checkpoint in ``model``, and beside it what the engines make of it.

    Attributes:
        folder: that holds both.
        shape: of the model.
        title: to show.
        save: writes the checkpoint into a folder.
    """

    folder: Path
    shape: Shape
    title: str
    save: Callable[[Path], None]

    @property
    def n_bytes(self) -> int:
        """Of the checkpoint's file, in float32."""
        return 4 * self.shape.parameters

    @property
    def are_written(self) -> bool:
        """Whether an earlier run has left them."""
        return (self.folder / "model").is_dir()

    def write(self) -> None:
        """Writes the checkpoint, unless it is there; never a half.

        Raises:
            ResourceError: if the disk is full, or there is too little memory.
        """
        if not self.are_written:
            self.save(self.folder / "model")


def kept_in() -> Path:
    """Where weights and their conversions stay for the next run."""
    return cache_directory() / "benchmark"


def random_weights(shape: Shape, root: Path) -> Weights:
    """Weights as a model has them before it is trained, seed 0, below the folder ``root``."""

    def save(folder: Path) -> None:
        from cutaway.checkpoints import save_checkpoint
        from cutaway.models import GPT2, GPT2Config

        save_checkpoint(folder, GPT2(GPT2Config(**shape.to_dict()), seed=0), None)

    name = f"random-{'-'.join(str(n) for n in shape.to_dict().values())}"
    return Weights(root / name, shape, f"{shape.title} with random weights", save)


def checkpoint(source: str, root: Path) -> Weights:
    """Those of a checkpoint of any layout, to be written in float32 below the folder ``root``.

    Raises:
        CheckpointError: if there is none, or it is damaged.
        ResourceError: if there is too little memory.
    """
    import cutaway

    lm = cutaway.load(source)
    shape = Shape.of(gpt2_only(lm.config, "This benchmark"))
    name = re.sub(r"[^A-Za-z0-9]+", "-", Path(lm.name).name).strip("-")[:40]

    def save(folder: Path) -> None:
        from cutaway.checkpoints import save_checkpoint

        save_checkpoint(folder, lm.model, None)

    folder = root / f"{name}-{lm.fingerprint[:16]}"
    return Weights(folder, shape, f"{lm.name} ({shape.title})", save)
