"""A tensor in a file: its shape and kind are known, its bytes are not read yet.

Every reader ends in a table of these. :func:`accounted` holds them against the configuration, the
same way for all layouts, before a byte of them is read or memory is asked for.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path

from cutaway.checkpoints.folder import shown
from cutaway.checkpoints.mapped import mapped_bytes
from cutaway.checkpoints.names import Row, Table, parameter_count, parameter_shapes
from cutaway.errors import CorruptCheckpoint, KeyMismatch, MissingWeights
from cutaway.models import DecoderConfig
from cutaway.numbers import BFLOAT16, FLOAT16, FLOAT32, Array, Kind, Quantized

__all__ = ["WEIGHT_KINDS", "Stored", "accounted", "check_size", "in_file", "missing", "said"]

WEIGHT_KINDS = (FLOAT32, FLOAT16, BFLOAT16)

_SLACK = 8


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor that has not been read.

    Attributes:
        shape: of the tensor.
        dtype: of its elements; None for a kind that no weight has.
        read: reads it; it may be a view of the file and must not be changed.
        place: where its bytes are, if that is known; equal places hold equal tensors.
        read_codes: reads it as it is stored, if that is as codes and scales; ``read`` widens them.
    """

    shape: tuple[int, ...]
    dtype: Kind | None
    read: Callable[[], Array]
    place: tuple[Path, int] | None = None
    read_codes: Callable[[], Quantized] | None = None

    @property
    def n_elements(self) -> int:
        """The number of its elements."""
        return prod(self.shape)


def in_file(path: Path, offset: int, shape: tuple[int, ...], dtype: Kind) -> Stored:
    """A tensor whose elements lie in a file, one after another, little-endian.

    The caller has seen that the file is long enough.
    """
    return Stored(shape, dtype, partial(_read, path, offset, shape, dtype), (path, offset))


def _read(path: Path, offset: int, shape: tuple[int, ...], dtype: Kind) -> Array:
    array = mapped_bytes(path, offset, prod(shape) * dtype.itemsize).view(dtype).reshape(shape)
    return array if array.flags.aligned else array.copy()


def said(dtype: Kind | None) -> str:
    """A kind of number, for messages."""
    return "another kind of number" if dtype is None else dtype.name


def check_size(
    config: DecoderConfig,
    tensors: Collection[Stored],
    where: str,
    *,
    n_bytes: int,
    biases: bool = True,
) -> None:
    """Refuses a configuration or tensors that claim more than there is, before they are used.

    Args:
        config: what the model should be.
        tensors: of the model.
        where: for messages.
        n_bytes: of all files.
        biases: whether biases are stored.

    Raises:
        CorruptCheckpoint: if the tensors cannot lie side by side in the files.
        KeyMismatch: if the configuration asks for far more than the tensors hold; what asks for
            less is safe to hold against them name by name.
    """
    claimed = sum(
        tensor.n_elements * tensor.dtype.itemsize for tensor in tensors if tensor.dtype is not None
    )
    if claimed > n_bytes:
        raise CorruptCheckpoint(
            f"The tensors of {where} claim {claimed:,} bytes, its files have {n_bytes:,}.",
            "The file is damaged.",
        )
    wanted = parameter_count(config, biases=biases)
    held = sum(tensor.n_elements for tensor in tensors)
    if wanted > _SLACK * held:
        raise KeyMismatch(
            f"The configuration of {where} describes {wanted:,} parameters, its tensors hold"
            f" {held:,}.",
            "The files do not belong together, or some are missing.",
        )


def accounted(
    table: Table,
    config: DecoderConfig,
    tensors: Mapping[str, Stored],
    where: str,
    *,
    optional: Callable[[str], bool] = lambda _: False,
) -> dict[str, Stored]:
    """The tensors under our names and with our axes, if they are exactly those of the model.

    Args:
        table: of the layout.
        config: what the model should be.
        tensors: under their names; what the layout allows besides is already taken out.
        where: for messages.
        optional: whether one of our names may be absent, to be filled with zeros.

    Raises:
        MissingWeights: if a tensor is absent.
        KeyMismatch: if one is unknown or has another shape or kind.
    """
    shapes = parameter_shapes(config)
    rows = {row.theirs: row for row in table.expanded(config.n_layer)}
    unknown = [name for name in tensors if name not in rows]
    if unknown:
        raise KeyMismatch(
            f"{where} has {len(unknown)} tensor(s) that the model does not: {_some(unknown)}.",
            "It is another architecture, or a fine-tune with additional parts.",
        )
    absent = [n for n, row in rows.items() if n not in tensors and not optional(row.ours)]
    if absent:
        raise missing(absent, where)
    return {
        row.ours: _checked(name, tensors[name], row, shapes[row.ours], where)
        for name, row in rows.items()
        if name in tensors
    }


def _checked(name: str, tensor: Stored, row: Row, ours: tuple[int, ...], where: str) -> Stored:
    theirs = row.form.shape(ours)
    if tensor.shape != theirs:
        raise KeyMismatch(
            f"{name} in {where} has shape {tensor.shape}, the configuration wants {theirs}.",
            "The tensors belong to a model of another size.",
        )
    if tensor.dtype not in WEIGHT_KINDS:
        raise KeyMismatch(
            f"{name} in {where} is stored as {said(tensor.dtype)}.",
            "Weights are read from float32, float16 and bfloat16.",
        )
    return Stored(
        ours,
        tensor.dtype,
        lambda: row.form.to_ours(tensor.read()),
        tensor.place,
        tensor.read_codes,
    )


def missing(names: list[str], where: str) -> MissingWeights:
    """The error for tensors that are not there."""
    return MissingWeights(
        f"{where} lacks {len(names)} tensor(s): {_some(names)}.",
        "The file is incomplete, or its configuration belongs to another model.",
    )


def _some(names: list[str]) -> str:
    first = ", ".join(shown(name) for name in sorted(names)[:4])
    return first + (", ..." if len(names) > 4 else "")
