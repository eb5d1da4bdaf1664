"""Files to models and back; models never know about files.

The names below are imported when they are first used: reading weights needs no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cutaway.checkpoints.conversion import ConvertReport, convert
    from cutaway.checkpoints.load import Loaded, load_checkpoint, load_config
    from cutaway.checkpoints.opened import Opened, open_checkpoint
    from cutaway.checkpoints.places import ModelName, list_models
    from cutaway.checkpoints.rounding import Quality, quality
    from cutaway.checkpoints.save import save_checkpoint

__all__ = [
    "ConvertReport",
    "Loaded",
    "ModelName",
    "Opened",
    "Quality",
    "convert",
    "list_models",
    "load_checkpoint",
    "load_config",
    "open_checkpoint",
    "quality",
    "save_checkpoint",
]

_HOMES = {
    "ConvertReport": "conversion",
    "Loaded": "load",
    "ModelName": "places",
    "Opened": "opened",
    "Quality": "rounding",
    "convert": "conversion",
    "list_models": "places",
    "load_checkpoint": "load",
    "load_config": "load",
    "open_checkpoint": "opened",
    "quality": "rounding",
    "save_checkpoint": "save",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{_HOMES[name]}")
    return globals().setdefault(name, getattr(module, name))


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
