"""Which tables and keys of a recipe go together: all are about the same task."""

from collections.abc import Mapping
from typing import Any

from cutaway.errors import ConfigError
from cutaway.models import (
    ModelConfig,
    MusicTransformerConfig,
    TransformerConfig,
    TransformerDecoderConfig,
)
from cutaway.training.corpus_tables import DataConfig, TokenizerConfig
from cutaway.training.loop_tables import LoopConfig
from cutaway.training.task_tables import TaskConfig

__all__ = ["check_task"]

_INSTEAD = {
    "text": "Set task.kind, such as {other}, or leave it out.",
    "pairs": "Leave it out: pairs are dealt whole, one to a row, from data.train_pairs.",
    "music": "Leave it out: pieces of music are dealt from data.train_music.",
}
_LEARNED = {"text": "", "pairs": ", which is learned from pairs", "music": ", which is music"}
_OTHER = {"pairs": '"translation"', "music": '"performance"'}


def check_task(
    task: TaskConfig,
    model: ModelConfig,
    *,
    tokenizer: TokenizerConfig,
    data: DataConfig,
    loop: LoopConfig,
) -> None:
    """Sees to it that the tables of a recipe are all about the same task.

    Raises:
        ConfigError: naming the keys that do not go together.
    """
    if task.corpus != "pairs" and isinstance(model, TransformerConfig):
        raise ConfigError(
            f'The model is an encoder-decoder, and task.kind is "{task.kind}".',
            'It learns pairs: set task.kind, such as "translation", and data.train_pairs.',
        )
    for corpus, keys in _keys(task, tokenizer, data, loop).items():
        for key in (key for key, value in keys.items() if value):
            raise ConfigError(
                f'{key} is set, and task.kind is "{task.kind}"{_LEARNED[task.corpus]}.',
                _INSTEAD[task.corpus].format(other=_OTHER.get(corpus, "")),
            )
    if task.corpus == "pairs":
        _check_pairs(task, model, data)
    elif task.corpus == "music":
        _check_music(task, data)


def _keys(
    task: TaskConfig, tokenizer: TokenizerConfig, data: DataConfig, loop: LoopConfig
) -> Mapping[str, Mapping[str, Any]]:
    """The keys that are about other tasks, by what those are learned from, and if they are set."""
    texts: dict[str, Any] = {
        "data.train": data.train,
        "data.final": data.final,
        "data.valid": data.valid,
        "data.prepared": data.prepared,
        "training.final_steps": loop.final_steps,
        "training.document_mask": loop.document_mask,
    }
    pairs = {
        "data.train_pairs": data.train_pairs,
        "data.valid_pairs": data.valid_pairs,
        "tokenizer.pairs": tokenizer.pairs,
    }
    music = {
        "data.train_music": data.train_music,
        "data.valid_music": data.valid_music,
        "data.transpose": data.transpose,
        "data.stretch": data.stretch != (1.0,),
    }
    if task.kind not in ("text", "performance"):  # all others are dealt whole
        texts["training.short_steps"] = loop.short_steps
    if task.corpus == "music":
        texts["tokenizer.files"] = tokenizer.files
        usual = TaskConfig()
        for key in ("marker", "loss", "mask", "too_long"):
            pairs[f"task.{key}"] = getattr(task, key) != getattr(usual, key)
    every = {"text": texts, "pairs": pairs, "music": music}
    return {corpus: keys for corpus, keys in every.items() if corpus != task.corpus}


def _check_music(task: TaskConfig, data: DataConfig) -> None:
    """What a task of music needs, and what performances have that chorales have not."""
    if not data.train_music:
        raise ConfigError(
            f'task.kind is "{task.kind}", and data.train_music names no file.',
            'Write data.train_music = [{ file = "train.tar.xz" }], or name a folder of MIDI files.',
        )
    if task.kind == "chorales" and data.stretch != (1.0,):
        raise ConfigError(
            f'data.stretch is {list(data.stretch)}, and task.kind is "chorales".',
            "Chorales are steps of a grid, without seconds: leave it out.",
        )
    for source in (*data.train_music, *data.valid_music):
        if (task.kind == "chorales") != bool(source.split):
            wants = "needs" if task.kind == "chorales" else "has no"
            raise ConfigError(
                f'split of {source.file!r} is "{source.split}", and task.kind is "{task.kind}", '
                f"which {wants} splits.",
                'Chorales have split = "train", "valid" or "test"; performances have files.',
            )


def _check_pairs(task: TaskConfig, model: ModelConfig, data: DataConfig) -> None:
    """What a task of pairs needs, and which pairs a model cannot be taught in which way."""
    if not data.train_pairs:
        raise ConfigError(
            f"task.kind is {task.kind!r}, and data.train_pairs names no file.",
            'Write data.train_pairs = [{ source = "train.en", target = "train.de" }].',
        )
    if task.mask == "prefix" and isinstance(model, TransformerDecoderConfig):
        raise ConfigError(
            f'task.mask is "prefix", and the model is a {model.kind}.',
            'Its attention is within blocks and slots: take task.mask = "causal".',
        )
    if (
        task.mask == "prefix"
        and isinstance(model, MusicTransformerConfig)
        and (model.max_relative or model.window)
    ):
        raise ConfigError(
            f'task.mask is "prefix", and the model is a {model.kind}.',
            'Its attention knows what is before a token: take task.mask = "causal".',
        )
    if not isinstance(model, TransformerConfig):
        return
    for key, value, usual in (("mask", task.mask, "causal"), ("loss", task.loss, "target")):
        if value != usual:
            raise ConfigError(
                f"task.{key} is {value!r}, and the model is an encoder-decoder.",
                f"Its encoder sees the source whole and writes none: leave task.{key} out.",
            )
