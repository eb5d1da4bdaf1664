"""The learning rate over a run, as a factor of its peak."""

import math
from dataclasses import dataclass
from typing import Literal

from cutaway.errors import ConfigError

__all__ = ["Schedule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How the learning rate rises and falls.

    Attributes:
        kind: ``cosine`` falls along half a cosine from the end of the warm-up (Loshchilov and
            Hutter 2017); ``wsd`` stays at the peak and falls in a straight line over the last
            ``decay_steps`` (warm-up, stable, decay: Hu et al. 2024, section 4); ``constant`` stays.
        warmup_steps: steps of linear rise.
        decay_steps: steps of the final fall of ``wsd``.
        final: factor at the last step.
    """

    kind: Literal["cosine", "wsd", "constant"] = "cosine"
    warmup_steps: int = 0
    decay_steps: int = 0
    final: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in ("cosine", "wsd", "constant"):
            raise ConfigError(f"schedule.kind is {self.kind!r}.", "Known: constant, cosine, wsd.")
        for field in ("warmup_steps", "decay_steps"):
            if getattr(self, field) < 0:
                raise ConfigError(f"schedule.{field} is {getattr(self, field)}.", "Give 0 or more.")
        if not 0.0 <= self.final <= 1.0:
            raise ConfigError(f"schedule.final is {self.final}.", "It must be in [0, 1].")

    def factor(self, step: int, *, steps: int) -> float:
        """The share of the peak rate for the update that ends ``step`` (from 0) of ``steps``.

        >>> wsd = Schedule(kind="wsd", warmup_steps=2, decay_steps=4)
        >>> [wsd.factor(step, steps=8) for step in range(8)]
        [0.5, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25]
        """
        if step < self.warmup_steps:
            return (step + 1) / self.warmup_steps
        if self.kind == "cosine":
            done = (step - self.warmup_steps) / max(1, steps - self.warmup_steps)
            return self.final + (1 - self.final) * (1 + math.cos(math.pi * done)) / 2
        if self.kind == "wsd":
            left = min(1.0, (steps - step) / max(1, self.decay_steps))
            return self.final + (1 - self.final) * left
        return 1.0
