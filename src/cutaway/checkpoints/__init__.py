"""Files to models and back; models never know about files.

The names below are imported when they are first used: reading weights needs no torch.
"""

from typing import TYPE_CHECKING

from cutaway.lazily import lazily

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
    "ConvertReport": "cutaway.checkpoints.conversion",
    "Loaded": "cutaway.checkpoints.load",
    "ModelName": "cutaway.checkpoints.places",
    "Opened": "cutaway.checkpoints.opened",
    "Quality": "cutaway.checkpoints.rounding",
    "convert": "cutaway.checkpoints.conversion",
    "list_models": "cutaway.checkpoints.places",
    "load_checkpoint": "cutaway.checkpoints.load",
    "load_config": "cutaway.checkpoints.load",
    "open_checkpoint": "cutaway.checkpoints.opened",
    "quality": "cutaway.checkpoints.rounding",
    "save_checkpoint": "cutaway.checkpoints.save",
}
__getattr__, __dir__ = lazily(__name__, _HOMES)
