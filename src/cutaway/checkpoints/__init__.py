"""Files to models and back; models never know about files."""

from cutaway.checkpoints.convert import ConvertReport, convert
from cutaway.checkpoints.load import Loaded, load_checkpoint, load_config
from cutaway.checkpoints.places import ModelName, list_models
from cutaway.checkpoints.save import save_checkpoint

__all__ = [
    "ConvertReport",
    "Loaded",
    "ModelName",
    "convert",
    "list_models",
    "load_checkpoint",
    "load_config",
    "save_checkpoint",
]
