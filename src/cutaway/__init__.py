"""Cutaway: GPT-2 cut open while it runs.

>>> import cutaway
>>> lm = cutaway.load("pocket")  # doctest: +SKIP
>>> lm.generate("Once upon a time", max_new_tokens=20, seed=1).text  # doctest: +SKIP

The names below are imported when they are first used, so that ``import cutaway`` loads no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cutaway.errors import (
        CheckpointError,
        ConfigError,
        ContextLengthError,
        CutawayError,
        TokenizerError,
    )
    from cutaway.generation import GenerationConfig, LanguageModel, load
    from cutaway.notebook import explore

__all__ = [
    "CheckpointError",
    "ConfigError",
    "ContextLengthError",
    "CutawayError",
    "GenerationConfig",
    "LanguageModel",
    "TokenizerError",
    "explore",
    "load",
]

__version__ = "0.1.0"

_HOMES = {
    "GenerationConfig": "cutaway.generation",
    "LanguageModel": "cutaway.generation",
    "explore": "cutaway.notebook",
    "load": "cutaway.generation",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(_HOMES.get(name, "cutaway.errors"))
    return globals().setdefault(name, getattr(module, name))


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
