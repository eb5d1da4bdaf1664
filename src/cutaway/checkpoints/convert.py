"""From one layout to another: written aside, read back, compared, and only then put in place."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import torch
from torch import Tensor

from cutaway.checkpoints.build import stored_dtype
from cutaway.checkpoints.found import Found
from cutaway.checkpoints.layouts import find
from cutaway.checkpoints.llmc import write_llmc
from cutaway.checkpoints.load import explained, load_checkpoint, load_found
from cutaway.checkpoints.nanogpt import write_nanogpt
from cutaway.checkpoints.places import locate
from cutaway.checkpoints.raw import narrowed
from cutaway.checkpoints.save import write_huggingface
from cutaway.checkpoints.vocabulary import VOCABULARY_FILES
from cutaway.errors import CheckpointError, ConfigError, KeyMismatch, TokenizerError, nearest
from cutaway.files import replace_together
from cutaway.models import GPT2, GPT2Config

if TYPE_CHECKING:
    from cutaway.tokenizers import Tokenizer

__all__ = ["ConvertReport", "Layout", "convert"]

Layout = Literal["hf", "nanogpt", "llmc"]

# The name of a layout in ``Loaded``, its file, its suffix where it is one file, what it can hold.
_NAMES: dict[str, str] = {"hf": "huggingface", "nanogpt": "nanogpt", "llmc": "llmc"}
_FILES: dict[str, str] = {"hf": "model.safetensors", "nanogpt": "ckpt.pt", "llmc": "model.bin"}
_SUFFIXES: dict[str, str] = {"nanogpt": ".pt", "llmc": ".bin"}
_DTYPES: dict[str, tuple[torch.dtype, ...]] = {
    "hf": (torch.float32, torch.float16, torch.bfloat16),
    "nanogpt": (torch.float32, torch.float16, torch.bfloat16),
    "llmc": (torch.float32, torch.bfloat16),
}
_N_PROMPTS, _LENGTH = 4, 16
# Both models compute in float32 with equal weights: the same program should give the same numbers.
_TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertReport:
    """What a conversion wrote, and how it was checked.

    Attributes:
        layout: of the output: hf, nanogpt or llmc.
        destination: the directory or file.
        files: all files written.
        n_bytes: of all of them.
        dtype: of the stored weights.
        max_difference: the largest absolute difference of two logits, of source and output.
        fingerprint: of the output's weights.
    """

    layout: str
    destination: Path
    files: tuple[Path, ...]
    n_bytes: int
    dtype: torch.dtype
    max_difference: float
    fingerprint: str


def convert(
    source: str | Path,
    destination: str | Path,
    *,
    to: Layout,
    dtype: torch.dtype | None = None,
    allow_pickle: bool = False,
) -> ConvertReport:
    """Writes a checkpoint in another layout; what was written is reloaded and compared first.

    Args:
        source: as for :func:`load_checkpoint`.
        destination: a directory; or a file, where it ends in ``.pt`` (nanogpt) or ``.bin`` (llmc).
            In a directory the vocabulary is written too.
        to: the layout.
        dtype: to store in; None as the source does, or float32 where the layout cannot.
        allow_pickle: as for :func:`load_checkpoint`.

    Raises:
        ConfigError: if ``to`` is unknown, cannot hold ``dtype``, or ``destination`` holds
            something else.
        CheckpointError: if the source cannot be read, or the output differs from it; then nothing
            is put in place.
        ResourceError: if memory or disk do not suffice.
    """
    if to not in get_args(Layout):
        raise ConfigError(f"No layout {to!r} to convert to.", nearest(str(to), get_args(Layout)))
    destination = Path(destination)
    is_file = destination.suffix == _SUFFIXES.get(to)
    folder = destination.parent if is_file else destination
    _check_destination(destination, to)
    with explained(source):
        found = find(locate(source, allow_pickle=allow_pickle), allow_pickle=allow_pickle)
    dtype = _dtype(found, to, dtype)
    _check_epsilon(found, to)
    with replace_together(folder) as stage:
        written = stage / (destination.name if is_file else _FILES[to])
        prompts, expected, tokenizer = _write(
            found, written, to=to, dtype=dtype, with_vocabulary=not is_file
        )
        _check_neighbours(folder, stage, tokenizer)
        output = load_checkpoint(written if is_file else stage)
        difference = _difference(_logits(output.model, prompts), expected, str(destination))
        sizes = {path.name: path.stat().st_size for path in sorted(stage.iterdir())}
    return ConvertReport(
        layout=to,
        destination=destination,
        files=tuple(folder / name for name in sizes),
        n_bytes=sum(sizes.values()),
        dtype=dtype,
        max_difference=difference,
        fingerprint=output.fingerprint,
    )


def _check_destination(destination: Path, to: str) -> None:
    """Refuses to write over anything but an earlier output."""
    if not destination.exists() or (destination.is_dir() and not any(destination.iterdir())):
        return
    try:
        if find(destination, allow_pickle=False).layout == _NAMES[to]:
            return
    except CheckpointError:
        pass
    raise ConfigError(
        f"{destination} exists and is no {to} checkpoint of a GPT-2.",
        "Name a new directory or file, or remove what is there.",
    )


def _check_neighbours(folder: Path, stage: Path, tokenizer: "Tokenizer | None") -> None:
    """Refuses to put weights beside the vocabulary of another model, which would become theirs."""
    from cutaway.tokenizers import Tokenizer

    beside = [name for name in VOCABULARY_FILES if (folder / name).exists()]
    if not beside or any((stage / name).exists() for name in VOCABULARY_FILES):
        return
    with suppress(TokenizerError):
        if Tokenizer.load(folder) == tokenizer:
            return
    raise ConfigError(
        f"{folder} holds {beside[0]}, the vocabulary of another model.",
        "Name a directory of its own.",
    )


def _dtype(found: Found, to: str, dtype: torch.dtype | None) -> torch.dtype:
    if dtype is None:
        stored = stored_dtype(found)
        return stored if stored in _DTYPES[to] else torch.float32
    if dtype not in _DTYPES[to]:
        known = ", ".join(str(dtype).removeprefix("torch.") for dtype in _DTYPES[to])
        raise ConfigError(f"The layout {to} cannot hold {dtype}.", f"It can hold {known}.")
    return dtype


def _check_epsilon(found: Found, to: str) -> None:
    """Only config.json can state it; the other programs have it as a constant."""
    epsilon = found.config.layer_norm_epsilon
    if to != "hf" and epsilon != GPT2Config().layer_norm_epsilon:
        raise KeyMismatch(
            f"layer_norm_epsilon is {epsilon}, which the layout {to} cannot state.",
            "Convert to hf.",
        )


def _write(
    found: Found, path: Path, *, to: str, dtype: torch.dtype, with_vocabulary: bool
) -> tuple[Tensor, Tensor, "Tokenizer | None"]:
    """Writes the output; returns prompts, the logits that it must give, and the vocabulary."""
    with explained(found.folder.path):
        source = load_found(found, str(found.folder.path), dtype=None, device="cpu")
    model, tokenizer = source.model, source.tokenizer
    if to == "hf":
        write_huggingface(path.parent, model, tokenizer, dtype=dtype)
    elif to == "nanogpt":
        write_nanogpt(path, model, dtype)
    else:
        with path.open("wb") as file:
            write_llmc(file, model, dtype)
    if tokenizer is not None and with_vocabulary and to != "hf":
        tokenizer.save(path.parent)
    for name, parameter in model.named_parameters():
        parameter.data = narrowed(name, parameter, dtype).float()
    prompts = _prompts(model)
    return prompts, _logits(model, prompts), tokenizer  # and the source is freed


def _prompts(model: GPT2) -> Tensor:
    """The same few texts for every model of a size."""
    generator = torch.Generator().manual_seed(20190214)
    shape = (_N_PROMPTS, min(_LENGTH, model.config.n_ctx))
    return torch.randint(model.config.vocab_size, shape, generator=generator)


@torch.no_grad()
def _logits(model: GPT2, prompts: Tensor) -> Tensor:
    return model(prompts)


def _difference(actual: Tensor, expected: Tensor, where: str) -> float:
    """The largest difference of two logits, if it is none to speak of."""
    if actual.shape == expected.shape:
        difference = float((actual - expected).abs().max())
        if difference <= _TOLERANCE * max(1.0, float(expected.abs().max())):
            return difference
    raise CheckpointError(
        f"What was written for {where} does not give the logits of its source.",
        "Nothing was put in place. Please report this with the source's config.",
    )
