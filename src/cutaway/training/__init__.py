"""The one training loop: recipes, objectives, optimizers, schedules, checkpoints.

The names below are imported when they are first used; who only reads runs loads no torch.
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
