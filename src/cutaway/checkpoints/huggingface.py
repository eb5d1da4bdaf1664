"""The layout of ``GPT2LMHeadModel.save_pretrained``, which is also ours.

``config.json``, the tensors in ``model.safetensors`` or in the shards that
``model.safetensors.index.json`` names, and the vocabulary beside them. The official file of
``openai-community/gpt2`` has no ``transformer.`` before its names and carries the causal masks as
buffers; files saved since have the prefix, and some repeat the tied head.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from cutaway.checkpoints.names import strip_wrappers
from cutaway.checkpoints.safetensors_file import read_safetensors
from cutaway.checkpoints.stored import Stored, StoredTensor
from cutaway.errors import (
    CorruptCheckpoint,
    KeyMismatch,
    MissingWeights,
    UnsafeCheckpoint,
)
from cutaway.models import GPT2Config

__all__ = ["CONFIG_FILE", "WEIGHTS_FILE", "config_to_json", "read_huggingface", "read_json"]

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
_INDEX_FILE = "model.safetensors.index.json"
_PICKLE_FILE = "pytorch_model.bin"
_MAX_JSON = 1 << 24

_FIELDS = {
    "vocab_size": "vocab_size",
    "n_positions": "n_ctx",
    "n_embd": "n_embd",
    "n_layer": "n_layer",
    "n_head": "n_head",
    "layer_norm_epsilon": "layer_norm_epsilon",
}
"""Keys of ``config.json`` and fields of :class:`GPT2Config`."""

_FIXED: dict[str, tuple[object, ...]] = {
    "model_type": ("gpt2",),
    "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "add_cross_attention": (False,),
    "tie_word_embeddings": (True,),
}
"""What GPT-2 is; a file that says otherwise would compute something else under the same names."""


def read_huggingface(folder: Path, *, allow_pickle: bool = False) -> Stored:
    """Reads the headers of a model directory.

    Raises:
        MissingWeights: if it holds no tensors.
        CorruptCheckpoint: if a file is damaged.
        UnsafeCheckpoint: for shards outside the directory, or a pickle that was not allowed.
        KeyMismatch: if ``config.json`` describes another architecture.
    """
    config = config_from_json(read_json(folder / CONFIG_FILE), where=folder / CONFIG_FILE)
    found, files = _tensors(folder, allow_pickle=allow_pickle)
    tensors: dict[str, StoredTensor] = {}
    for name, tensor in found.items():
        ours = strip_wrappers(name)
        if ours in tensors:
            raise KeyMismatch(f"{folder} holds {ours!r} twice.", "Remove one of the two.")
        tensors[ours] = tensor
    _drop_masks(tensors)
    _drop_head(tensors, folder)
    return Stored("huggingface", config, tensors, files, folder)


def config_from_json(fields: Mapping[str, Any], *, where: Path) -> GPT2Config:
    """The size of the model; refuses what GPT-2 is not.

    Raises:
        KeyMismatch: for a field that describes another architecture.
        ConfigError: for an impossible size.
    """
    for key, allowed in _FIXED.items():
        if key in fields and fields[key] not in allowed:
            raise KeyMismatch(
                f"{where}: {key} is {fields[key]!r}; GPT-2 has {allowed[0]!r}.",
                "This is another architecture, which GPT-2's code would run wrongly.",
            )
    defaults = {"n_positions": fields.get("n_ctx", 1024)}
    values = {
        ours: {**defaults, **fields}[key]
        for key, ours in _FIELDS.items()
        if key in {**defaults, **fields}
    }
    config = GPT2Config.from_dict(values)
    if fields.get("n_inner") not in (None, config.n_inner):
        raise KeyMismatch(
            f"{where}: n_inner is {fields['n_inner']!r}; GPT-2 has 4 x n_embd = {config.n_inner}.",
            "This is another architecture.",
        )
    return config


def config_to_json(config: GPT2Config, *, dtype: torch.dtype, eot: int) -> dict[str, Any]:
    """The ``config.json`` of a model, as ``transformers`` reads it."""
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        **{key: getattr(config, ours) for key, ours in _FIELDS.items()},
        "n_ctx": config.n_ctx,
        "activation_function": "gelu_new",
        "attn_pdrop": config.dropout,
        "embd_pdrop": config.dropout,
        "resid_pdrop": config.dropout,
        "bos_token_id": eot,
        "eos_token_id": eot,
        "tie_word_embeddings": True,
        "dtype": str(dtype).removeprefix("torch."),
    }


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file of sensible size.

    Raises:
        CorruptCheckpoint: if it is none.
    """
    try:
        if path.stat().st_size > _MAX_JSON:
            raise ValueError(f"{path.stat().st_size:,} bytes are too many")
        value = json.loads(path.read_bytes())
        if not isinstance(value, dict):
            raise ValueError("it is no object")
    except (ValueError, RecursionError, OSError) as error:
        raise CorruptCheckpoint(
            f"{path} cannot be read as JSON: {error}.", "Fetch or copy the file again."
        ) from None
    return cast("dict[str, Any]", value)


def _tensors(
    folder: Path, *, allow_pickle: bool
) -> tuple[dict[str, StoredTensor], tuple[Path, ...]]:
    single = _inside(folder, WEIGHTS_FILE)
    if single.is_file():
        return read_safetensors(single), (single,)
    if (folder / _INDEX_FILE).is_file():
        return _sharded(folder)
    if (pickle := _inside(folder, _PICKLE_FILE)).is_file():
        if not allow_pickle:
            raise UnsafeCheckpoint(
                f"{pickle} is a pickle, which can run code when it is read.",
                f"Fetch {WEIGHTS_FILE} instead, or pass allow_pickle=True if you trust its source.",
            )
        return _pickled(pickle), (pickle,)
    raise MissingWeights(
        f"{folder} holds no tensors.", f"Put {WEIGHTS_FILE} there, or its shards and their index."
    )


def _sharded(folder: Path) -> tuple[dict[str, StoredTensor], tuple[Path, ...]]:
    index = read_json(folder / _INDEX_FILE).get("weight_map")
    if not isinstance(index, dict) or not all(
        isinstance(file, str) for file in cast("dict[str, Any]", index).values()
    ):
        raise CorruptCheckpoint(f"{folder / _INDEX_FILE} names no shards.", "Fetch it again.")
    places = cast("dict[str, str]", index)
    shards: dict[str, dict[str, StoredTensor]] = {}
    for file in sorted(set(places.values())):
        path = _inside(folder, file)
        if not path.is_file():
            raise MissingWeights(f"The shard {path} is missing.", "Fetch all files of the index.")
        shards[file] = read_safetensors(path)
    for name, file in places.items():
        if name not in shards[file]:
            raise CorruptCheckpoint(
                f"{folder / file} lacks {name!r}, which the index puts there.",
                "Fetch the index and all shards of the same revision.",
            )
    n_stored = sum(len(shard) for shard in shards.values())
    if n_stored != len(places):
        raise CorruptCheckpoint(
            f"The shards in {folder} hold {n_stored} tensors, their index {len(places)}.",
            "Fetch the index and all shards of the same revision.",
        )
    files = tuple(_inside(folder, file) for file in shards)
    return {name: shards[file][name] for name, file in places.items()}, files


def _pickled(path: Path) -> dict[str, StoredTensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise UnsafeCheckpoint(
            f"{path} is not a pickle of tensors alone: {error}.", "Use safetensors."
        ) from None
    if not isinstance(state, dict):
        raise CorruptCheckpoint(f"{path} holds no dictionary of tensors.", "Use safetensors.")
    tensors = cast("dict[str, Tensor]", state)
    return {
        name: StoredTensor(tuple(tensor.shape), tensor.nbytes, lambda tensor=tensor: tensor)
        for name, tensor in tensors.items()
    }


def _inside(folder: Path, name: str) -> Path:
    """The file ``name`` of ``folder``, if that is what the name means.

    A link may point elsewhere only where a hub's cache keeps its files: beside the directory.
    """
    path = folder / name
    if Path(name).name != name or name in ("", ".", ".."):
        raise UnsafeCheckpoint(f"{name!r} is no plain file name.", "Do not load this directory.")
    return path


def _drop_masks(tensors: dict[str, StoredTensor]) -> None:
    """Removes the causal masks that old files carry: buffers, not weights."""
    for name in list(tensors):
        if name.startswith("h.") and name.endswith((".attn.bias", ".attn.masked_bias")):
            del tensors[name]


def _drop_head(tensors: dict[str, StoredTensor], folder: Path) -> None:
    """Removes a head that repeats the token embedding, after a look at every number of it."""
    head, wte = tensors.pop("lm_head.weight", None), tensors.get("wte.weight")
    if head is None or wte is None:
        return
    if head.shape != wte.shape or not torch.equal(head.read(), wte.read()):
        raise KeyMismatch(
            f"{folder}: lm_head.weight differs from wte.weight.",
            "GPT-2 ties them; an untied model would need another architecture.",
        )
