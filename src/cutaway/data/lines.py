"""Lines of a stranger's file: bytes to text, text to an object, a field to its text."""

import json
from typing import Any, cast

__all__ = ["BadLine", "decoded", "label_of", "object_of", "text_of"]


class BadLine(ValueError):
    """What is wrong with a line, in words that go behind its place."""


def decoded(line: bytes, number: int) -> str:
    """A line as text; the first may begin with a byte order mark.

    Raises:
        BadLine: if it is not UTF-8.
    """
    try:
        return line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise BadLine(f"not UTF-8: {error.reason} at its byte {error.start + 1}") from None


def object_of(text: str) -> dict[str, Any]:
    """The JSON object of a line.

    Raises:
        BadLine: if it is none.
    """
    try:
        record: object = json.loads(text)
    except RecursionError:
        raise BadLine("no JSON (nested too deeply)") from None
    except ValueError as error:
        raise BadLine(f"no JSON ({error})") from None
    if not isinstance(record, dict):
        raise BadLine("no JSON object")
    return cast(dict[str, Any], record)


def text_of(record: dict[str, Any], name: str) -> str:
    """The text of a field that is there; texts of a list are joined with a space.

    Raises:
        BadLine: if it is neither.
    """
    value: object = record[name]
    texts = cast(list[object], value) if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in texts):
        raise BadLine(f"{name!r} is neither a text nor a list of texts")
    return " ".join(cast(list[str], texts))


def label_of(record: dict[str, Any], name: str) -> str:
    """The label of a field that is there: a text, or a whole number as it is written.

    Raises:
        BadLine: if it is neither.
    """
    value: object = record[name]
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise BadLine(f"{name!r} is no label: neither a text nor a whole number")
