"""Counting the parameters of a model, matrix by matrix, without memory for any of them.

The article closes its second part with a table of its matrices; this is that table, for any size.
Shapes are asked of the model itself on torch's meta device, so the table is never stale.
"""

from dataclasses import dataclass, replace
from math import prod

import torch

from cutaway.models.build import new_model
from cutaway.models.config import DecoderConfig

__all__ = ["Matrix", "ParameterTable", "parameter_table"]

_BLOCK = "h.0."


@dataclass(frozen=True, slots=True)
class Matrix:
    """One parameter tensor, or one in every block.

    Attributes:
        name: its path; ``h.*`` stands for every block.
        shape: its axes, as stored.
        copies: how many there are: ``n_layer`` inside a block, else 1.
    """

    name: str
    shape: tuple[int, ...]
    copies: int

    @property
    def size(self) -> int:
        """Parameters in one copy."""
        return prod(self.shape)

    @property
    def in_block(self) -> bool:
        """Whether every block has one."""
        return self.name.startswith("h.*.")


@dataclass(frozen=True, slots=True)
class ParameterTable:
    """Every matrix of a model of one size, in the order of the forward pass.

    Attributes:
        config: the size.
        matrices: one entry for each tensor; those of a block once, with their number of copies.
    """

    config: DecoderConfig
    matrices: tuple[Matrix, ...]

    @property
    def block(self) -> int:
        """Parameters in one block."""
        return sum(matrix.size for matrix in self.matrices if matrix.in_block)

    @property
    def total(self) -> int:
        """All parameters; the tied output head is the token embedding and counts once."""
        return sum(matrix.size * matrix.copies for matrix in self.matrices)

    @property
    def n_tensors(self) -> int:
        """Tensors in a checkpoint."""
        return sum(matrix.copies for matrix in self.matrices)

    def weight_bytes(self, dtype: torch.dtype = torch.float32) -> int:
        """Bytes of all weights in ``dtype``."""
        return self.total * dtype.itemsize

    def cache_bytes_per_token(self, dtype: torch.dtype = torch.float32) -> int:
        """Bytes that the key-value cache takes for each token: k and v, in every layer."""
        return 2 * self.config.n_layer * self.config.n_embd * dtype.itemsize


def parameter_table(config: DecoderConfig) -> ParameterTable:
    """Counts a model of this size without allocating it.

    >>> from cutaway.models import PRESETS
    >>> table = parameter_table(PRESETS["gpt2"])
    >>> table.total, table.block, table.n_tensors
    (124439808, 7087872, 148)
    >>> table.cache_bytes_per_token(torch.float16)
    36864
    """
    with torch.device("meta"):
        # All blocks are alike, so one is enough to ask, however many the size has.
        model = new_model(replace(config, n_layer=1))
    matrices: list[Matrix] = []
    for name, parameter in model.named_parameters():
        in_block = name.startswith(_BLOCK)
        matrices.append(
            Matrix(
                name=f"h.*.{name.removeprefix(_BLOCK)}" if in_block else name,
                shape=tuple(parameter.shape),
                copies=config.n_layer if in_block else 1,
            )
        )
    return ParameterTable(config=config, matrices=tuple(matrices))
