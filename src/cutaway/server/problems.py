"""What went wrong, as it is told: the one place where a problem becomes JSON."""

import json

__all__ = ["problem_json"]


def problem_json(
    error: str, what: str, hint: str = "", *, numbers: dict[str, float] | None = None
) -> bytes:
    """A problem as the body of an answer; in ASCII, so that nothing it quotes can break it.

    Args:
        error: its kind.
        what: what happened, with the value.
        hint: the way out.
        numbers: behind it, by their names.
    """
    problem = {"error": error, "what": what, "hint": hint, "numbers": numbers or {}}
    return json.dumps(problem).encode("ascii")
