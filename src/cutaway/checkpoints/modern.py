"""Modern decoders in our layout: ``config.json``, ``model.safetensors``, vocabulary.

Tensors have our names. No other program writes such files, so a ``config.json`` with a key that is
not known here belongs to a later version or to another model, and is refused.
"""

from typing import Any

from cutaway.checkpoints.folder import Folder, shown
from cutaway.checkpoints.found import Found
from cutaway.checkpoints.names import MODERN
from cutaway.checkpoints.safetensors_file import open_safetensors
from cutaway.checkpoints.stored import accounted, check_size
from cutaway.errors import ConfigError, CorruptCheckpoint, KeyMismatch
from cutaway.models import ModernConfig
from cutaway.numbers import Kind

__all__ = ["find_modern", "is_modern", "modern_to_json", "read_modern_config"]

_MODEL_TYPE = "cutaway-modern"
_SIZES = ("vocab_size", "n_ctx", "n_embd", "n_layer", "n_head", "rotary_base")
_BESIDE = ("architectures", "model_type", "bos_token_id", "eos_token_id", "dtype")


def is_modern(folder: Folder) -> bool:
    """Whether the ``config.json`` of a directory is that of a modern decoder."""
    return folder.json("config.json").get("model_type") == _MODEL_TYPE


def find_modern(folder: Folder, *, weights: str | None = None) -> Found:
    """The checkpoint in a directory with a ``config.json``; no tensor is read.

    Args:
        folder: the directory.
        weights: the file to read instead of ``model.safetensors``.

    Raises:
        CheckpointError: if it is incomplete, or tensors and configuration do not fit.
    """
    config = read_modern_config(folder)
    path = folder.file(weights or "model.safetensors")
    tensors = open_safetensors(path)
    check_size(config, tensors.values(), str(path), n_bytes=path.stat().st_size)
    return Found("huggingface", config, accounted(MODERN, config, tensors, str(path)), folder)


def read_modern_config(folder: Folder) -> ModernConfig:
    """The size that ``config.json`` states.

    Raises:
        KeyMismatch: for a key that is not known.
        CorruptCheckpoint: if a size is missing or impossible.
    """
    fields, where = folder.json("config.json"), folder.path / "config.json"
    unknown = [key for key in fields if key not in (*_SIZES, *_BESIDE)]
    if unknown:
        raise KeyMismatch(
            f"{where} has {shown(unknown[0])}, which no modern decoder has here.",
            "It was written by a later version, or is another architecture.",
        )
    missing = [key for key in _SIZES if key not in fields]
    if missing:
        raise CorruptCheckpoint(f"{where} lacks {', '.join(missing)}.", "The file is damaged.")
    try:
        return ModernConfig.from_dict({key: fields[key] for key in _SIZES})
    except ConfigError as error:
        raise CorruptCheckpoint(f"{where}: {shown(error.what, limit=200)}", error.hint) from error


def modern_to_json(config: ModernConfig, *, kind: Kind, eot: int | None) -> dict[str, Any]:
    """What ``config.json`` says of such a model."""
    fields = config.to_dict()
    return {
        "architectures": ["Modern"],
        "model_type": _MODEL_TYPE,
        **{key: fields[key] for key in _SIZES},
        "bos_token_id": eot,
        "eos_token_id": eot,
        "dtype": kind.name,
    }
