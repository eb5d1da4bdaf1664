"""llm.c's ``.bin``: a header of 256 whole numbers and the parameters one after another.

Source: karpathy/llm.c, `train_gpt2.py` (``write_model``) and `train_gpt2.c`. The rows of the token
embedding are padded to a multiple of 128 with zeros; matrices are stored (out, in).
"""

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn

import numpy as np

from cutaway.checkpoints.folder import Folder, regular_file
from cutaway.checkpoints.found import Found
from cutaway.checkpoints.names import LLMC, parameter_count, parameter_shapes
from cutaway.checkpoints.raw import narrowed, raw_bytes
from cutaway.checkpoints.stored import Stored, accounted, in_file
from cutaway.errors import ConfigError, CorruptCheckpoint
from cutaway.models import GPT2Config
from cutaway.numbers import BFLOAT16, FLOAT32, Kind, kind_of, to_array

if TYPE_CHECKING:
    import torch

    from cutaway.models import GPT2

__all__ = ["MAGIC", "find_llmc", "write_llmc"]

MAGIC = 20240326
_HEADER_BYTES = 256 * 4
_KINDS = {3: FLOAT32, 5: BFLOAT16}
_VERSIONS = {kind: version for version, kind in _KINDS.items()}
_MULTIPLE = 128


def find_llmc(path: Path) -> Found:
    """The checkpoint in a file; its header is read, no tensor.

    Raises:
        CorruptCheckpoint: if the header is impossible or belies the size of the file.
    """
    path = regular_file(path)
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES:
        _refuse(path, "its header is cut off")
    magic, version, *sizes = np.frombuffer(header, "<i4").tolist()[:8]
    n_ctx, n_vocab, n_layer, n_head, n_embd, n_rows = sizes
    if magic != MAGIC or version not in _KINDS:
        _refuse(path, f"magic {magic}, version {version}; known are {MAGIC} and 3 or 5")
    try:
        config = GPT2Config(
            vocab_size=n_rows, n_ctx=n_ctx, n_layer=n_layer, n_head=n_head, n_embd=n_embd
        )
    except ConfigError as error:
        raise CorruptCheckpoint(f"{path}: {error.what}", error.hint) from error
    if not n_rows - _MULTIPLE < n_vocab <= n_rows or n_vocab < 1:
        _refuse(path, f"{n_vocab} entries cannot be padded to {n_rows} rows")
    size, kind = path.stat().st_size, _KINDS[version]
    wanted = _HEADER_BYTES + parameter_count(config) * kind.itemsize
    if size != wanted:
        _refuse(path, f"it has {size:,} bytes, its header describes {wanted:,}")
    tensors = accounted(LLMC, config, _places(path, config, kind), str(path))
    return Found("llmc", config, tensors, Folder.at(path.parent), padded_from=n_vocab)


def _places(path: Path, config: GPT2Config, kind: Kind) -> dict[str, Stored]:
    shapes, places, offset = parameter_shapes(config), {}, _HEADER_BYTES
    for row in LLMC.expanded(config.n_layer):
        places[row.theirs] = in_file(path, offset, row.form.shape(shapes[row.ours]), kind)
        offset += places[row.theirs].n_elements * kind.itemsize
    return places


def write_llmc(file: BinaryIO, model: "GPT2", dtype: "torch.dtype") -> None:
    """Writes a model, one tensor at a time.

    Raises:
        CorruptCheckpoint: if a weight is not finite.
    """
    config, kind = model.config, kind_of(dtype)
    n_rows = -(-config.vocab_size // _MULTIPLE) * _MULTIPLE
    header = np.zeros(256, "<i4")
    header[:8] = [
        MAGIC, _VERSIONS[kind], config.n_ctx, config.vocab_size,
        config.n_layer, config.n_head, config.n_embd, n_rows,
    ]  # fmt: skip
    file.write(header.tobytes())
    state = model.state_dict()
    for row in LLMC.expanded(config.n_layer):
        array = narrowed(row.ours, to_array(state[row.ours]), kind)
        file.write(raw_bytes(row.form.to_theirs(array)))
        if row.ours == "wte.weight":
            file.write(bytes((n_rows - config.vocab_size) * config.n_embd * kind.itemsize))


def _refuse(path: Path, reason: str) -> NoReturn:
    raise CorruptCheckpoint(
        f"{path} is not a sound llm.c checkpoint: {reason}.",
        "The file is truncated or damaged; fetch it again.",
    )
