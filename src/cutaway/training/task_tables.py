"""What a recipe says about its task: text as it runs, pairs of two texts, or music."""

from dataclasses import dataclass
from typing import Literal

from cutaway.data.task import TaskFormat
from cutaway.errors import ConfigError

__all__ = ["TaskConfig"]

_MUSIC = ("performance", "chorales")
_KINDS = ("text", "pairs", "translation", "summarization", "classification", *_MUSIC)
_TOO_LONG = ("refuse", "cut", "drop")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskConfig:
    """What is learned.

    Attributes:
        kind: ``text``: every token of ``data.train`` from those before it. ``performance``: every
            event of the piano performances of ``data.train_music``; ``chorales``: every note of
            its chorales, step by step and from soprano to bass. All others: the targets
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

    kind: Literal[
        "text",
        "pairs",
        "translation",
        "summarization",
        "classification",
        "performance",
        "chorales",
    ] = "text"
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
        self._layout()

    def _layout(self) -> TaskFormat:
        kind = self.kind
        task = "pairs" if kind in ("text", "performance", "chorales") else kind
        return TaskFormat(
            task=task, marker=self.marker, mask=self.mask, loss=self.loss, labels=self.labels
        )

    @property
    def corpus(self) -> Literal["text", "pairs", "music"]:
        """What it is learned from."""
        if self.kind == "text":
            return "text"
        return "music" if self.kind in _MUSIC else "pairs"

    @property
    def format(self) -> TaskFormat | None:
        """How pairs are laid out; None for text and music."""
        return self._layout() if self.corpus == "pairs" else None
