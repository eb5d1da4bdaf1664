"""The one training loop: recipes, objectives, optimizers, schedules, checkpoints."""

from cutaway.training.recipe import Recipe, read_recipe

__all__ = ["Recipe", "read_recipe"]
