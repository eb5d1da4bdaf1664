"""Models of our own kinds in our layout: ``config.json``, ``model.safetensors``, vocabulary.

Tensors have our names. No other program writes such files, so a ``config.json`` with a key that is
not known here belongs to a later version or to another model, and is refused.
"""

from dataclasses import fields as fields_of
from typing import Any

from cutaway.checkpoints.folder import Folder, shown
from cutaway.checkpoints.found import Found
from cutaway.checkpoints.names import our_table
from cutaway.checkpoints.safetensors_file import open_safetensors
from cutaway.checkpoints.stored import accounted, check_size
from cutaway.errors import ConfigError, CorruptCheckpoint, KeyMismatch
from cutaway.models import (
    DecoderConfig,
    ModernConfig,
    MusicTransformerConfig,
    TransformerConfig,
    TransformerDecoderConfig,
)
from cutaway.numbers import Kind

__all__ = ["find_ours", "is_of_our_kinds", "is_ours", "our_config_to_json", "read_our_config"]

_Ours = ModernConfig | TransformerConfig | TransformerDecoderConfig | MusicTransformerConfig
_CONFIGS: dict[str, type[_Ours]] = {
    "cutaway-modern": ModernConfig,
    "cutaway-music-transformer": MusicTransformerConfig,
    "cutaway-transformer": TransformerConfig,
    "cutaway-transformer-decoder": TransformerDecoderConfig,
}
_CLASSES = {
    "cutaway-modern": "Modern",
    "cutaway-music-transformer": "MusicTransformer",
    "cutaway-transformer": "EncoderDecoder",
    "cutaway-transformer-decoder": "TransformerDecoder",
}
_NOUNS = {
    "cutaway-modern": "modern decoder",
    "cutaway-music-transformer": "Music Transformer",
    "cutaway-transformer": "encoder-decoder",
    "cutaway-transformer-decoder": "Transformer-Decoder",
}
_BESIDE = ("architectures", "model_type", "bos_token_id", "eos_token_id", "dtype")
_UNSAID = ("kind", "dropout")  # the type says the one, the other is of a run


def is_ours(folder: Folder) -> bool:
    """Whether the ``config.json`` of a directory is that of a model of one of these kinds."""
    model_type = folder.json("config.json").get("model_type")
    return isinstance(model_type, str) and model_type in _CONFIGS


def is_of_our_kinds(config: DecoderConfig) -> bool:
    """Whether a model of this size is written in this layout."""
    return isinstance(config, tuple(_CONFIGS.values()))


def find_ours(folder: Folder, *, weights: str | None = None) -> Found:
    """The checkpoint in a directory with such a ``config.json``; no tensor is read.

    Args:
        folder: the directory.
        weights: the file to read instead of ``model.safetensors``.

    Raises:
        CheckpointError: if it is incomplete, or tensors and configuration do not fit.
    """
    config = read_our_config(folder)
    path = folder.file(weights or "model.safetensors")
    tensors = open_safetensors(path)
    check_size(config, tensors.values(), str(path), n_bytes=path.stat().st_size)
    held = accounted(our_table(config), config, tensors, str(path))
    return Found("huggingface", config, held, folder)


def read_our_config(folder: Folder) -> DecoderConfig:
    """The size that such a ``config.json`` states.

    Raises:
        KeyMismatch: for a key that is not known.
        CorruptCheckpoint: if a size is missing or impossible.
    """
    fields, where = folder.json("config.json"), folder.path / "config.json"
    model_type: str = fields["model_type"]
    cls, sizes = _CONFIGS[model_type], _sizes(_CONFIGS[model_type])
    unknown = [key for key in fields if key not in (*sizes, *_BESIDE)]
    if unknown:
        raise KeyMismatch(
            f"{where} has {shown(unknown[0])}, which no {_NOUNS[model_type]} has here.",
            "It was written by a later version, or is another architecture.",
        )
    missing = [key for key in sizes if key not in fields]
    if missing:
        raise CorruptCheckpoint(f"{where} lacks {', '.join(missing)}.", "The file is damaged.")
    try:
        return cls.from_dict({key: fields[key] for key in sizes})
    except ConfigError as error:
        raise CorruptCheckpoint(f"{where}: {shown(error.what, limit=200)}", error.hint) from error


def our_config_to_json(config: DecoderConfig, *, kind: Kind, eot: int | None) -> dict[str, Any]:
    """What ``config.json`` says of such a model."""
    model_type = next(name for name, cls in _CONFIGS.items() if isinstance(config, cls))
    fields = config.to_dict()
    return {
        "architectures": [_CLASSES[model_type]],
        "model_type": model_type,
        **{key: fields[key] for key in _sizes(_CONFIGS[model_type])},
        "bos_token_id": eot,
        "eos_token_id": eot,
        "dtype": kind.name,
    }


def _sizes(cls: type[DecoderConfig]) -> list[str]:
    return [field.name for field in fields_of(cls) if field.name not in _UNSAID]
