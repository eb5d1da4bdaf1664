"""From one layout to another: written aside, read back, compared, and only then put in place."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import torch
from torch import Tensor

from cutaway.checkpoints.found import Found
from cutaway.checkpoints.layouts import find
from cutaway.checkpoints.llmc import write_llmc
from cutaway.checkpoints.nanogpt import write_nanogpt
from cutaway.checkpoints.opened import Opened, explained, find_adapted, open_checkpoint
from cutaway.checkpoints.quantized_file import quantized, widened
from cutaway.checkpoints.raw import narrowed
from cutaway.checkpoints.rounding import Quality, logits_of, quality, written_by
from cutaway.checkpoints.save import write_huggingface
from cutaway.checkpoints.taught import check_task_beside, taught_by, write_task
from cutaway.checkpoints.vocabulary import VOCABULARY_FILES
from cutaway.checkpoints.walk import stored_kind
from cutaway.errors import CheckpointError, ConfigError, KeyMismatch, TokenizerError, nearest
from cutaway.files import replace_together
from cutaway.models import GPT2, Decoder, EncoderDecoder, GPT2Config
from cutaway.models.config import gpt2_only
from cutaway.numbers import Bits, dtype_of, kind_of, to_array, to_tensor

if TYPE_CHECKING:
    from cutaway.tokenizers import Tokenizer

__all__ = ["ConvertReport", "Layout", "Rounded", "convert"]

Layout = Literal["hf", "nanogpt", "llmc"]
Rounded = Literal["int8", "int4"]

# The name of a layout in ``Loaded``, its file, its suffix where it is one file, what it can hold.
_NAMES: dict[str, str] = {"hf": "huggingface", "nanogpt": "nanogpt", "llmc": "llmc"}
_FILES: dict[str, str] = {"hf": "model.safetensors", "nanogpt": "ckpt.pt", "llmc": "model.bin"}
_SUFFIXES: dict[str, str] = {"nanogpt": ".pt", "llmc": ".bin"}
_DTYPES: dict[str, tuple[torch.dtype, ...]] = {
    "hf": (torch.float32, torch.float16, torch.bfloat16),
    "nanogpt": (torch.float32, torch.float16, torch.bfloat16),
    "llmc": (torch.float32, torch.bfloat16),
}
_BITS: dict[Rounded, Bits] = {"int8": 8, "int4": 4}
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
        dtype: of the stored weights; int8 or int4 if the matrices are quantized.
        max_difference: the largest absolute difference of two logits: of the output, and of the
            source with its weights narrowed or rounded to ``dtype``.
        fingerprint: of the output's weights.
        quality: what quantizing cost, on tokens that the source itself wrote; else None.
        drops_task: whether the source says how it was taught pairs, and the output does not, since
            it is a single file.
    """

    layout: str
    destination: Path
    files: tuple[Path, ...]
    n_bytes: int
    dtype: torch.dtype | Rounded
    max_difference: float
    fingerprint: str
    quality: Quality | None = None
    drops_task: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Expected:
    """What the output must give, and what the source gave.

    Attributes:
        prompts: a few texts.
        logits: that the output must give behind them.
        tokenizer: of the source.
        rows: tokens that the source wrote; None if nothing is quantized.
        source: its logits on them, for each row.
    """

    prompts: Tensor
    logits: Tensor
    tokenizer: "Tokenizer | None"
    rows: Tensor | None
    source: list[Tensor]


def convert(
    source: str | Path,
    destination: str | Path,
    *,
    to: Layout,
    adapter: str | Path | None = None,
    dtype: torch.dtype | Rounded | None = None,
    allow_pickle: bool = False,
) -> ConvertReport:
    """Writes a checkpoint in another layout; what was written is reloaded and compared first.

    Args:
        source: as for :func:`load_checkpoint`.
        destination: a directory; or a file, where it ends in ``.pt`` (nanogpt) or ``.bin`` (llmc).
            In a directory the vocabulary is written too, and how the model was taught pairs.
        to: the layout.
        adapter: as for :func:`load_checkpoint`.
        dtype: to store in; None as the source does, or float32 where the layout cannot. "int8" and
            "int4" quantize the matrices (hf only); the rest is stored as in the source. A source
            that is quantized is widened.
        allow_pickle: as for :func:`load_checkpoint`.

    Raises:
        ConfigError: if ``to`` is unknown, cannot hold ``dtype``, ``destination`` holds something
            else, or what is quantized already is to be quantized.
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
        found = find_adapted(source, adapter, allow_pickle=allow_pickle)
        task = taught_by(found.folder, adapter)
    dtype = _dtype(found, to, dtype)
    if to != "hf" or dtype in _BITS:
        _check_gpt2(found, to)
    with replace_together(folder) as stage:
        written = stage / (destination.name if is_file else _FILES[to])
        expected = _write(found, written, to=to, dtype=dtype, with_vocabulary=not is_file)
        _check_neighbours(folder, stage, expected.tokenizer)
        drops_task = _hand_on(task, folder, None if is_file else stage)
        output = open_checkpoint(written if is_file else stage)
        difference, cost = _compared(output.model(), expected, str(destination))
        sizes = {path.name: path.stat().st_size for path in sorted(stage.iterdir())}
    return ConvertReport(
        layout=to,
        destination=destination,
        files=tuple(folder / name for name in sizes),
        n_bytes=sum(sizes.values()),
        dtype=dtype,
        max_difference=difference,
        fingerprint=output.fingerprint(),
        quality=cost,
        drops_task=drops_task,
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


def _hand_on(task: dict[str, Any] | None, folder: Path, stage: Path | None) -> bool:
    """Lets the output say how the model was taught pairs, if there is a place for it.

    Returns:
        Whether there is none, so that it is lost.
    """
    if task is not None and stage is not None:
        write_task(stage, task)
        return False
    is_there = check_task_beside(folder, task)
    return task is not None and not is_there


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


def _dtype(found: Found, to: str, dtype: torch.dtype | Rounded | None) -> torch.dtype | Rounded:
    if dtype is None:
        stored = dtype_of(stored_kind(found))
        return stored if stored in _DTYPES[to] else torch.float32
    known = [str(dtype).removeprefix("torch.") for dtype in _DTYPES[to]]
    if to == "hf":
        known += _BITS
    if str(dtype).removeprefix("torch.") not in known:
        raise ConfigError(
            f"The layout {to} cannot hold {dtype}.", f"It can hold {', '.join(known)}."
        )
    if dtype in _BITS and found.bits is not None:
        raise ConfigError(
            f"{found.folder.path} is quantized to {found.bits} bits already.",
            "Quantize the weights from before: rounding twice loses more.",
        )
    return dtype


def _check_gpt2(found: Found, to: str) -> None:
    """Other models have only our layout; and only config.json can state an epsilon."""
    what = f"Converting to {to}" if to != "hf" else "Quantizing"
    config = gpt2_only(found.config, what, "Convert to hf, as float32, float16 or bfloat16.")
    epsilon = config.layer_norm_epsilon
    if to != "hf" and epsilon != GPT2Config().layer_norm_epsilon:
        raise KeyMismatch(
            f"layer_norm_epsilon is {epsilon}, which the layout {to} cannot state.",
            "Convert to hf.",
        )


def _write(
    found: Found, path: Path, *, to: str, dtype: torch.dtype | Rounded, with_vocabulary: bool
) -> _Expected:
    """Writes the output; of the source nothing stays but what is compared."""
    with explained(found.folder.path):
        opened = Opened(found, str(found.folder.path))
        model, tokenizer = opened.model(), opened.tokenizer
    rows, source = None, list[Tensor]()
    if isinstance(dtype, torch.dtype):
        _store(path, model, tokenizer if with_vocabulary else None, to=to, dtype=dtype)
    else:
        rows = written_by(model, start=None if tokenizer is None else tokenizer.eot)
        source = list(logits_of(model, rows[:, :-1]))
        _store_rounded(
            path, model, tokenizer, bits=_BITS[dtype], dtype=dtype_of(stored_kind(found))
        )
    prompts = _prompts(model)
    logits = _logits(model, prompts)
    return _Expected(prompts=prompts, logits=logits, tokenizer=tokenizer, rows=rows, source=source)


def _store(
    path: Path, model: Decoder, tokenizer: "Tokenizer | None", *, to: str, dtype: torch.dtype
) -> None:
    """Writes the weights as ``dtype``, and gives those to the model."""
    if to == "hf":
        write_huggingface(path.parent, model, tokenizer, dtype=dtype)
    else:
        assert isinstance(model, GPT2)  # _check_gpt2 has seen to it
        if to == "nanogpt":
            write_nanogpt(path, model, dtype)
        else:
            with path.open("wb") as file:
                write_llmc(file, model, dtype)
        if tokenizer is not None:
            tokenizer.save(path.parent)
    for name, parameter in model.named_parameters():
        parameter.data = _narrowed(name, parameter, dtype)


def _store_rounded(
    path: Path, model: Decoder, tokenizer: "Tokenizer | None", *, bits: Bits, dtype: torch.dtype
) -> None:
    """Writes codes, and all but the matrices as ``dtype``, and gives those to the model."""
    assert isinstance(model, GPT2)  # _check_gpt2 has seen to it
    codes = quantized(model, bits)
    write_huggingface(path.parent, model, tokenizer, dtype=dtype, codes=codes)
    for name, parameter in model.named_parameters():
        if name in codes:
            parameter.data = to_tensor(widened(name, codes[name])).contiguous()
        else:
            parameter.data = _narrowed(name, parameter, dtype)


def _narrowed(name: str, parameter: Tensor, dtype: torch.dtype) -> Tensor:
    """As it is stored, and read again."""
    return to_tensor(narrowed(name, to_array(parameter), kind_of(dtype))).float()


def _prompts(model: Decoder) -> Tensor:
    """The same few texts for every model of a size."""
    generator = torch.Generator().manual_seed(20190214)
    shape = (_N_PROMPTS, min(_LENGTH, model.config.n_ctx))
    return torch.randint(model.config.vocab_size, shape, generator=generator)


@torch.no_grad()
def _logits(model: Decoder, prompts: Tensor) -> Tensor:
    if isinstance(model, EncoderDecoder):
        return model.forward(prompts, memory=model.encode(prompts))
    return model(prompts)


def _compared(output: Decoder, expected: _Expected, where: str) -> tuple[float, Quality | None]:
    """The largest difference of two logits, if it is none to speak of, and the cost of rounding."""
    difference = _difference(_logits(output, expected.prompts), expected.logits, where)
    if expected.rows is None:
        return difference, None
    after = logits_of(output, expected.rows[:, :-1])
    return difference, quality(expected.source, after, expected.rows[:, 1:])


def _difference(actual: Tensor, expected: Tensor, where: str) -> float:
    if actual.shape == expected.shape:
        difference = float((actual - expected).abs().max())
        if difference <= _TOLERANCE * max(1.0, float(expected.abs().max())):
            return difference
    raise CheckpointError(
        f"What was written for {where} does not give the logits of its source.",
        "Nothing was put in place. Please report this with the source's config.",
    )
