"""LoRA adapters in PEFT's layout: read onto a checkpoint of any layout, and written.

A directory with ``adapter_config.json`` and ``adapter_model.safetensors``. Reading changes what is
found in the base's files before a tensor is read: the sum ``W + s A^T B^T`` is made in float64 when
its turn comes, rounded once to float32, and nothing later knows that there was an adapter. No
torch; the engine takes it too.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cutaway.checkpoints.folder import Folder, shown
from cutaway.checkpoints.found import Found
from cutaway.checkpoints.peft import PeftConfig, config_to_json, read_peft_config
from cutaway.checkpoints.raw import all_finite
from cutaway.checkpoints.safetensors_file import open_safetensors, write_safetensors
from cutaway.checkpoints.stored import WEIGHT_KINDS, Stored
from cutaway.errors import CheckpointNotFound, CorruptCheckpoint, KeyMismatch, MissingWeights
from cutaway.files import replace_together
from cutaway.numbers import FLOAT32, Array

__all__ = [
    "CONFIG",
    "Adapter",
    "LowRank",
    "adapted",
    "adapter_folder",
    "merged",
    "read_adapter",
    "write_adapter",
]

CONFIG, _TENSORS = "adapter_config.json", "adapter_model.safetensors"
_PREFIX = "base_model.model."
_LAYER = r"h\.(?:0|[1-9]\d{0,5})\.(?:attn\.c_attn|attn\.c_proj|mlp\.c_fc|mlp\.c_proj)"
_NAME = re.compile(rf"{re.escape(_PREFIX)}((?:transformer\.)?({_LAYER}))\.lora_([AB])\.weight")


class LowRank(NamedTuple):
    """What is added to a weight: ``scale A^T B^T``, with ``A`` (rank, in) and ``B`` (out, rank)."""

    a: Stored
    b: Stored
    scale: float


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter that is accounted for and not yet read.

    Attributes:
        path: its directory.
        changes: what is added to the weight of each layer, by our name, such as
            ``h.0.attn.c_attn``.
    """

    path: Path
    changes: Mapping[str, LowRank]


def read_adapter(path: str | Path) -> Adapter:
    """The adapter in a directory, or in the directory of a run of ours; no tensor is read.

    Raises:
        CheckpointNotFound: if there is none.
        MissingWeights: if a file or a matrix is missing.
        KeyMismatch: if a key or a tensor asks for what is not done here, naming it.
        CorruptCheckpoint: if a file is damaged.
        UnsafeCheckpoint: if a file leads out of its directory.
    """
    place = adapter_folder(path)
    if not place.is_dir():
        raise CheckpointNotFound(
            f"No adapter at {place}.", f"Name a directory with {CONFIG} and {_TENSORS}."
        )
    folder = Folder.at(place)
    config = read_peft_config(folder.json(CONFIG), folder.path / CONFIG)
    tensors = folder.file(_TENSORS)
    return Adapter(folder.path, _paired(open_safetensors(tensors), config, tensors))


def adapter_folder(path: str | Path) -> Path:
    """Where an adapter's files are: there, or in the directory of a run of ours below it."""
    place = Path(path).expanduser()
    if not (place / CONFIG).exists() and (place / "adapter" / CONFIG).exists():
        return place / "adapter"
    return place


def adapted(found: Found, adapter: Adapter) -> Found:
    """The checkpoint with the adapter's changes in its weights, which are then float32.

    Raises:
        KeyMismatch: if the adapter is of a model of another size.
    """
    tensors = dict(found.tensors)
    for name, change in adapter.changes.items():
        base = tensors.get(f"{name}.weight")
        shape = (change.a.shape[1], change.b.shape[0])
        if base is None or base.shape != shape:
            has = "no such layer" if base is None else f"shape {base.shape} there"
            raise KeyMismatch(
                f"{adapter.path} changes {name} of shape {shape}; {found.folder.path} has {has}.",
                "The adapter was made for a model of another size: name its own base.",
            )
        read = partial(_merged, base, change, f"{name} in {adapter.path}")
        tensors[f"{name}.weight"] = Stored(shape, FLOAT32, read)
    return replace(found, tensors=tensors)


def merged(weight: Array, a: Array, b: Array, scale: float) -> Array:
    """The weight ``(in, out)`` with a change of low rank in it, rounded once to float32."""
    change = a.astype(np.float64).T @ b.astype(np.float64).T
    change *= scale
    change += weight
    with np.errstate(over="ignore"):  # whoever reads it looks for what is not finite
        return change.astype(np.float32)


def write_adapter(
    directory: Path, matrices: Mapping[str, tuple[Array, Array]], **settings: Any
) -> None:
    """Writes an adapter, so that no reader ever finds a half.

    Args:
        directory: made if it does not exist.
        matrices: ``A`` and ``B`` of each layer, by our name, in float32.
        **settings: of :func:`~cutaway.checkpoints.peft.config_to_json`.

    Raises:
        ResourceError: if the disk is full; what was there stays.
    """
    tensors: dict[str, Stored] = {}
    for name, pair in matrices.items():
        for letter, matrix in zip("AB", pair, strict=True):
            stored = Stored(matrix.shape, FLOAT32, partial(np.asarray, matrix, np.float32))
            tensors[f"{_PREFIX}transformer.{name}.lora_{letter}.weight"] = stored
    with replace_together(directory) as folder:
        (folder / CONFIG).write_text(json.dumps(config_to_json(**settings), indent=2) + "\n")
        with (folder / _TENSORS).open("wb") as file:
            write_safetensors(file, tensors)


def _paired(tensors: dict[str, Stored], config: PeftConfig, where: Path) -> dict[str, LowRank]:
    """``A`` and ``B`` of each layer, under our names."""
    found: dict[str, dict[str, Stored]] = {}
    modules: dict[str, str] = {}
    for name, tensor in tensors.items():
        match = _NAME.fullmatch(name)
        if match is None or tensor.dtype not in WEIGHT_KINDS or len(tensor.shape) != 2:
            raise KeyMismatch(
                f"{where} has {shown(name)} {tensor.shape}, which is not understood here.",
                "Read are matrices lora_A and lora_B of c_attn, c_proj and c_fc in the blocks.",
            )
        module, ours, letter = match.groups()
        if modules.setdefault(ours, module) != module:
            raise KeyMismatch(f"{where} has {ours} twice.", "Remove one of the two adapters.")
        found.setdefault(ours, {})[letter] = tensor
    if not found:
        raise MissingWeights(f"{where} holds no tensor.", "The file is incomplete.")
    return {ours: _pair(pair, modules[ours], config, where) for ours, pair in sorted(found.items())}


def _pair(pair: dict[str, Stored], module: str, config: PeftConfig, where: Path) -> LowRank:
    if len(pair) < 2:
        lacking = "B" if "A" in pair else "A"
        raise MissingWeights(
            f"{where} lacks lora_{lacking} of {module}.", "The file is incomplete."
        )
    a, b, rank = pair["A"], pair["B"], config.rank_of(module)
    if (a.shape[0], b.shape[1]) != (rank, rank):
        raise KeyMismatch(
            f"{where}: lora_A {a.shape} and lora_B {b.shape} of {module} are not of rank {rank:g}.",
            f"{CONFIG} and {_TENSORS} do not belong together.",
        )
    return LowRank(a, b, config.scale_of(module))


def _merged(base: Stored, change: LowRank, what: str) -> Array:
    a, b = change.a.read(), change.b.read()
    if not (all_finite(np.ascontiguousarray(a)) and all_finite(np.ascontiguousarray(b))):
        raise CorruptCheckpoint(
            f"The adapter's {what} holds numbers that are not finite.",
            "The file is damaged, or training diverged before it was saved.",
        )
    return merged(base.read(), a, b, change.scale)
