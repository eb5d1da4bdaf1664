"""Makes docs/recipe.md: every table and key of a recipe, from the classes that read it."""

import re
from dataclasses import MISSING, Field, fields, is_dataclass
from types import UnionType
from typing import Any, Literal, get_args, get_origin

from cutaway.training.recipe import Recipe

_HEAD = """# Recipes

A training run as a TOML file: [training.md](training.md) tells how it is run. Every key has a
default; an unknown one is an error that names the nearest. `--set table.key=value` changes one.

"""


def page() -> str:
    """The page: a section for each table, a row for each key."""
    tables = [f for f in fields(Recipe) if not _kinds(f)]
    rows = "".join(_row(f, _meanings(Recipe)) for f in tables)
    sections = [_table("above all tables", rows)]
    for field in fields(Recipe):
        for kind in _kinds(field):
            sections += _sections(field.name, kind)
    return _HEAD + "\n".join(sections)


def _sections(name: str, kind: type) -> list[str]:
    """The table of a class, and of the classes that its lists hold."""
    meanings = _meanings(kind)
    title = f"[{name}]" + (f", {kind.__name__}" if name == "model" else "")
    rows = "".join(_row(field, meanings) for field in fields(kind))
    items: dict[type, list[str]] = {}
    for field in fields(kind):
        for item in _kinds(field):
            items.setdefault(item, []).append(f"[[{name}.{field.name}]]")
    found = [_table(title, rows)]
    for item, places in items.items():
        rows = "".join(_row(field, _meanings(item)) for field in fields(item))
        found.append(_table(", ".join(places), rows))
    return found


def _table(title: str, rows: str) -> str:
    return f"## {title}\n\n| key | default | what it is |\n|---|---|---|\n{rows}"


def _row(field: "Field[Any]", meanings: dict[str, str]) -> str:
    meaning = re.sub(r":(?:mod|class|func):`~?([^`]+)`", r"`\1`", meanings.get(field.name, ""))
    meaning = meaning.replace("``", "`").replace("|", "\\|")
    choices = get_args(field.type) if get_origin(field.type) is Literal else ()
    if len(choices) > 1:
        meaning += f" One of {', '.join(f'`{choice}`' for choice in choices)}."
    return f"| `{field.name}` | {_default(field)} | {meaning[:1].upper()}{meaning[1:]} |\n"


def _default(field: "Field[Any]") -> str:
    if field.default is MISSING:
        return "must be given" if field.default_factory is MISSING else ""
    value = list(field.default) if isinstance(field.default, tuple) else field.default
    text = str(value).lower() if isinstance(value, bool) else repr(value).replace("'", '"')
    return f"`{text}`"


def _kinds(field: "Field[Any]") -> list[type]:
    """The classes that a key's table, or the items of its list, are read into."""
    kinds = [field.type]
    if isinstance(field.type, UnionType) or get_origin(field.type) is tuple:
        kinds = list(get_args(field.type))
    return [kind for kind in kinds if isinstance(kind, type) and is_dataclass(kind)]


def _meanings(kind: type) -> dict[str, str]:
    """What a class's docstring, and those above it, say of its attributes."""
    found: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        _, _, text = (one.__doc__ or "").partition("Attributes:\n")
        for item in re.split(r"\n(?=\s{8}\w+: )", "\n" + text):
            name, colon, meaning = item.strip().partition(": ")
            if colon and name.isidentifier():
                found[name] = " ".join(meaning.split())
    return found
