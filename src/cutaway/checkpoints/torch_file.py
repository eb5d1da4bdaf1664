"""Pickled weights in ``pytorch_model.bin``, only when the user has allowed it.

An archive, as torch has written since 2020, is read by :mod:`cutaway.checkpoints.torch_zip`: it
cannot unfold into more than its size. Older files, the official ones among them, are read by torch
itself. ``weights_only`` keeps it from calling what a file names; that has been got round before,
which is why it is not done unasked.
"""

from pathlib import Path
from typing import NoReturn, cast

import torch
from torch import Tensor

from cutaway.checkpoints.folder import shown
from cutaway.checkpoints.memory import check_memory
from cutaway.checkpoints.stored import Stored
from cutaway.checkpoints.torch_zip import TorchFile
from cutaway.errors import CorruptCheckpoint, UnsafeCheckpoint
from cutaway.numbers import kind_of, to_array

__all__ = ["open_bin"]


def open_bin(path: Path) -> dict[str, Stored]:
    """The tensors of a pickled state dict.

    Raises:
        UnsafeCheckpoint: if the file asks for more than tensors.
        CorruptCheckpoint: if it cannot be read, or is no state dict.
        ResourceError: if the file is larger than the memory.
    """
    with path.open("rb") as file:
        is_archive = file.read(2) == b"PK"
    return _open_archive(path) if is_archive else _open_with_torch(path)


def _open_archive(path: Path) -> dict[str, Stored]:
    file = TorchFile(path)
    root = file.root if isinstance(file.root, dict) else {}
    tensors: dict[str, Stored] = {}
    for name, value in cast(dict[object, object], root).items():
        tensor = file.tensor(value)
        if not isinstance(name, str) or tensor is None:
            _refuse(path)
        tensors[name] = tensor
    return tensors or _refuse(path)


def _open_with_torch(path: Path) -> dict[str, Stored]:
    check_memory(path.stat().st_size, str(path))
    try:
        state: object = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged pickle makes torch raise
        reason = shown((str(error).splitlines() or [""])[0], limit=160)
        if "eights only" in str(error) or "weights_only" in str(error):
            raise UnsafeCheckpoint(
                f"{path} holds more than tensors: {reason}", "It is not loaded."
            ) from error
        raise CorruptCheckpoint(
            f"{path} cannot be read: {type(error).__name__}: {reason}",
            "The file is truncated or damaged; fetch it again.",
        ) from error
    tensors: dict[str, Stored] = {}
    for name, value in cast(dict[object, object], state if isinstance(state, dict) else {}).items():
        if not isinstance(name, str) or not isinstance(value, Tensor) or value.is_sparse:
            _refuse(path)
        tensors[name] = _in_memory(value.detach())
    return tensors or _refuse(path)


def _refuse(path: Path) -> NoReturn:
    raise CorruptCheckpoint(f"{path} is no table of tensors.", "It is another kind of file.")


def _in_memory(tensor: Tensor) -> Stored:
    try:
        kind = kind_of(tensor.dtype)
    except TypeError:  # one that numpy has not, nor has a weight
        kind = None
    return Stored(tuple(tensor.shape), kind, lambda: to_array(tensor))
