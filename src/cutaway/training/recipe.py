"""A training run as a file: model, vocabulary, corpus, optimizer, schedule, length.

Recipes are TOML. Reading is strict: an unknown table or key is an error that names the nearest
known one, and so is a value of the wrong type.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self, cast

from cutaway.checkpoints import load_config, open_checkpoint
from cutaway.errors import ConfigError
from cutaway.models import (
    GPT2Config,
    ModelConfig,
    MusicTransformerConfig,
    TransformerConfig,
    TransformerDecoderConfig,
)
from cutaway.training.corpus_tables import (
    DataConfig,
    PairSource,
    Prepared,
    Source,
    TokenizerConfig,
)
from cutaway.training.loop_tables import (
    CheckpointConfig,
    Growth,
    LoopConfig,
    SamplesConfig,
    ValidationConfig,
)
from cutaway.training.lora import LoRAConfig
from cutaway.training.optimizers import OptimizerConfig
from cutaway.training.parallel_tables import ParallelConfig
from cutaway.training.schedules import Schedule
from cutaway.training.tables import apply_setting, build
from cutaway.training.task_tables import TaskConfig
from cutaway.training.tracking import LogConfig

__all__ = [
    "CheckpointConfig",
    "DataConfig",
    "Growth",
    "LogConfig",
    "LoopConfig",
    "PairSource",
    "Prepared",
    "Recipe",
    "SamplesConfig",
    "Source",
    "TaskConfig",
    "TokenizerConfig",
    "ValidationConfig",
    "read_recipe",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides the outcome of a run.

    Attributes:
        seed: of the first weights, the order of the text and the random draws.
        init: a model to start from, by name or path, in the place of random weights; the sizes
            and the vocabulary are then its own.
    """

    seed: int = 0
    init: str = ""
    task: TaskConfig = field(default_factory=TaskConfig)
    model: ModelConfig = field(default_factory=GPT2Config)
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    data: DataConfig = field(default_factory=DataConfig)
    lora: LoRAConfig = field(default_factory=LoRAConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    schedule: Schedule = field(default_factory=Schedule)
    training: LoopConfig = field(default_factory=LoopConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    checkpoints: CheckpointConfig = field(default_factory=CheckpointConfig)
    parallel: ParallelConfig = field(default_factory=ParallelConfig)
    samples: SamplesConfig = field(default_factory=SamplesConfig)
    log: LogConfig = field(default_factory=LogConfig)

    def to_dict(self) -> dict[str, Any]:
        """All tables and keys, ready for JSON."""
        return asdict(self)

    def __post_init__(self) -> None:
        check_task(self)
        short = self.training.short_window
        if short and self.model.n_ctx % short:
            raise ConfigError(
                f"training.short_window {short} does not divide model.n_ctx {self.model.n_ctx}.",
                "Then a step would not have as many tokens as the others; choose one that does.",
            )
        if self.training.document_mask and isinstance(self.model, TransformerDecoderConfig):
            raise ConfigError(
                f"training.document_mask is true, and the model is a {self.model.kind}.",
                "Its attention is within blocks and slots: leave document_mask out.",
            )
        if bool(self.data.final) != bool(self.training.final_steps):
            raise ConfigError(
                f"data.final names {len(self.data.final)} files, training.final_steps is "
                f"{self.training.final_steps}.",
                "Give both, or neither.",
            )
        if self.checkpoints.average > 1 and (self.validation.keep_best or self.lora.rank):
            other = "validation.keep_best" if self.validation.keep_best else "lora.rank"
            raise ConfigError(
                f"checkpoints.average is {self.checkpoints.average}, and {other} is set.",
                "The model is the mean of the last checkpoints or something else: choose one.",
            )

    @classmethod
    def from_dict(cls, tables: Mapping[str, Any]) -> Self:
        """Builds a recipe from nested tables.

        Raises:
            ConfigError: for an unknown key, a value of the wrong type, an impossible value.
        """
        return cast(Self, build(cls, tables, path=""))


def check_task(recipe: Recipe) -> None:
    """Sees to it that the tables of a recipe are all about the same task.

    Raises:
        ConfigError: naming the keys that do not go together.
    """
    data, loop, kind = recipe.data, recipe.training, recipe.task.kind
    texts = {
        "data.train": data.train,
        "data.final": data.final,
        "data.valid": data.valid,
        "data.prepared": data.prepared,
        "training.short_steps": loop.short_steps,
        "training.final_steps": loop.final_steps,
        "training.document_mask": loop.document_mask,
    }
    pairs = {
        "data.train_pairs": data.train_pairs,
        "data.valid_pairs": data.valid_pairs,
        "tokenizer.pairs": recipe.tokenizer.pairs,
    }
    if kind == "text":
        if isinstance(recipe.model, TransformerConfig):
            raise ConfigError(
                'The model is an encoder-decoder, and task.kind is "text".',
                'It learns pairs: set task.kind, such as "translation", and data.train_pairs.',
            )
        for key in (key for key, value in pairs.items() if value):
            raise ConfigError(
                f'{key} is set, and task.kind is "text".',
                'Set task.kind, such as "translation", or leave the pairs out.',
            )
        return
    for key in (key for key, value in texts.items() if value):
        raise ConfigError(
            f"{key} is set, and task.kind is {kind!r}, which is learned from pairs.",
            "Leave it out: pairs are dealt whole, one to a row, from data.train_pairs.",
        )
    if not data.train_pairs:
        raise ConfigError(
            f"task.kind is {kind!r}, and data.train_pairs names no file.",
            'Write data.train_pairs = [{ source = "train.en", target = "train.de" }].',
        )
    _check_layout(recipe)


def _check_layout(recipe: Recipe) -> None:
    """Which pairs a model cannot be taught in which way."""
    task, model = recipe.task, recipe.model
    if task.mask == "prefix" and isinstance(model, TransformerDecoderConfig):
        raise ConfigError(
            f'task.mask is "prefix", and the model is a {model.kind}.',
            'Its attention is within blocks and slots: take task.mask = "causal".',
        )
    knows_the_past = isinstance(model, MusicTransformerConfig) and (
        model.max_relative or model.window
    )
    if task.mask == "prefix" and knows_the_past:
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


def read_recipe(path: Path, settings: Sequence[str] = (), *, init: str | None = None) -> Recipe:
    """Reads a recipe and applies settings of the form ``training.steps=200``.

    Args:
        path: a TOML file.
        settings: changes, in their order.
        init: the model to start from, in the place of the recipe's.

    Raises:
        ConfigError: if the file is absent or no TOML, for anything the recipe cannot take, or if
            it gives sizes that are not those of the model to start from.
        CheckpointNotFound: if there is no such model.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"No recipe at {path}.", "Recipes are in recipes/.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, IsADirectoryError) as error:
        raise ConfigError(f"{path} is not a recipe: {error}.", "It must be TOML.") from None
    for setting in settings:
        apply_setting(tables, setting)
    if init is not None:
        tables["init"] = init
    if isinstance(tables.get("init"), str) and tables["init"]:
        sizes = _sizes_of(tables["init"], tables.get("model"))
        tables["model"] = _with_marker(sizes, tables)
    return Recipe.from_dict(tables)


def _with_marker(sizes: dict[str, Any], tables: dict[str, Any]) -> dict[str, Any]:
    """The sizes with a row for the task's marker, if the model to start from has none."""
    task = build(TaskConfig, cast(dict[str, Any], tables.get("task", {})), path="task.")
    format = cast(TaskConfig, task).format
    if format is None:
        return sizes
    tokenizer = open_checkpoint(tables["init"]).tokenizer
    if tokenizer is None or format.marker in tokenizer.specials:
        return sizes
    return {**sizes, "vocab_size": tokenizer.vocab_size + 1}


def _sizes_of(init: str, given: Any) -> dict[str, Any]:
    """The model's table for a run that starts from a model: dropout alone may be chosen."""
    sizes: dict[str, Any] = load_config(init).to_dict()
    if not isinstance(given, dict):
        return sizes
    for key, value in cast(dict[str, Any], given).items():
        if key != "dropout" and key in sizes and value != sizes[key]:
            raise ConfigError(
                f"model.{key} is {value}, and {init} has {sizes[key]}.",
                "Leave the sizes out: they are those of the model to start from.",
            )
    return sizes | cast(dict[str, Any], given)
