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
from cutaway.models import GPT2Config, ModelConfig, TransformerDecoderConfig
from cutaway.training.corpus_tables import (
    DataConfig,
    MusicSource,
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
from cutaway.training.task_rules import check_task
from cutaway.training.task_tables import TaskConfig
from cutaway.training.tracking import LogConfig

__all__ = [
    "CheckpointConfig",
    "DataConfig",
    "Growth",
    "LogConfig",
    "LoopConfig",
    "MusicSource",
    "PairSource",
    "Prepared",
    "Recipe",
    "SamplesConfig",
    "Source",
    "TaskConfig",
    "TokenizerConfig",
    "ValidationConfig",
    "new_rows",
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
        check_task(
            self.task, self.model, tokenizer=self.tokenizer, data=self.data, loop=self.training
        )
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
        tables["model"] = _with_specials(sizes, tables)
    return Recipe.from_dict(tables)


def _with_specials(sizes: dict[str, Any], tables: dict[str, Any]) -> dict[str, Any]:
    """The sizes with a row for each token of the task that the model to start from has not."""
    task = build(TaskConfig, cast(dict[str, Any], tables.get("task", {})), path="task.")
    format = cast(TaskConfig, task).format
    if format is None:
        return sizes
    tokenizer = open_checkpoint(tables["init"]).tokenizer
    if tokenizer is None:
        return sizes
    n_new = sum(name not in tokenizer.specials for name in format.specials)
    return {**sizes, "vocab_size": tokenizer.vocab_size + n_new} if n_new else sizes


def new_rows(recipe: Recipe) -> int:
    """Tokens of the task that the model to start from has not."""
    if not recipe.init:
        return 0
    return recipe.model.vocab_size - open_checkpoint(recipe.init).config.vocab_size


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
