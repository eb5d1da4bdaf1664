"""How a model was taught a task of pairs, and so how it is asked: ``task.json`` of a model.

To a decoder a pair is one row of tokens, ``source <marker> target <|endoftext|>``, as in Liu et
al. 2018, "Generating Wikipedia by Summarizing Long Sequences", section 4.1: what it reads and what
it writes are one text. An encoder-decoder reads ``source <|endoftext|>`` in its encoder; its
decoder begins with the marker and goes on with the target.

In classification the target is one token, that of a label (Radford et al. 2018, section 3.3: a
text, a token that ends it, and a choice). The answer is the likeliest of the labels behind the
marker.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self, cast

from cutaway.checkpoints.folder import Folder
from cutaway.checkpoints.taught import TASK_FILE
from cutaway.data.labels import check_labels, label_token, unknown_label
from cutaway.data.pairs import Pair
from cutaway.errors import ConfigError, ContextLengthError, DataError, nearest
from cutaway.files import atomic_write
from cutaway.tokenizers import Tokenizer

__all__ = ["TASK_FILE", "Row", "TaskFormat"]

_TASKS = ("translation", "summarization", "classification", "pairs")
_CHOICES = {"mask": ("causal", "prefix"), "loss": ("target", "both")}


class Row(NamedTuple):
    """A pair as a row of tokens.

    Attributes:
        ids: of the source, the marker, the target and end-of-text.
        n_prompt: how many of them are source and marker.
    """

    ids: list[int]
    n_prompt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFormat:
    """How pairs are laid out for a model.

    Attributes:
        task: what the pairs are: ``translation``, ``summarization``, ``classification``, or
            ``pairs`` of another kind.
        marker: the special token between source and target.
        mask: ``causal``, or ``prefix``: tokens of source and marker see each other both ways
            (Raffel et al. 2020, "T5", section 3.2.1). An encoder-decoder has no use for it.
        loss: what the model learned to predict: the ``target`` (and its end), or ``both`` sides.
        labels: of a classification; each is one token, such as ``<label:positive>``.
    """

    task: Literal["translation", "summarization", "classification", "pairs"] = "pairs"
    marker: str = "<sep>"
    mask: Literal["causal", "prefix"] = "causal"
    loss: Literal["target", "both"] = "target"
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, known in {"task": _TASKS, **_CHOICES}.items():
            value = getattr(self, name)
            if value not in known:
                raise ConfigError(f"task.{name} is {value!r}.", f"Known: {', '.join(known)}.")
        if not isinstance(self.marker, str) or not self.marker:  # pyright: ignore
            raise ConfigError(f"task.marker is {self.marker!r}.", "Name a token such as <to-de>.")
        if self.mask == "prefix" and self.loss == "both":
            raise ConfigError(
                'task.mask is "prefix" and task.loss is "both".',
                "Tokens of a prefix see those behind them, so there is nothing to predict in it: "
                'take loss = "target".',
            )
        if self.task == "classification":
            check_labels(self.labels)
        elif self.labels:
            raise ConfigError(
                f"task.labels has {len(self.labels):,} labels, and the task is {self.task!r}.",
                'Leave them out, or take "classification".',
            )

    @classmethod
    def load(cls, directory: str | Path) -> Self:
        """Reads ``task.json`` of a model.

        Raises:
            DataError: if the model was not taught pairs, or the file does not say how.
            CheckpointError: if the file is damaged or unsafe.
        """
        found = cls.find(directory)
        if found is None:
            raise DataError(
                f"{directory} has no {TASK_FILE}: it was not taught pairs.",
                "Name a model that `cutaway finetune`, or a recipe with [task], has made.",
            )
        return found

    @classmethod
    def find(cls, directory: str | Path) -> Self | None:
        """Like :meth:`load`; None if there is no such file."""
        folder = Folder.at(Path(directory))
        if not folder.has(TASK_FILE):
            return None
        fields: dict[str, Any] = folder.json(TASK_FILE)
        known = [field.name for field in fields_of(cls)]
        where = folder.path / TASK_FILE
        for name, value in fields.items():
            if name not in known:
                raise DataError(f"{where} has the unknown field {name!r}.", nearest(name, known))
            if name == "labels":
                _check_list(value, where)
            elif not isinstance(value, str):
                raise DataError(f"{where}: {name} is {str(value)[:80]!r}.", "It must be a text.")
        fields["labels"] = tuple(fields.get("labels", ()))
        try:
            return cls(**fields)
        except ConfigError as error:
            raise DataError(f"{where}: {error.what}", error.hint) from None

    def save(self, directory: str | Path) -> None:
        """Writes ``task.json``.

        Raises:
            ResourceError: if the disk is full or refuses.
        """
        with atomic_write(Path(directory) / TASK_FILE) as file:
            file.write((json.dumps(self.to_dict(), indent=2) + "\n").encode())

    def to_dict(self) -> dict[str, Any]:
        """All fields that say something, ready for JSON."""
        told = asdict(self)
        labels = list(told.pop("labels"))
        return {**told, "labels": labels} if labels else told

    @property
    def specials(self) -> tuple[str, ...]:
        """The special tokens that a vocabulary must have: the marker, and one for each label."""
        return (self.marker, *map(label_token, self.labels))

    def marker_id(self, tokenizer: Tokenizer) -> int:
        """The id of the marker.

        Raises:
            TokenizerError: if the vocabulary has no such special token.
        """
        return tokenizer.special(self.marker)

    def label_ids(self, tokenizer: Tokenizer) -> Mapping[str, int]:
        """The id of each label's token, in the order of the labels.

        Raises:
            TokenizerError: if the vocabulary lacks one.
        """
        return {label: tokenizer.special(label_token(label)) for label in self.labels}

    def prompt_ids(self, tokenizer: Tokenizer, source: str) -> list[int]:
        """What a decoder reads before it writes: the source and the marker."""
        return [*tokenizer.encode(source), self.marker_id(tokenizer)]

    def n_source(self, tokenizer: Tokenizer, ids: Sequence[int]) -> int:
        """How many ids at the begin of a decoder's row are source and marker; 0 without a marker.

        Raises:
            TokenizerError: if the vocabulary lacks the marker.
        """
        marker = self.marker_id(tokenizer)
        return ids.index(marker) + 1 if marker in ids else 0

    def source_ids(self, tokenizer: Tokenizer, source: str) -> list[int]:
        """What an encoder reads: the source and end-of-text."""
        return [*tokenizer.encode(source), tokenizer.eot]

    def target_ids(self, tokenizer: Tokenizer, target: str) -> list[int]:
        """What is to be written: the target, or the token of a label, and end-of-text.

        Raises:
            DataError: for a label that is not among those of the task.
        """
        if self.labels:
            if target not in self.labels:
                raise unknown_label(target, self.labels)
            return [tokenizer.special(label_token(target)), tokenizer.eot]
        return [*tokenizer.encode(target), tokenizer.eot]

    def row(self, tokenizer: Tokenizer, pair: Pair) -> Row:
        """A pair as one row for a decoder."""
        prompt = self.prompt_ids(tokenizer, pair.source)
        return Row(prompt + self.target_ids(tokenizer, pair.target), len(prompt))

    def check_length(self, n_prompt: int, *, n_ctx: int, room: int, where: str = "") -> None:
        """Refuses a prompt that leaves too little of the context to write in.

        Args:
            n_prompt: tokens of source and marker.
            n_ctx: positions of the model.
            room: tokens that are to be written.
            where: the text's file and line.

        Raises:
            ContextLengthError: with the numbers.
        """
        if n_prompt + room > n_ctx:
            text = f"{where}: the text" if where else "The text"
            raise ContextLengthError(
                f"{text} has {n_prompt:,} tokens with its marker, {room:,} are to be written, and "
                f"the model has {n_ctx:,} positions.",
                "Shorten it, write less, or ask for it to be cut.",
            )


def _check_list(value: object, where: Path) -> None:
    texts = cast("list[object]", value) if isinstance(value, list) else [None]
    if not all(isinstance(text, str) for text in texts):
        raise DataError(f"{where}: labels is {str(value)[:80]!r}.", "It must be a list of texts.")
