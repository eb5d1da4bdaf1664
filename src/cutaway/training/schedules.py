"""The learning rate over a run, as a factor of its peak."""

import math
from dataclasses import dataclass
from typing import Literal

from cutaway.errors import ConfigError
from cutaway.training.tables import at_least

__all__ = ["Schedule"]

_KINDS = ("constant", "cosine", "inverse-root", "linear", "wsd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How the learning rate rises and falls.

    Attributes:
        kind: ``cosine`` falls along half a cosine from the end of the warm-up (Loshchilov and
            Hutter 2017); ``wsd`` stays at the peak and falls in a straight line over the last
            ``decay_steps`` (warm-up, stable, decay: Hu et al. 2024, section 4); ``linear`` falls in
            a straight line; ``inverse-root`` as ``sqrt(warmup_steps / step)`` (Vaswani et al. 2017,
            section 5.3); ``constant`` stays.
        warmup_steps: steps of linear rise.
        decay_steps: steps of the final fall of ``wsd``.
        final: factor at the end of what falls to a given end: ``cosine``, ``linear``, ``wsd``.
    """

    kind: Literal["constant", "cosine", "inverse-root", "linear", "wsd"] = "cosine"
    warmup_steps: int = 0
    decay_steps: int = 0
    final: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ConfigError(f"schedule.kind is {self.kind!r}.", f"Known: {', '.join(_KINDS)}.")
        at_least("schedule", self, 0, "warmup_steps", "decay_steps")
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
        done = (step - self.warmup_steps) / max(1, steps - self.warmup_steps)
        match self.kind:
            case "cosine":
                left = (1 + math.cos(math.pi * done)) / 2
            case "linear":
                left = 1 - done
            case "wsd":
                left = min(1.0, (steps - step) / max(1, self.decay_steps))
            case "inverse-root":
                return math.sqrt(max(1, self.warmup_steps) / (step + 1))
            case "constant":
                return 1.0
        return self.final + (1 - self.final) * left
