"""Cutaway: GPT-2 cut open while it runs.

>>> import cutaway
>>> lm = cutaway.load("pocket")  # doctest: +SKIP
>>> lm.generate("Once upon a time", max_new_tokens=20, seed=1).text  # doctest: +SKIP

The names below are imported when they are first used, so that ``import cutaway`` loads no torch.
"""

from typing import TYPE_CHECKING

from cutaway.lazily import lazily

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
    **dict.fromkeys(__all__, "cutaway.errors"),
    "GenerationConfig": "cutaway.generation",
    "LanguageModel": "cutaway.generation",
    "explore": "cutaway.notebook",
    "load": "cutaway.generation",
}
__getattr__, __dir__ = lazily(__name__, _HOMES)
