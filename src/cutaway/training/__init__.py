"""The one training loop: recipes, objectives, optimizers, schedules, checkpoints.

The names below are imported when they are used: what only starts the processes of a run, or finds
that there is nothing left to do for them, needs no torch.
"""

from typing import TYPE_CHECKING

from cutaway.lazily import lazily

if TYPE_CHECKING:
    from cutaway.training.recipe import Recipe, read_recipe
    from cutaway.training.run import TrainedModel, train

__all__ = ["Recipe", "TrainedModel", "read_recipe", "train"]

_HOMES = {
    "Recipe": "cutaway.training.recipe",
    "TrainedModel": "cutaway.training.run",
    "read_recipe": "cutaway.training.recipe",
    "train": "cutaway.training.run",
}
__getattr__, __dir__ = lazily(__name__, _HOMES)
