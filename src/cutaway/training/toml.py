"""Tables written as TOML: what :mod:`tomllib` reads back as it was."""

import json
import math
from collections.abc import Mapping
from typing import Any

__all__ = ["to_toml"]


def to_toml(tables: Mapping[str, Any]) -> str:
    """Tables of texts, numbers, truth values, lists and tables as TOML.

    >>> print(to_toml({"seed": 1, "data": {"train_pairs": [{"source": "a.tsv"}]}}), end="")
    seed = 1
    <BLANKLINE>
    [data]
    train_pairs = [{ source = "a.tsv" }]
    """
    plain = {key: value for key, value in tables.items() if not isinstance(value, Mapping)}
    text = "".join(f"{_key(key)} = {_value(value)}\n" for key, value in plain.items())
    for key, table in tables.items():
        if isinstance(table, Mapping):
            rows = "".join(f"{_key(k)} = {_value(v)}\n" for k, v in table.items())  # pyright: ignore
            text += f"\n[{_key(key)}]\n{rows}"
    return text.lstrip("\n")


def _value(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            # JSON's escapes are TOML's, but for a byte that TOML wants escaped and JSON does not.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case int():
            return str(value)
        case float():
            return repr(value) if math.isfinite(value) else str(value)
        case Mapping():
            inside = ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items())  # pyright: ignore
            return f"{{ {inside} }}"
        case _:
            return f"[{', '.join(map(_value, value))}]"


def _key(key: str) -> str:
    is_bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if is_bare else json.dumps(key)
