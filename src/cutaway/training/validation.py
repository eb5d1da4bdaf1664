"""Looking at text that nothing is learnt from, and what follows: the best model, an early end."""

import math
from typing import Any

from cutaway.training.recipe import ValidationConfig

__all__ = ["Looks"]


class Looks:
    """The looks at the validation corpus so far.

    Attributes:
        best_loss: the lowest loss, in nats per target; infinite before the first look.
        best_step: after which it was.
        worse: looks since then, none of which was better.
    """

    def __init__(self, config: ValidationConfig) -> None:
        self.config = config
        self.best_loss, self.best_step, self.worse = math.inf, 0, 0
        self._before = self.best_loss, self.best_step

    def is_due(self, done: int, *, is_last: bool) -> bool:
        """Whether to look after ``done`` steps."""
        return is_last or bool(self.config.every and not done % self.config.every)

    def note(self, done: int, loss: float) -> bool:
        """Takes a look down; returns whether it is the best yet."""
        if loss < self.best_loss:
            self._before = self.best_loss, self.best_step
            self.best_loss, self.best_step, self.worse = loss, done, 0
            return True
        self.worse += 1
        return False

    def take_back(self) -> None:
        """The best yet could not be saved: the one before is the best that there is."""
        self.best_loss, self.best_step = self._before

    @property
    def is_enough(self) -> bool:
        """Whether the run has gone on for long enough without becoming better."""
        return bool(self.config.patience) and self.worse >= self.config.patience

    def state(self) -> dict[str, Any]:
        """For a checkpoint, as JSON."""
        best = self.best_loss if math.isfinite(self.best_loss) else None
        return {"best_loss": best, "best_step": self.best_step, "worse": self.worse}

    def restore(self, state: dict[str, Any]) -> None:
        """The inverse of :meth:`state`."""
        best = state["best_loss"]
        self.best_loss = math.inf if best is None else best
        self.best_step, self.worse = state["best_step"], state["worse"]
