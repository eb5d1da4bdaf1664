"""Which of its labels a text has, by a model that was taught to say so.

Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training", section 3.3: the
text and a token that ends it go through the decoder, and a linear layer above it chooses. Here the
rows of that layer are those of the labels' own tokens, in the head that all words share; a choice
is among the labels alone, whatever else the model would say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cutaway.apps.attempts import Ids, attempted
from cutaway.data.task import TaskFormat
from cutaway.errors import ConfigError, ContextLengthError, CutawayError, DataError
from cutaway.generation import LanguageModel
from cutaway.generation.filters import softmax
from cutaway.models import TransformerConfig

__all__ = ["Classified", "Classifier", "TooLong"]

TooLong = Literal["refuse", "cut"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """What a model says of a text.

    Attributes:
        label: the likeliest.
        probabilities: of all labels, in the order of the task; they sum to 1.
        n_tokens: of the text.
        n_read: of them those that the model read.
    """

    label: str
    probabilities: Mapping[str, float]
    n_tokens: int
    n_read: int


class Classifier:
    """A language model that says which of its labels a text has.

    Args:
        lm: the model; ``task.json`` beside it has the labels.
        too_long: what becomes of a text that does not fit: it is refused, or its first tokens are
            read and the rest is not, as in training.

    Raises:
        ConfigError: for a model that was not taught to classify, or an impossible setting.
        TokenizerError: for a model without a vocabulary, or without a token of the task.
    """

    def __init__(self, lm: LanguageModel, *, too_long: TooLong = "refuse") -> None:
        if too_long not in ("refuse", "cut"):
            raise ConfigError(f"too_long is {too_long!r}.", "Known: refuse, cut.")
        self.lm, self.too_long, self.format = lm, too_long, _format_of(lm)
        self._labels = self.format.label_ids(lm.tokenizer)
        self._behind = [self.format.marker_id(lm.tokenizer)]
        # A row of training has the label in it; an encoder has the whole context for the text.
        shared = 2
        if isinstance(lm.config, TransformerConfig):
            self._behind, shared = [lm.tokenizer.eot, *self._behind], 1
        self.room = max(lm.config.n_ctx - shared, 1)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, in the order of the task."""
        return self.format.labels

    @property
    def protocol(self) -> str:
        """How labels are found, in a few words."""
        stacks = f"decoder, {self.format.mask} mask"
        if isinstance(self.lm.config, TransformerConfig):
            stacks = "encoder-decoder"
        long = {
            "refuse": f"texts of more than {self.room:,} tokens refused",
            "cut": f"the first {self.room:,} tokens of a text read",
        }
        return (
            f"{stacks}, {self.lm.dtype}; the likeliest of {len(self.labels)} labels behind "
            f"{self.format.marker}; {long[self.too_long]}"
        )

    def __call__(self, text: str) -> Classified:
        """The label of one text.

        Raises:
            ContextLengthError: if it is too long, and that is to be refused.
            DataError: if it is empty.
        """
        [found] = self.attempts([text])
        if isinstance(found, CutawayError):
            raise found
        return found

    def attempts(self, texts: Sequence[str]) -> list[Classified | CutawayError]:
        """The label of each text, or why there is none: one bad text ends no other."""
        return attempted(texts, read=self._read, write=self._scored, join=self._joined)

    def _scored(self, parts: list[Ids]) -> list[NDArray[np.float64]]:
        """The probability of every label behind each text."""
        rows = [([*part, *self._behind], 1) for part in parts]
        ids = list(self._labels.values())
        scores = chain.from_iterable(self.lm.reader.logits(rows))
        return [softmax(np.asarray(row[ids], np.float64)) for row in scores]

    def _joined(self, text: str, parts: list[Ids], scored: list[NDArray[np.float64]]) -> Classified:
        [part], [shares] = parts, scored
        return Classified(
            label=self.labels[int(shares.argmax())],
            probabilities=dict(zip(self.labels, shares.tolist(), strict=True)),
            n_tokens=len(self.lm.encode(text.strip())),
            n_read=len(part),
        )

    def _read(self, text: str) -> list[Ids]:
        """The ids of a text.

        Raises:
            ContextLengthError: if it does not fit and is to be refused.
            DataError: if it is empty.
        """
        text = text.strip()
        if not text:
            raise DataError("The text is empty.", "Give a text to classify.")
        ids = self.lm.encode(text)
        if len(ids) <= self.room or self.too_long == "cut":
            return [ids[: self.room]]
        raise ContextLengthError(
            f"The text has {len(ids):,} tokens, and there is room for {self.room:,} in the "
            f"model's {self.lm.config.n_ctx:,} positions.",
            "Shorten it, or have its first part read (--cut).",
            n_tokens=len(ids),
            room=self.room,
        )


def _format_of(lm: LanguageModel) -> TaskFormat:
    """How the model was taught to classify.

    Raises:
        ConfigError: if it was not.
    """
    task = lm.task
    if task is None or task.task != "classification":
        was = "was not taught labels" if task is None else f"was taught {task.task}"
        raise ConfigError(
            f"{lm.name} {was}, so it cannot classify.",
            "Teach one: cutaway finetune --task classification --data FILE.",
        )
    return task
