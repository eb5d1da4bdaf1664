"""Whether a recipe may go on with the run that a checkpoint is of."""

from dataclasses import replace

from cutaway.checkpoints.pieces import Saved
from cutaway.errors import ConfigError
from cutaway.training.recipe import Recipe

__all__ = ["check_same_run"]


def check_same_run(saved: Saved, *, now: Recipe) -> None:
    """Sees to it that a run goes on with the model, the text and the order that it began with.

    Other things may change on the way: its length, the schedule, how often it looks and saves. It
    may also be given a final text if it had none.

    Args:
        saved: the checkpoint.
        now: the recipe at hand.

    Raises:
        ConfigError: if something else has changed, with both values.
    """
    was = Recipe.from_dict(saved.state["recipe"])
    data = was.data
    if not was.training.final_steps:
        data = replace(data, final=now.data.final)
    for part, value in {
        "seed": was.seed,
        "init": was.init,
        "task": was.task,
        "model": was.model,
        "tokenizer": was.tokenizer,
        "data": data,
        "lora": was.lora,
    }.items():
        if value != getattr(now, part):
            raise ConfigError(
                f"{saved.directory} was made with {part} = {value}, not {getattr(now, part)}.",
                "Choose another output directory, or go on with the same recipe.",
            )
