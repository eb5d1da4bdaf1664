"""Nested tables, as TOML has them, to dataclasses: strictly, with errors that name the key."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Literal, cast

from cutaway.errors import ConfigError, nearest
from cutaway.models import ModelConfig
from cutaway.models.config import config_of_kind

__all__ = ["apply_setting", "at_least", "build"]


def apply_setting(tables: dict[str, Any], setting: str) -> None:
    """Changes nested tables by one setting of the form ``training.steps=200``."""
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


def build(cls: type, tables: Mapping[str, Any], *, path: str) -> object:
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
    if kind == ModelConfig and isinstance(value, Mapping):
        kind, value = config_of_kind(cast(Mapping[str, Any], value))
    if isinstance(kind, type) and hasattr(kind, "__dataclass_fields__"):
        if not isinstance(value, Mapping):
            raise wrong
        return build(kind, cast(Mapping[str, Any], value), path=f"{path}.")
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


def at_least(table: str, config: object, least: int, *names: str) -> None:
    """Sees to it that numbers of a table are not too small.

    Raises:
        ConfigError: naming the first that is.
    """
    for name in names:
        if getattr(config, name) < least:
            raise ConfigError(
                f"{table}.{name} is {getattr(config, name)}.", f"Give {least} or more."
            )
