"""From a name or a path to a model that writes."""

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch

from cutaway.engine import Engine, Format
from cutaway.engine.compiling import CPUINFO, processor_flags
from cutaway.engine.native import FORMATS
from cutaway.errors import ConfigError, CorruptCheckpoint, EngineUnavailable, unknown
from cutaway.generation.drafting import DrafterMaker, DraftModel, PromptLookup
from cutaway.generation.language_model import LanguageModel
from cutaway.models import GPT2
from cutaway.numbers import Quantized, to_tensor

if TYPE_CHECKING:
    from cutaway.checkpoints import Opened

__all__ = ["load"]

_FORMATS: dict[str, Format] = {
    **{format: format for format in FORMATS},
    "fp32": "float32",
    "bf16": "bfloat16",
}
_TORCH = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_CPU = CPUINFO


def load(
    source: str | Path = "pocket",
    *,
    dtype: str | torch.dtype | None = None,
    device: torch.device | str = "cpu",
    threads: int | None = None,
    lookup: int = 0,
    draft: str | Path | None = None,
    allow_pickle: bool = False,
) -> LanguageModel:
    """Loads a model with its tokenizer: a known name, a directory or a file.

    Args:
        source: what to load; the bundled model by default.
        dtype: by its name, ``"float32"`` (``"fp32"``), ``"bfloat16"`` (``"bf16"``), ``"int8"``,
            ``"int8_weight_only"`` or ``"int4"`` (see :class:`cutaway.engine.Engine`): the CPU's
            engine writes and scores with weights so held, and the readable model is loaded when
            :attr:`LanguageModel.model` is first used. A torch dtype: the readable model itself,
            held so; None for float32, into which half precision fits exactly. Where no engine can
            be had, a warning says why, and the readable model in float32 does the work.
        device: to run on. On others than the CPU a name stands for the torch dtype.
        threads: of the engine; None for as many as torch uses.
        lookup: tokens that the engine guesses at once from what the text has said before; 0 for
            none. Texts are the same, and come sooner where they repeat their prompt.
        draft: a smaller model of the same vocabulary that guesses for the engine; instead of
            ``lookup``.
        allow_pickle: whether files that can run code may be read.

    Raises:
        ConfigError: for an unknown dtype, one that the device does not have, guesses without an
            engine, or threads for a model that takes torch's.
        CheckpointError: if there is no such model, or its files are incomplete, corrupt or
            unsafe.
        ResourceError: if there is too little memory.
    """
    from cutaway.checkpoints import open_checkpoint  # not needed for a model in memory

    if isinstance(dtype, str):
        if dtype not in _FORMATS:
            raise unknown("dtype", dtype, _FORMATS)
        if str(device).partition(":")[0] == "cpu":
            settings = _Settings(_FORMATS[dtype], threads, lookup, draft, allow_pickle)
            return _with_engine(source, settings)
        dtype = _on_device(_FORMATS[dtype], device)
    if lookup or draft is not None:
        raise ConfigError(
            f"lookup is {lookup}, draft {draft}, but only the engine reads guesses.",
            "Load for the CPU by a name such as dtype='int8'.",
        )
    if threads is not None:
        raise ConfigError(
            f"threads is {threads}, but the readable model takes those of torch.",
            "Call torch.set_num_threads, or load for the CPU by a name such as dtype='float32'.",
        )
    opened = open_checkpoint(source, allow_pickle=allow_pickle)
    return _named(opened, opened.model(dtype=dtype, device=device))


class _Settings(NamedTuple):
    """What an engine is made with."""

    format: Format
    threads: int | None
    lookup: int
    draft: str | Path | None
    allow_pickle: bool


def _with_engine(source: str | Path, settings: _Settings) -> LanguageModel:
    """A model whose work the engine does; without one, the readable model and a warning."""
    from cutaway.checkpoints import open_checkpoint

    opened = open_checkpoint(source, allow_pickle=settings.allow_pickle)
    try:
        drafter = _drafter(opened, settings)  # first: what it refuses should not wait for weights
        engine = _filled(opened, settings)
    except EngineUnavailable as error:
        instead = (
            f"The readable model in float32 is used instead of the engine in {settings.format}."
        )
        warnings.warn(f"{error.what} {instead} {error.hint}", stacklevel=3)
        return _named(opened, opened.model())
    if settings.format == "bfloat16" and not _has_bfloat16():
        warnings.warn(
            "This CPU has no arithmetic in bfloat16 (avx512_bf16 or amx), so dtype='bfloat16' is "
            "slow here: dtype='int8' is faster, dtype='float32' more exact.",
            stacklevel=3,
        )
    again = partial(
        _read_again,
        source,
        allow_pickle=settings.allow_pickle,
        expected=opened.fingerprint(),
    )
    return _named(opened, again, engine, drafter=drafter)


def _filled(opened: "Opened", settings: _Settings) -> Engine:
    engine = Engine(opened.config, format=settings.format, threads=settings.threads)
    for name, weight in opened.weights():
        engine.fill(name, weight if isinstance(weight, Quantized) else to_tensor(weight))
    return engine


def _drafter(opened: "Opened", settings: _Settings) -> DrafterMaker | None:
    """What guesses for an engine.

    Raises:
        ConfigError: for both ways at once, a number below 0, or a draft of another vocabulary.
    """
    from cutaway.checkpoints import open_checkpoint

    if settings.lookup < 0 or (settings.lookup and settings.draft is not None):
        raise ConfigError(
            f"lookup is {settings.lookup}, draft {settings.draft}.",
            "Give a number of tokens to look up, or a model that guesses.",
        )
    if settings.lookup:
        return partial(PromptLookup, settings.lookup)
    if settings.draft is None:
        return None
    smaller = open_checkpoint(settings.draft, allow_pickle=settings.allow_pickle)
    if smaller.tokenizer != opened.tokenizer or smaller.config.vocab_size != (
        opened.config.vocab_size
    ):
        raise ConfigError(
            f"{settings.draft} has another vocabulary than {opened.name}.",
            "A model can only guess for one with the same tokens; or use lookup.",
        )
    return partial(DraftModel, _filled(smaller, settings))


def _read_again(source: str | Path, *, allow_pickle: bool, expected: str) -> GPT2:
    """The readable model of what an engine was filled with."""
    from cutaway.checkpoints import load_checkpoint

    loaded = load_checkpoint(source, allow_pickle=allow_pickle)
    if loaded.fingerprint != expected:
        raise CorruptCheckpoint(
            f"{source} holds other weights than when it was loaded.", "Load it again."
        )
    return loaded.model


def _named(
    opened: "Opened",
    model: GPT2 | Callable[[], GPT2],
    engine: Engine | None = None,
    *,
    drafter: DrafterMaker | None = None,
) -> LanguageModel:
    return LanguageModel(
        model,
        opened.tokenizer,
        engine=engine,
        drafter=drafter,
        name=opened.name,
        fingerprint=opened.fingerprint(),
    )


def _on_device(format: Format, device: torch.device | str) -> torch.dtype:
    if format not in _TORCH:
        raise ConfigError(
            f"dtype is {format!r} on {device}, but only the engine of the CPU computes in it.",
            "The next best there is dtype='bfloat16'; or leave device='cpu'.",
        )
    return _TORCH[format]


def _has_bfloat16() -> bool:
    """Whether the CPU multiplies in bfloat16; where the system does not tell, yes."""
    flags = processor_flags(_CPU)
    return flags is None or not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(flags.split())
