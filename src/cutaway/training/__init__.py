"""The one training loop: recipes, objectives, optimizers, schedules, checkpoints."""

from cutaway.training.recipe import Recipe, read_recipe
from cutaway.training.run import TrainedModel, train

__all__ = ["Recipe", "TrainedModel", "read_recipe", "train"]
