"""Files to models and back; models never know about files."""

from cutaway.checkpoints.convert import ConvertReport, convert
from cutaway.checkpoints.load import Loaded, load_checkpoint, load_config
from cutaway.checkpoints.opened import Opened, open_checkpoint
from cutaway.checkpoints.places import ModelName, list_models
from cutaway.checkpoints.quality import Quality, quality
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
