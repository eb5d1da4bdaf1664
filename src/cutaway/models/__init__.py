"""Models, one file for each paper.

What needs torch is imported when it is first used; a size does not.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from cutaway.models.config import GPT2Config
from cutaway.models.presets import PRESETS

if TYPE_CHECKING:
    from cutaway.models.gpt2 import GPT2
    from cutaway.models.parameters import Matrix, ParameterTable, parameter_table

__all__ = ["GPT2", "PRESETS", "GPT2Config", "Matrix", "ParameterTable", "parameter_table"]

_HOMES = {
    "GPT2": "cutaway.models.gpt2",
    "Matrix": "cutaway.models.parameters",
    "ParameterTable": "cutaway.models.parameters",
    "parameter_table": "cutaway.models.parameters",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals().setdefault(name, getattr(import_module(_HOMES[name]), name))


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
