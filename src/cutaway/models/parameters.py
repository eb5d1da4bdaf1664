"""Counting the parameters of a model, matrix by matrix, without memory for any of them.

The article closes its second part with a table of its matrices; this is that table, for any size.
Shapes are asked of the model itself on torch's meta device, so the table is never stale.
"""

import re
from dataclasses import dataclass, replace
from math import prod

import torch

from cutaway.models.build import new_model
from cutaway.models.config import DecoderConfig, TransformerDecoderConfig

__all__ = ["Matrix", "ParameterTable", "parameter_table"]


_IN_BLOCK = re.compile(r"(h|encoder)\.\d+\.")


@dataclass(frozen=True, slots=True)
class Matrix:
    """One parameter tensor, or one in every block.

    Attributes:
        name: its path; ``h.*`` stands for every block, ``encoder.*`` for every block of an encoder.
        shape: its axes, as stored.
        copies: how many there are: inside a block as many as blocks that have one, else 1.
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
        return self.name.startswith(("h.*.", "encoder.*."))


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
        """Parameters in one block (of each stack); of the largest, where blocks differ."""
        return sum(matrix.size for matrix in self.matrices if matrix.in_block)

    @property
    def blocks(self) -> int:
        """Parameters in all blocks."""
        return sum(matrix.size * matrix.copies for matrix in self.matrices if matrix.in_block)

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
        """Bytes that the key-value cache takes for each token: k and v, in every layer.

        Those of a compressed layer's slots come on top, a token's share of them.
        """
        config, vectors = self.config, 2 * self.config.n_layer
        if isinstance(config, TransformerDecoderConfig):
            vectors += 2 * config.count("m") / config.stride
        return round(vectors * config.n_att * dtype.itemsize)


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
        # Where all blocks are alike, one is enough to ask, however many the size has.
        alike = not isinstance(config, TransformerDecoderConfig)
        model = new_model(replace(config, n_layer=1) if alike else config)
    found: dict[str, Matrix] = {}
    for path, parameter in model.named_parameters():
        in_block = _IN_BLOCK.match(path)
        name = f"{in_block[1]}.*.{path[in_block.end() :]}" if in_block else path
        copies = found[name].copies + 1 if name in found else 1
        found[name] = Matrix(name=name, shape=tuple(parameter.shape), copies=copies)
    matrices = list(found.values())
    if alike:
        matrices = [replace(m, copies=config.n_layer) if m.in_block else m for m in matrices]
    return ParameterTable(config=config, matrices=tuple(matrices))
