"""How the package's shape annotations are checked while tests run; see ``pyproject.toml``.

Only functions that speak of a tensor's shape are checked. What users may get wrong (a field of a
config, an option) is annotated too, but there the package's own errors are what tests must see.
A protocol in such a signature must be ``runtime_checkable``.
"""

from collections.abc import Callable
from typing import Any, Self, get_args

from beartype import BeartypeConf, FrozenDict, beartype
from jaxtyping import AbstractArray

__all__ = ["checked"]

_check = beartype(
    conf=BeartypeConf(
        # beartype cannot resolve Self in a method that it is handed without its class.
        hint_overrides=FrozenDict({Self: Any}),
        is_pep484_tower=True,  # an int is a float, as for every type checker
    )
)


def _has_shape(annotation: object) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, AbstractArray):
        return True
    return any(_has_shape(part) for part in get_args(annotation))


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Checks the arguments and the result of a function that has shapes in its signature."""
    if any(_has_shape(annotation) for annotation in function.__annotations__.values()):
        return _check(function)
    return function
