"""llm.c's ``.bin``: 256 little-endian int32 of header, then all parameters of all layers by kind.

Source: karpathy/llm.c, ``train_gpt2.py``. Matrices are stored ``(n_out, n_in)``, the
vocabulary is padded to a multiple of 128 rows.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from cutaway.checkpoints.names import TRANSPOSED
from cutaway.checkpoints.stored import Stored, StoredTensor
from cutaway.errors import ConfigError, CorruptCheckpoint
from cutaway.models import GPT2, GPT2Config

__all__ = ["is_llmc", "read_llmc", "write_llmc"]

_MAGIC = 20240326
_HEADER = 256
_DTYPES = {3: torch.float32, 5: torch.bfloat16}
_VERSIONS = {dtype: version for version, dtype in _DTYPES.items()}
_LAYER_PARTS = (
    "ln_1.weight",
    "ln_1.bias",
    "attn.c_attn.weight",
    "attn.c_attn.bias",
    "attn.c_proj.weight",
    "attn.c_proj.bias",
    "ln_2.weight",
    "ln_2.bias",
    "mlp.c_fc.weight",
    "mlp.c_fc.bias",
    "mlp.c_proj.weight",
    "mlp.c_proj.bias",
)


def is_llmc(path: Path) -> bool:
    """Whether a file begins with llm.c's magic number."""
    with path.open("rb") as file:
        return file.read(4) == _MAGIC.to_bytes(4, "little")


def read_llmc(path: Path) -> Stored:
    """Reads the header of a model file.

    Raises:
        CorruptCheckpoint: if it is damaged or does not describe the rest of the file.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        raw = file.read(4 * _HEADER)
    if len(raw) < 4 * _HEADER:
        raise _corrupt(path, f"it ends after {size:,} bytes, inside its header")
    magic, version, n_ctx, n_vocab, n_layer, n_head, n_embd, n_rows = (
        int(number) for number in np.frombuffer(raw, dtype="<i4", count=8)
    )
    if magic != _MAGIC or version not in _DTYPES:
        raise _corrupt(path, f"magic {magic} and version {version} are not those of a model")
    try:
        config = GPT2Config(
            vocab_size=n_vocab, n_ctx=n_ctx, n_embd=n_embd, n_layer=n_layer, n_head=n_head
        )
    except ConfigError as error:
        raise _corrupt(path, f"its header is impossible: {error.what}") from None
    if not n_vocab <= n_rows < n_vocab + 128:
        raise _corrupt(path, f"{n_vocab:,} words are padded to {n_rows:,} rows")
    dtype, tensors, offset = _DTYPES[version], dict[str, StoredTensor](), 4 * _HEADER
    described = offset + dtype.itemsize * _count(config, n_rows=n_rows)
    if described != size:
        raise _corrupt(path, f"it has {size:,} bytes, its header describes {described:,}")
    for name, shape in _order(config, n_rows=n_rows):
        read = _reader(path, dtype, name, shape, offset, n_vocab)
        count = int(np.prod(shape, dtype=np.int64))
        ours = (n_vocab, n_embd) if name == "wte.weight" else shape
        tensors[name] = StoredTensor(_flipped(name, ours), count * dtype.itemsize, read)
        offset += count * dtype.itemsize
    return Stored("llmc", config, tensors, (path,), path.parent)


def write_llmc(file: BinaryIO, model: GPT2) -> None:
    """Writes a model, in float32 or bfloat16 as it is.

    Raises:
        ConfigError: for another dtype.
    """
    config, dtype = model.config, model.wte.weight.dtype
    if dtype not in _VERSIONS:
        raise ConfigError(f"llm.c has no {dtype}.", "Load the model as float32 or bfloat16.")
    n_rows = -(-config.vocab_size // 128) * 128
    header = np.zeros(_HEADER, dtype="<i4")
    header[:8] = [
        _MAGIC,
        _VERSIONS[dtype],
        config.n_ctx,
        config.vocab_size,
        config.n_layer,
        config.n_head,
        config.n_embd,
        n_rows,
    ]
    file.write(header.tobytes())
    state = model.state_dict()
    for name, shape in _order(config, n_rows=n_rows):
        value = state[name].detach().cpu()
        value = value.T if name.endswith(TRANSPOSED) else value
        if name == "wte.weight":
            value = torch.cat([value, value.new_zeros(n_rows - len(value), config.n_embd)])
        assert tuple(value.shape) == shape
        file.write(value.contiguous().view(torch.uint8).numpy().tobytes())


def _count(config: GPT2Config, *, n_rows: int) -> int:
    """Values in a file, by arithmetic alone: nothing is looped over that a header claims."""
    D = config.n_embd
    return D * (n_rows + config.n_ctx + config.n_layer * (12 * D + 13) + 2)


def _order(config: GPT2Config, *, n_rows: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and stored shapes in the order of the file."""
    D = config.n_embd
    shapes: dict[str, tuple[int, ...]] = {
        "ln_1.weight": (D,),
        "ln_1.bias": (D,),
        "attn.c_attn.weight": (3 * D, D),
        "attn.c_attn.bias": (3 * D,),
        "attn.c_proj.weight": (D, D),
        "attn.c_proj.bias": (D,),
        "ln_2.weight": (D,),
        "ln_2.bias": (D,),
        "mlp.c_fc.weight": (4 * D, D),
        "mlp.c_fc.bias": (4 * D,),
        "mlp.c_proj.weight": (D, 4 * D),
        "mlp.c_proj.bias": (D,),
    }
    yield "wte.weight", (n_rows, D)
    yield "wpe.weight", (config.n_ctx, D)
    for part in _LAYER_PARTS:
        for i in range(config.n_layer):
            yield f"h.{i}.{part}", shapes[part]
    yield "ln_f.weight", (D,)
    yield "ln_f.bias", (D,)


def _flipped(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[::-1] if name.endswith(TRANSPOSED) else shape


def _reader(
    path: Path, dtype: torch.dtype, name: str, shape: tuple[int, ...], offset: int, n_vocab: int
) -> Callable[[], Tensor]:
    def read() -> Tensor:
        n_bytes = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        raw = np.fromfile(path, dtype=np.uint8, count=n_bytes, offset=offset)
        value = torch.from_numpy(raw).view(dtype).reshape(shape)
        if name == "wte.weight":
            return value[:n_vocab]
        return value.T if name.endswith(TRANSPOSED) else value

    return read


def _corrupt(path: Path, why: str) -> CorruptCheckpoint:
    return CorruptCheckpoint(f"{path} is no sound llm.c model: {why}.", "Fetch it again.")
