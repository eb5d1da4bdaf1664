"""What a recipe says about the loop: how long, in what portions, when to look and to save."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from cutaway.errors import ConfigError
from cutaway.training.tables import at_least

__all__ = [
    "CheckpointConfig",
    "Growth",
    "LoopConfig",
    "SamplesConfig",
    "ValidationConfig",
]

_PRECISIONS = ("fp32", "bf16", "fp16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """A larger batch from some step on.

    Attributes:
        step: the first with it, counted from 0.
        batch_size: windows of ``n_ctx`` tokens for one update.
    """

    step: int
    batch_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopConfig:
    """How long and in what portions to train.

    Attributes:
        steps: updates of the weights.
        batch_size: windows of ``n_ctx`` tokens, or pairs, or chorales, for one update.
        micro_batch_size: of those at once in memory, and as many more of rows that are shorter than
            ``n_ctx``; their gradients are summed.
        batch_growth: other sizes of the batch from later steps on (Smith et al. 2018, "Don't Decay
            the Learning Rate, Increase the Batch Size").
        short_window: positions of the windows of the first ``short_steps``, which have as many more
            of them; attention is then cheap while there is little to attend to (Li et al. 2022,
            "The Stability-Efficiency Dilemma").
        short_steps: how many steps those are; 0 for none.
        final_steps: how many of the last steps take their windows from ``data.final``; 0 for none.
        document_mask: whether a position sees its own document alone, and counts from its begin.
        precision: of the products: ``bf16`` and ``fp16`` run the forward pass under autocast;
            weights, and what the optimizer keeps, stay in float32.
        compile: whether to run the loss through ``torch.compile``.
        recompute: whether blocks forget what they computed and compute it again in the backward
            pass (:mod:`cutaway.training.recompute`): less memory, more time, the same numbers.
        label_smoothing: the share of each target that is spread evenly over the vocabulary
            (Szegedy et al. 2016; 0.1 in Vaswani et al. 2017, section 5.4). The loss in the journal
            of steps is then higher; that of the looks is not smoothed.
        max_skipped: updates in a row that may be left out because a loss or a gradient is not
            finite; one more ends the run.
    """

    steps: int = 1000
    batch_size: int = 16
    micro_batch_size: int = 4
    batch_growth: tuple[Growth, ...] = ()
    short_window: int = 0
    short_steps: int = 0
    final_steps: int = 0
    document_mask: bool = False
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    compile: bool = False
    recompute: bool = False
    label_smoothing: float = 0.0
    max_skipped: int = 0

    def __post_init__(self) -> None:
        at_least("training", self, 1, "steps", "batch_size", "micro_batch_size")
        at_least("training", self, 0, "short_steps", "max_skipped")
        for size in self.batch_sizes:
            if size < 1 or size % self.micro_batch_size:
                raise ConfigError(
                    f"The batch size {size} is no multiple of "
                    f"training.micro_batch_size {self.micro_batch_size}.",
                    "Choose one that is.",
                )
        starts = [0, *(growth.step for growth in self.batch_growth)]
        if any(a >= b for a, b in pairwise(starts)):
            raise ConfigError(
                f"training.batch_growth begins at the steps {starts[1:]}.",
                "Give them in order, from 1.",
            )
        if self.short_steps and self.short_window < 1:
            raise ConfigError(
                f"training.short_steps is {self.short_steps}, training.short_window "
                f"{self.short_window}.",
                "Give both, or neither.",
            )
        if not 0 <= self.final_steps <= self.steps:
            raise ConfigError(
                f"training.final_steps is {self.final_steps}, training.steps {self.steps}.",
                "It must be from 0 to training.steps.",
            )
        if not 0.0 <= self.label_smoothing < 1.0:
            raise ConfigError(
                f"training.label_smoothing is {self.label_smoothing}.", "It must be in [0, 1)."
            )
        if self.precision not in _PRECISIONS:
            raise ConfigError(
                f"training.precision is {self.precision!r}.", f"Known: {', '.join(_PRECISIONS)}."
            )

    @property
    def batch_sizes(self) -> Sequence[int]:
        """The sizes that the batch has in the course of the run, in order."""
        return [self.batch_size, *(growth.batch_size for growth in self.batch_growth)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationConfig:
    """When to look at the validation corpus, and what follows from it.

    Attributes:
        every: steps between two looks; 0 for one at the end alone.
        windows: of the corpus at each look, the same every time.
        pairs: of ``data.valid_pairs``, or chorales of ``data.valid_music``, at each look, the same
            every time; 0 for all.
        patience: looks in a row without a better loss after which the run ends; 0 for none.
        keep_best: whether the checkpoint with the best loss is kept, and becomes the model.
    """

    every: int = 0
    windows: int = 64
    pairs: int = 0
    patience: int = 0
    keep_best: bool = False

    def __post_init__(self) -> None:
        at_least("validation", self, 0, "every", "pairs", "patience")
        at_least("validation", self, 1, "windows")
        if not self.every and (self.patience or self.keep_best):
            raise ConfigError(
                "validation.patience and validation.keep_best need looks to compare.",
                "Set validation.every.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointConfig:
    """When to save.

    Attributes:
        every: steps between two checkpoints.
        keep: how many of the newest are kept; older ones are removed.
        keep_every: those of steps that this divides are kept for ever; 0 for none.
        average: of how many of the last checkpoints the finished model is the mean, weight by
            weight (Vaswani et al. 2017, section 6.1); 0 or 1 for the last alone.
    """

    every: int = 100
    keep: int = 2
    keep_every: int = 0
    average: int = 0

    def __post_init__(self) -> None:
        at_least("checkpoints", self, 0, "keep_every", "average")
        at_least("checkpoints", self, 1, "every", "keep")
        if self.average > self.keep:
            raise ConfigError(
                f"checkpoints.average is {self.average}, checkpoints.keep {self.keep}.",
                "Keep as many as the mean is to be made of.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplesConfig:
    """Texts that the model writes while it learns.

    Attributes:
        every: steps between two rounds; 0 for none.
        prompts: their beginnings; an empty one begins a document.
        max_new_tokens: length of a text.
        top_k: of the likeliest entries one is drawn.
    """

    every: int = 0
    prompts: tuple[str, ...] = ("",)
    max_new_tokens: int = 60
    top_k: int = 40

    def __post_init__(self) -> None:
        at_least("samples", self, 0, "every")
        at_least("samples", self, 1, "max_new_tokens", "top_k")
        if self.every and not self.prompts:
            raise ConfigError("samples.prompts is empty.", 'Give some; [""] begins a document.')
