"""What went wrong, as it is told: its kinds, and the one place where a problem becomes JSON.

The server says it in English, as the package does everywhere. A page in another language says it
in its own words: by the kind of the problem, with the values that are told with it.
"""

import json
from typing import Any

from cutaway.errors import CutawayError

__all__ = ["KINDS", "kind_of", "problem_json", "problem_of", "schema_of_problems"]

KINDS: dict[str, dict[str, type]] = {
    # Of the package: the class of the error, or the nearest above it that is here.
    "CutawayError": {},
    "ConfigError": {},
    "OutOfRange": {"name": str, "given": str, "low": float, "high": float},
    "UnknownName": {"name": str, "known": str},
    "PartOutside": {"name": str, "given": str, "n": float},
    "ImpossibleEdit": {},
    "NothingToChoose": {},
    "TooManyNumbers": {},
    "NotMusic": {"name": str},
    "DataError": {},
    "MissingExtra": {},
    "ContextLengthError": {"n_tokens": float, "n_ctx": float},
    "TokenizerError": {},
    "NoTokenizer": {},
    "ResourceError": {},
    "ModelNotFound": {"name": str, "known": str},
    "RunNotFound": {"run": str},
    # Of the server.
    "InvalidRequest": {"place": str, "given": str, "rule": str, "limit": str},
    "HTTPError": {"status": float},
    "BadRequest": {},
    "ForeignHost": {"host": str},
    "ForeignOrigin": {"origin": str},
    "NotJson": {"type": str},
    "RequestTooLarge": {"limit": float},
    "TooBusy": {},
    "InternalError": {},
}
"""Every kind of problem, and the values that are told with it; numbers are all float here."""


def problem_json(kind: str, what: str, hint: str = "", **values: str | float) -> bytes:
    """A problem as the body of an answer; in ASCII, so that nothing it quotes can break it.

    Args:
        kind: one of :data:`KINDS`.
        what: what happened, with the value.
        hint: the way out.
        **values: those of the kind.
    """
    assert values.keys() == KINDS[kind].keys(), (kind, values)
    return json.dumps({"error": kind, "what": what, "hint": hint, "values": values}).encode("ascii")


def kind_of(error: CutawayError) -> str:
    """The narrowest kind that the error is of, and whose values it has."""
    names = [one.__name__ for one in type(error).__mro__]
    return next(
        name for name in names if name in KINDS and KINDS[name].keys() <= error.values.keys()
    )


def problem_of(error: CutawayError) -> bytes:
    """An error of the package as JSON."""
    kind = kind_of(error)
    values = {name: error.values[name] for name in KINDS[kind]}
    return problem_json(kind, error.what, error.hint, **values)


def schema_of_problems(schema: dict[str, Any]) -> None:
    """Makes the schema of a problem tell the kinds apart, each with its own values."""
    schema["oneOf"] = [_schema_of(kind) for kind in KINDS]
    for name in ("properties", "required", "type"):
        del schema[name]


def _schema_of(kind: str) -> dict[str, Any]:
    words = {"str": "string", "float": "number"}
    values = {name: {"type": words[value.__name__]} for name, value in KINDS[kind].items()}
    fields = {
        "error": {"const": kind},
        "what": {"type": "string"},
        "hint": {"type": "string"},
        "values": _object(values),
    }
    return _object(fields)


def _object(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }
