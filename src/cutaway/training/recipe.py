"""A training run as a file: model, vocabulary, corpus, optimizer, schedule, length.

Recipes are TOML. Reading is strict: an unknown table or key is an error that names the nearest
known one, and so is a value of the wrong type.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self, cast

from cutaway.errors import ConfigError, nearest
from cutaway.models import GPT2Config, ModernConfig
from cutaway.models.config import config_of_kind
from cutaway.training.optimizers import OptimizerConfig
from cutaway.training.schedules import Schedule

__all__ = [
    "DataConfig",
    "LoopConfig",
    "Prepared",
    "Recipe",
    "Source",
    "TokenizerConfig",
    "read_recipe",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file of the corpus.

    Attributes:
        file: path, relative to the corpus folder.
        repeat: how often its documents occur in one pass over the corpus.
        first: the share of its documents to take, from the top of the file.
    """

    file: str
    repeat: int = 1
    first: float = 1.0

    def __post_init__(self) -> None:
        if self.repeat < 1:
            raise ConfigError(f"repeat of {self.file!r} is {self.repeat}.", "Give 1 or more.")
        if not 0.0 < self.first <= 1.0:
            raise ConfigError(f"first of {self.file!r} is {self.first}.", "It must be in (0, 1].")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A directory that ``cutaway data prepare`` made.

    Attributes:
        folder: path, relative to the corpus folder.
        weight: its share of the windows, beside the weights of the others.
    """

    folder: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerConfig:
    """The vocabulary: the files to learn it from, or none.

    With none it is that of the prepared directories, or GPT-2's own 50,257 entries.
    """

    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """The corpus.

    Attributes:
        train: what the model learns from.
        final: what it learns from in the last ``training.final_steps``: the kind of text it is
            to be best at (Hu et al. 2024, "MiniCPM", section 4.3: such data while the rate decays).
        valid: what it is measured on; with ``prepared`` it is their validation split by default.
        prepared: in the place of ``train``: directories of shards, mixed by weight.
    """

    train: tuple[Source, ...] = ()
    final: tuple[Source, ...] = ()
    valid: tuple[Source, ...] = ()
    prepared: tuple[Prepared, ...] = ()

    def __post_init__(self) -> None:
        if self.train and self.prepared:
            raise ConfigError(
                "data.train and data.prepared both name a corpus.",
                "Give one; `cutaway data prepare` makes a prepared one of files.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopConfig:
    """How long and in what portions to train.

    Attributes:
        steps: updates of the weights.
        batch_size: windows of ``n_ctx`` tokens for one update.
        micro_batch_size: windows at once in memory; their gradients are summed.
        short_window: positions of the windows of the first ``short_steps``, which have as many more
            of them; attention is then cheap while there is little to attend to (Li et al. 2022,
            "The Stability-Efficiency Dilemma").
        short_steps: how many steps those are; 0 for none.
        final_steps: how many of the last steps take their windows from ``data.final``; 0 for none.
        precision: ``bf16`` runs the forward pass under autocast, weights stay in float32.
        compile: whether to run the loss through ``torch.compile``.
        log_every: steps between two lines of the log.
        eval_every: steps between two looks at the validation corpus; 0 for none.
        eval_windows: windows of the validation corpus at each look.
        save_every: steps between two checkpoints.
        keep: checkpoints kept; older ones are removed.
    """

    steps: int = 1000
    batch_size: int = 16
    micro_batch_size: int = 4
    short_window: int = 0
    short_steps: int = 0
    final_steps: int = 0
    precision: Literal["fp32", "bf16"] = "fp32"
    compile: bool = False
    log_every: int = 10
    eval_every: int = 0
    eval_windows: int = 64
    save_every: int = 100
    keep: int = 2

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "micro_batch_size", "log_every", "save_every", "keep"):
            if getattr(self, name) < 1:
                raise ConfigError(f"training.{name} is {getattr(self, name)}.", "Give 1 or more.")
        if self.batch_size % self.micro_batch_size:
            raise ConfigError(
                f"training.batch_size {self.batch_size} is no multiple of "
                f"training.micro_batch_size {self.micro_batch_size}.",
                "Choose one that is.",
            )
        if self.short_steps < 0 or (self.short_steps and self.short_window < 1):
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
        if self.precision not in ("fp32", "bf16"):
            raise ConfigError(f"training.precision is {self.precision!r}.", "Known: bf16, fp32.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides the outcome of a run."""

    seed: int = 0
    model: GPT2Config | ModernConfig = field(default_factory=GPT2Config)
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    data: DataConfig = field(default_factory=DataConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    schedule: Schedule = field(default_factory=Schedule)
    training: LoopConfig = field(default_factory=LoopConfig)

    def to_dict(self) -> dict[str, Any]:
        """All tables and keys, ready for JSON."""
        return asdict(self)

    def __post_init__(self) -> None:
        short = self.training.short_window
        if short and self.model.n_ctx % short:
            raise ConfigError(
                f"training.short_window {short} does not divide model.n_ctx {self.model.n_ctx}.",
                "Then a step would not have as many tokens as the others; choose one that does.",
            )
        if bool(self.data.final) != bool(self.training.final_steps):
            raise ConfigError(
                f"data.final names {len(self.data.final)} files, training.final_steps is "
                f"{self.training.final_steps}.",
                "Give both, or neither.",
            )

    @classmethod
    def from_dict(cls, tables: Mapping[str, Any]) -> Self:
        """Builds a recipe from nested tables.

        Raises:
            ConfigError: for an unknown key, a value of the wrong type, an impossible value.
        """
        return cast(Self, _build(cls, tables, path=""))


def read_recipe(path: Path, settings: Sequence[str] = ()) -> Recipe:
    """Reads a recipe and applies settings of the form ``training.steps=200``.

    Raises:
        ConfigError: if the file is absent or no TOML, or for anything the recipe cannot take.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"No recipe at {path}.", "Recipes are in recipes/.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, IsADirectoryError) as error:
        raise ConfigError(f"{path} is not a recipe: {error}.", "It must be TOML.") from None
    for setting in settings:
        _apply(tables, setting)
    return Recipe.from_dict(tables)


def _apply(tables: dict[str, Any], setting: str) -> None:
    name, equals, text = setting.partition("=")
    if not equals or not name.strip():
        raise ConfigError(f"Cannot read the setting {setting!r}.", "Write table.key=value.")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()  # a bare word is a string
    *parents, key = name.strip().split(".")
    for parent in parents:
        tables = tables.setdefault(parent, {})
    tables[key] = value


def _build(cls: type, tables: Mapping[str, Any], *, path: str) -> object:
    """An instance of a dataclass from a table, and of the dataclasses in it."""
    known = {f.name: cast(Any, f.type) for f in fields(cls)}
    for key in tables:
        if key not in known:
            raise ConfigError(f"Unknown key {path + key!r} in the recipe.", nearest(key, known))
    values = {key: _value(known[key], value, path + key) for key, value in tables.items()}
    try:
        return cls(**values)
    except TypeError as error:
        raise ConfigError(f"[{path.rstrip('.')}]: {error}.", "Give the missing key.") from None


def _value(kind: Any, value: Any, path: str) -> object:
    wrong = ConfigError(f"{path} is {value!r}.", f"It must be {_described(kind)}.")
    if kind == GPT2Config | ModernConfig and isinstance(value, Mapping):
        kind, value = config_of_kind(cast(Mapping[str, Any], value))
    if isinstance(kind, type) and hasattr(kind, "__dataclass_fields__"):
        if not isinstance(value, Mapping):
            raise wrong
        return _build(kind, cast(Mapping[str, Any], value), path=f"{path}.")
    if (items := getattr(kind, "__args__", None)) and getattr(kind, "__origin__", None) is tuple:
        if not isinstance(value, list | tuple):
            raise wrong
        values = cast(Sequence[Any], value)
        return tuple(_value(items[0], item, f"{path}[{i}]") for i, item in enumerate(values))
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    plain = str if getattr(kind, "__origin__", None) is Literal else kind
    if type(value) is not plain:
        raise wrong
    return value


def _described(kind: Any) -> str:
    if getattr(kind, "__origin__", None) is Literal:
        return "one of " + ", ".join(map(str, kind.__args__))
    if getattr(kind, "__origin__", None) is tuple:
        return "a list"
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    return names.get(kind, "a table")
