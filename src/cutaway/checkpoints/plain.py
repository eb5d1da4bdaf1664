"""Plain values as JSON, numbers that are not finite among them."""

import math
import re
from typing import Any, cast

from cutaway.errors import ConfigError

__all__ = ["from_plain", "to_plain"]


def to_plain(value: Any) -> Any:
    """JSON has no number for infinity; it is written as ``{"number": "inf"}``.

    Raises:
        ConfigError: if this is no plain value.
    """
    match value:
        case float() if not math.isfinite(value):
            return {"number": str(value)}
        case None | bool() | int() | float() | str():
            return value
        case list() | tuple():
            return [to_plain(item) for item in cast(list[Any], value)]
        case dict() if all(isinstance(key, str) for key in cast(dict[Any, Any], value)):
            return {key: to_plain(item) for key, item in cast(dict[str, Any], value).items()}
        case _:
            raise ConfigError(f"{value!r:.80} is no plain value.", "Give what JSON can hold.")


def from_plain(value: Any) -> Any:
    """The inverse of :func:`to_plain`; tuples have become lists.

    >>> import json
    >>> from_plain(json.loads(json.dumps(to_plain({"best": [float("inf"), 2.5]}))))
    {'best': [inf, 2.5]}
    """
    match value:
        case {"number": str(text)} if re.fullmatch("-?inf|nan", text):
            return float(text)
        case dict():
            return {key: from_plain(item) for key, item in cast(dict[str, Any], value).items()}
        case list():
            return [from_plain(item) for item in cast(list[Any], value)]
        case _:
            return value
