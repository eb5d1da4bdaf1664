"""What a recipe says about its task: text as it runs, or pairs of a source and a target."""

from dataclasses import dataclass
from typing import Literal

from cutaway.data.task import TaskFormat
from cutaway.errors import ConfigError

__all__ = ["TaskConfig"]

_KINDS = ("text", "pairs", "translation", "summarization", "classification")
_TOO_LONG = ("refuse", "cut", "drop")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskConfig:
    """What is learned.

    Attributes:
        kind: ``text``: every token of ``data.train`` from those before it. All others: the targets
            of ``data.train_pairs`` from their sources; ``translation`` and ``summarization`` tell
            programs what they are for, and targets of a ``classification`` are its labels.
        marker: the special token between source and target, such as ``<to-de>``. A vocabulary that
            has none of that name gets one.
        loss: what is to be predicted: the ``target``, or ``both`` sides.
        mask: ``causal``, or ``prefix``: the tokens of a source see each other both ways.
        too_long: what becomes of a pair that the model has no room for: it is an error
            (``refuse``), the end of its source is ``cut`` off, or it is left out (``drop``).
        labels: of a classification, 2 or more; each becomes a token of the vocabulary.
    """

    kind: Literal["text", "pairs", "translation", "summarization", "classification"] = "text"
    marker: str = "<sep>"
    loss: Literal["target", "both"] = "target"
    mask: Literal["causal", "prefix"] = "causal"
    too_long: Literal["refuse", "cut", "drop"] = "refuse"
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, known in {"kind": _KINDS, "too_long": _TOO_LONG}.items():
            if getattr(self, name) not in known:
                raise ConfigError(
                    f"task.{name} is {getattr(self, name)!r}.", f"Known: {', '.join(known)}."
                )
        self._format()

    def _format(self) -> TaskFormat:
        task = "pairs" if self.kind == "text" else self.kind
        return TaskFormat(
            task=task, marker=self.marker, mask=self.mask, loss=self.loss, labels=self.labels
        )

    @property
    def format(self) -> TaskFormat | None:
        """How pairs are laid out; None for text."""
        return None if self.kind == "text" else self._format()
