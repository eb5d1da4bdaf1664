"""nanoGPT's ``ckpt.pt``: a table with the model, its arguments and the optimizer.

Its matrices are those of ``torch.nn.Linear``, (out, in). Biases are optional; an absent one is 0.
nanoGPT computes GELU by the error function, also for OpenAI's weights; GPT-2 and this package use
the tanh form. The largest difference of the two is 5e-4, and no file tells which was meant.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from cutaway.checkpoints.folder import Folder, shown
from cutaway.checkpoints.found import Found
from cutaway.checkpoints.huggingface import unprefixed
from cutaway.checkpoints.names import NANOGPT, Row, Table
from cutaway.checkpoints.raw import narrowed
from cutaway.checkpoints.stored import Stored, accounted, check_size
from cutaway.checkpoints.torch_zip import TorchFile
from cutaway.errors import ConfigError, CorruptCheckpoint, KeyMismatch
from cutaway.models import GPT2Config
from cutaway.numbers import kind_of, to_array, to_tensor

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from cutaway.models import GPT2

__all__ = ["find_nanogpt", "write_nanogpt"]

_FIELDS = {
    "n_layer": "n_layer",
    "n_head": "n_head",
    "n_embd": "n_embd",
    "block_size": "n_ctx",
    "vocab_size": "vocab_size",
    "dropout": "dropout",
}
_UNPREFIXED = Table(
    tuple(
        Row(ours, theirs.removeprefix("transformer."), form) for ours, theirs, form in NANOGPT.rows
    )
)
_BIAS = re.compile(r".*\.bias")


def find_nanogpt(path: Path) -> Found:
    """The checkpoint in a file; its pickle is read as data, no tensor is.

    Raises:
        CorruptCheckpoint: if it is no checkpoint of nanoGPT's, or damaged.
        UnsafeCheckpoint: if it holds more than tensors and plain values.
        KeyMismatch: if it is of a variant that computes something else.
    """
    file = TorchFile(path)
    root = file.root if isinstance(file.root, dict) else {}
    model, arguments = root.get("model"), root.get("model_args")
    if not isinstance(model, dict) or not isinstance(arguments, dict):
        raise CorruptCheckpoint(
            f"{path} has no 'model' and 'model_args'.", "It is not a checkpoint of nanoGPT's."
        )
    has_bias, config = _config(cast(dict[str, Any], arguments), str(path))
    tensors = {str(name): file.tensor(value) for name, value in model.items()}
    odd = [name for name, tensor in tensors.items() if tensor is None]
    if odd:
        raise KeyMismatch(f"{shown(odd[0])} in {path} is no tensor.", "The file is damaged.")
    found, head = unprefixed(cast(dict[str, Stored], tensors), str(path))
    check_size(config, found.values(), str(path), biases=has_bias, n_bytes=path.stat().st_size)
    ours = accounted(
        _UNPREFIXED,
        config,
        found,
        str(path),
        optional=lambda name: not has_bias and _BIAS.fullmatch(name) is not None,
    )
    return Found("nanogpt", config, ours, Folder.at(file.path.parent), head=head)


def _config(arguments: dict[str, Any], where: str) -> tuple[bool, GPT2Config]:
    unknown = [str(name) for name in arguments if name not in _FIELDS and name != "bias"]
    if unknown:
        raise KeyMismatch(
            f"{where} has the model argument {unknown[0][:80]!r}, which nanoGPT does not.",
            "It is of a variant that computes something else.",
        )
    odd = [name for name, value in arguments.items() if not isinstance(value, int | float)]
    if odd:  # nor is it looked at: tables in tables can be larger than the memory when printed
        raise CorruptCheckpoint(
            f"The model argument {odd[0]} in {where} is no number.", "The file is damaged."
        )
    try:
        fields = {_FIELDS[name]: value for name, value in arguments.items() if name in _FIELDS}
        return arguments.get("bias", True) is not False, GPT2Config.from_dict(fields)
    except ConfigError as error:
        raise CorruptCheckpoint(f"{where}: {error.what}", error.hint) from error


def write_nanogpt(path: Path, model: "GPT2", dtype: "torch.dtype") -> None:
    """Writes what nanoGPT's ``sample.py`` reads, and ``train.py`` but for the optimizer's state.

    Raises:
        CorruptCheckpoint: if a weight is not finite.
    """
    from torch import save

    config, state, kind = model.config, model.state_dict(), kind_of(dtype)
    theirs: dict[str, Tensor] = {}
    for row in NANOGPT.expanded(config.n_layer):
        array = row.form.to_theirs(narrowed(row.ours, to_array(state[row.ours]), kind))
        theirs[row.theirs] = to_tensor(np.ascontiguousarray(array))
    theirs["lm_head.weight"] = theirs["transformer.wte.weight"]
    fields = config.to_dict()
    arguments = {name: fields[ours] for name, ours in _FIELDS.items()} | {"bias": True}
    saved = {
        "model": theirs,
        "model_args": arguments,
        "iter_num": 0,
        "best_val_loss": 1e9,
        "config": {},
    }
    save(saved, path)
