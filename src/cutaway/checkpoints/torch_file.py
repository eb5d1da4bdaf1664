"""Pickled weights read by torch itself, only when the user has allowed it.

``weights_only`` keeps torch from calling what a file names. It has been got round before, which is
why this is not done unasked; nanoGPT's files are read by :mod:`cutaway.checkpoints.torch_zip`.
"""

from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from cutaway.checkpoints.memory import check_memory
from cutaway.checkpoints.stored import Stored
from cutaway.errors import CorruptCheckpoint, UnsafeCheckpoint

__all__ = ["open_with_torch"]


def open_with_torch(path: Path) -> dict[str, Stored]:
    """The tensors of a pickled state dict.

    Raises:
        UnsafeCheckpoint: if the file asks for more than tensors.
        CorruptCheckpoint: if it cannot be read, or is no state dict.
        ResourceError: if the file is larger than the memory.
    """
    check_memory(path.stat().st_size, str(path))
    try:
        state: object = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged pickle makes torch raise
        reason = (str(error).splitlines() or [""])[0][:160]
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
            raise CorruptCheckpoint(
                f"{path} is no table of tensors.", "It is another kind of file."
            )
        tensors[name] = _in_memory(value.detach())
    if not tensors:
        raise CorruptCheckpoint(f"{path} is no table of tensors.", "It is another kind of file.")
    return tensors


def _in_memory(tensor: Tensor) -> Stored:
    return Stored(tuple(tensor.shape), tensor.dtype, lambda: tensor)
