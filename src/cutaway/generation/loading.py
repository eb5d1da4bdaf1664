"""From a name or a path to a model that writes."""

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from cutaway.data.task import TaskFormat
from cutaway.engine import Engine, Format
from cutaway.engine.background import is_ready, start
from cutaway.engine.blocks import BLOCK
from cutaway.engine.engine import EngineConfig, why_not
from cutaway.engine.native import FORMATS
from cutaway.errors import ConfigError, CorruptCheckpoint, EngineUnavailable, unknown
from cutaway.generation.drafting import DrafterMaker, DraftModel, PromptLookup
from cutaway.generation.language_model import LanguageModel
from cutaway.processor import CPUINFO, processor_flags

if TYPE_CHECKING:
    import torch

    from cutaway.checkpoints import Opened
    from cutaway.models import Decoder

__all__ = ["NAMES", "load"]

NAMES: Mapping[str, Format] = {
    **{format: format for format in FORMATS},
    "fp32": "float32",
    "bf16": "bfloat16",
    "auto": "int8",  # the fastest that changes the perplexity by at most 0.5 %
}
"""What the engine's formats are called."""
_TORCH = ("float32", "bfloat16")  # what other devices compute in
_CPU = CPUINFO


def load(
    source: str | Path = "pocket",
    *,
    adapter: str | Path | None = None,
    dtype: "str | torch.dtype | None" = None,
    device: "torch.device | str" = "cpu",
    wait: bool | None = None,
    threads: int | None = None,
    cache_bytes: int | None = None,
    lookup: int = 0,
    draft: str | Path | None = None,
    allow_pickle: bool = False,
) -> LanguageModel:
    """Loads a model with its tokenizer: a known name, a directory or a file.

    Args:
        source: what to load; the bundled model by default.
        adapter: a directory with a LoRA in PEFT's layout, such as ``adapter`` of a run with
            ``[lora]``; its changes are put into the weights of ``source``, its base.
        dtype: by its name, ``"float32"`` (``"fp32"``), ``"bfloat16"`` (``"bf16"``), ``"int8"``,
            ``"int8_weight_only"`` or ``"int4"`` (see :class:`cutaway.engine.Engine`): the CPU's
            engine writes and scores with weights so held, and the readable model is loaded when
            :attr:`LanguageModel.model` is first used. ``"auto"`` is ``"int8"`` without waiting. A
            torch dtype: the readable model itself, held so; None or ``"readable"`` for float32,
            into which half precision fits exactly. Where no engine can be had, a warning says why,
            and the readable model in float32 does the work.
        device: to run on. On others than the CPU a name stands for the torch dtype.
        wait: for the engine to be compiled, which takes some ten seconds the first time. If not, a
            warning says so, the readable model in float32 does the work of this
            :class:`LanguageModel`, and the next one finds the engine. None: unless ``dtype`` is
            ``"auto"``.
        threads: of the engine; None for one on each core.
        cache_bytes: that the engine has for keys and values of all texts together; None for eight
            texts of a whole context. Memory is taken as it is written to.
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

    if dtype == "readable":
        dtype = None
    if isinstance(dtype, str):
        if dtype not in NAMES:
            raise unknown("dtype", dtype, [*NAMES, "readable"])
        if str(device).partition(":")[0] == "cpu":
            wait = dtype != "auto" if wait is None else wait
            settings = _Settings(
                NAMES[dtype], wait, threads, cache_bytes, lookup, draft, allow_pickle
            )
            return _with_engine(source, adapter, settings)
        dtype = _on_device(NAMES[dtype], device)
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
    if cache_bytes is not None:
        raise ConfigError(
            f"cache_bytes is {cache_bytes}, but the readable model makes a cache for each text.",
            "Leave it out, or load for the CPU by a name such as dtype='float32'.",
        )
    opened = open_checkpoint(source, adapter=adapter, allow_pickle=allow_pickle)
    model = opened.model(dtype=dtype, device=device)
    return _named(opened, model, task=_task(opened, adapter))


class _Settings(NamedTuple):
    """What an engine is made with."""

    format: Format
    wait: bool
    threads: int | None
    cache_bytes: int | None
    lookup: int
    draft: str | Path | None
    allow_pickle: bool


def _with_engine(
    source: str | Path, adapter: str | Path | None, settings: _Settings
) -> LanguageModel:
    """A model whose work the engine does; without one, the readable model and a warning."""
    from cutaway.checkpoints import open_checkpoint

    opened = open_checkpoint(source, adapter=adapter, allow_pickle=settings.allow_pickle)
    task = _task(opened, adapter)
    reason = _why_not(opened, task, settings)
    if reason:
        warnings.warn(f"{reason}: the readable model in float32 is used.", stacklevel=3)
        return _named(opened, opened.model(), task=task)
    try:
        if not settings.wait and not is_ready():
            start()
            warnings.warn(
                "The engine is being compiled in the background (once, about ten seconds): this "
                f"time the readable model in float32 is used instead of {settings.format}.",
                stacklevel=3,
            )
            return _named(opened, opened.model(), task=task)
        drafter = _drafter(opened, settings)  # first: what it refuses should not wait for weights
        engine = _filled(opened, settings)
    except EngineUnavailable as error:
        instead = (
            f"The readable model in float32 is used instead of the engine in {settings.format}."
        )
        warnings.warn(f"{error.what} {instead} {error.hint}", stacklevel=3)
        return _named(opened, opened.model(), task=task)
    if settings.format == "bfloat16" and not _has_bfloat16():
        warnings.warn(
            "This CPU has no arithmetic in bfloat16 (avx512_bf16 or amx), so dtype='bfloat16' is "
            "slow here: dtype='int8' is faster, dtype='float32' more exact.",
            stacklevel=3,
        )
    again = partial(
        _read_again,
        source,
        adapter=adapter,
        allow_pickle=settings.allow_pickle,
        expected=opened.fingerprint(),
    )
    return _named(opened, again, engine, drafter=drafter, task=task)


def _task(opened: "Opened", adapter: str | Path | None) -> TaskFormat | None:
    """How a model was taught pairs: what its adapter says, or what it says itself."""
    if adapter is not None:
        from cutaway.checkpoints.adapter import adapter_folder  # rarely needed

        found = TaskFormat.find(adapter_folder(adapter))
        if found is not None:
            return found
    return TaskFormat.find(opened.directory)


def _why_not(opened: "Opened", task: TaskFormat | None, settings: _Settings) -> str:
    """Why the engine cannot do the work of a model, if one may do without it; else empty."""
    if not settings.wait and (reason := why_not(opened.config)):
        return reason
    if task is not None and task.mask == "prefix":
        return (
            "This model reads its source both ways (mask = 'prefix' in task.json), and the engine "
            "reads from left to right"
        )
    return ""


def _filled(opened: "Opened", settings: _Settings) -> Engine:
    engine = Engine(
        cast(EngineConfig, opened.config),  # another is refused
        format=settings.format,
        threads=settings.threads,
        cache_bytes=settings.cache_bytes,
    )
    _check_memory(engine, settings)
    for name, weight in opened.weights():
        engine.fill(name, weight)
    return engine


def _check_memory(engine: Engine, settings: _Settings) -> None:
    """Whether there is room for the weights and one text, or for all of a cache that was asked for.

    Raises:
        ResourceError: with the numbers.
    """
    from cutaway.checkpoints.memory import check_memory

    n_ctx = engine.config.n_ctx
    n_cached = engine.cache_bytes
    if settings.cache_bytes is None:
        n_cached = min(n_cached, -(-n_ctx // BLOCK) * engine.block_bytes)
    weights = f"{engine.weight_bytes / 1e9:.1f} GB of weights in {settings.format}"
    texts = f"{n_cached / 1e9:.1f} GB of keys and values"
    if settings.cache_bytes is None:
        texts += f" for a text of {n_ctx:,} tokens"
    check_memory(
        engine.weight_bytes + n_cached,
        f"The engine ({weights}, {texts})",
        "Choose a smaller model, a narrower dtype such as 'int4', or a smaller cache_bytes.",
    )


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


def _read_again(
    source: str | Path, *, adapter: str | Path | None, allow_pickle: bool, expected: str
) -> "Decoder":
    """The readable model of what an engine was filled with."""
    from cutaway.checkpoints import load_checkpoint

    loaded = load_checkpoint(source, adapter=adapter, allow_pickle=allow_pickle)
    if loaded.fingerprint != expected:
        raise CorruptCheckpoint(
            f"{source} holds other weights than when it was loaded.", "Load it again."
        )
    return loaded.model


def _named(
    opened: "Opened",
    model: "Decoder | Callable[[], Decoder]",
    engine: Engine | None = None,
    *,
    drafter: DrafterMaker | None = None,
    task: TaskFormat | None = None,
) -> LanguageModel:
    return LanguageModel(
        model,
        opened.tokenizer,
        engine=engine,
        drafter=drafter,
        name=opened.name,
        fingerprint=opened.fingerprint(),
        task=task,
    )


def _on_device(format: Format, device: "torch.device | str") -> "torch.dtype":
    if format not in _TORCH:
        raise ConfigError(
            f"dtype is {format!r} on {device}, but only the engine of the CPU computes in it.",
            "The next best there is dtype='bfloat16'; or leave device='cpu'.",
        )
    import torch

    return torch.float32 if format == "float32" else torch.bfloat16


def _has_bfloat16() -> bool:
    """Whether the CPU multiplies in bfloat16; where the system does not tell, yes."""
    flags = processor_flags(_CPU)
    return flags is None or not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(flags.split())
