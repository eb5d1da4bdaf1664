"""What a run would be, told without running it: size, length, arithmetic, memory, corpus, time."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from cutaway.data import read_manifest
from cutaway.data.music import midi_names
from cutaway.data.shards import SPLITS
from cutaway.errors import ConfigError, CutawayError
from cutaway.models.config import GPT2Config, MusicTransformerConfig
from cutaway.nn.causal import takes
from cutaway.training.budget import Change, changes_that_fit, check_run, free_memory
from cutaway.training.corpus_tables import MusicSource, Source
from cutaway.training.estimate import MemoryEstimate, RunShape, estimate_memory
from cutaway.training.flops import flops_per_token
from cutaway.training.recipe import Recipe, new_rows

__all__ = ["CorpusPart", "RunPlan", "check_fits", "plan_run", "shape_of", "speed_from"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusPart:
    """A file or a prepared directory that the recipe names.

    Attributes:
        use: ``train``, ``final``, ``valid`` or ``tokenizer``.
        name: as in the recipe.
        n_bytes: on disk; None if it is not there.
        n_tokens: in one pass, where that is known.
        problem: why it cannot be used; nothing if it can.
    """

    use: str
    name: str
    n_bytes: int | None = None
    n_tokens: int | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """What a recipe comes to.

    Attributes:
        parameters: of the model.
        steps: updates.
        tokens_per_step: of an update, in the order of the run's batch sizes.
        tokens: of all updates; of pairs and pieces of music, which may have fewer, as many as they
            could be.
        flops: of all updates, ``6 N + 12 L D T`` a token.
        corpus: what the recipe reads.
        epochs: passes over the corpus; None if its tokens are not counted yet.
        memory: of each process.
        available: bytes that are free where the plan was made; None if the system does not tell.
        together: processes that share what is free: on CPU all of them.
        changes: with what it would fit, if it does not.
        is_bound: whether ``tokens``, and what follows from them, are at most so many.
    """

    parameters: int
    steps: int
    tokens_per_step: Sequence[int]
    tokens: int
    flops: float
    corpus: Sequence[CorpusPart]
    epochs: float | None
    memory: MemoryEstimate
    available: int | None
    together: int
    changes: Sequence[Change]
    is_bound: bool = False

    @property
    def fits(self) -> bool:
        """Whether there is memory enough, as far as can be known."""
        return self.available is None or self.together * self.memory.to_come <= self.available

    def seconds(self, tokens_per_second: float) -> float:
        """How long it takes at a speed, without looks at the validation corpus."""
        return self.tokens / tokens_per_second


def shape_of(recipe: Recipe, *, device: torch.device, processes: int = 1) -> RunShape:
    """What decides the memory of a process that runs a recipe."""
    loop = recipe.training
    return RunShape(
        model=recipe.model,
        micro_batch=loop.micro_batch_size,
        accumulates=max(loop.batch_sizes) > loop.micro_batch_size * processes,
        precision=loop.precision,
        optimizer=recipe.optimizer.kind,
        recompute=loop.recompute,
        document_mask=loop.document_mask or recipe.task.mask == "prefix",
        drops_inside=device.type == "cpu" and _drops_inside(recipe),
        trained=_trained(recipe),
        grows=bool(recipe.lora.rank and new_rows(recipe)),
        parallel=recipe.parallel.kind,
        processes=processes,
        device="cuda" if device.type == "cuda" else "cpu",
    )


def _drops_inside(recipe: Recipe) -> bool:
    """Whether dropout and distances need no pattern on a CPU; of other models it is not known."""
    model, is_causal = recipe.model, recipe.task.mask == "causal"
    asks = isinstance(model, GPT2Config) and model.dropout > 0
    if isinstance(model, MusicTransformerConfig):
        asks = model.dropout > 0 or model.max_relative > 0
    if not (asks and is_causal):
        return False
    kind = {"fp32": torch.float32, "bf16": torch.bfloat16}.get(recipe.training.precision)
    return kind is not None and takes(model.n_ctx, model.head_dim, kind, unfused=True)


def _trained(recipe: Recipe) -> int | None:
    """Parameters of LoRA's narrow paths and new rows; None if the whole model is trained."""
    if not recipe.lora.rank:
        return None
    width, inner = recipe.model.n_embd, recipe.model.n_inner
    ends = {
        "attn.c_attn": width + 3 * width,
        "attn.c_proj": width + width,
        "mlp.c_fc": width + inner,
        "mlp.c_proj": inner + width,
    }
    a_layer = sum(ends[target] for target in recipe.lora.targets)
    return recipe.model.n_layer * recipe.lora.rank * a_layer + new_rows(recipe) * width


def _steps_of_sizes(recipe: Recipe) -> list[tuple[int, int]]:
    """For how many steps the batch has how many windows, in the order of the run."""
    loop = recipe.training
    starts = [0, *(min(growth.step, loop.steps) for growth in loop.batch_growth), loop.steps]
    lengths = [after - before for before, after in pairwise(starts)]
    return list(zip(lengths, loop.batch_sizes, strict=True))


def check_fits(recipe: Recipe, *, device: torch.device, processes: int = 1) -> None:
    """Refuses a run for which there is too little memory; to be asked before any is taken.

    Args:
        recipe: of the run.
        device: where it computes.
        processes: how many share a batch; on CPU those that torchrun started on this machine
            share its memory, too.

    Raises:
        ResourceError: with the estimate by part, and what to change so that it fits.
    """
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if device.type == "cpu" else 1
    shape = shape_of(recipe, device=device, processes=processes)
    check_run(shape, recipe.training.batch_sizes, free_memory(device), together=here)


def plan_run(
    recipe: Recipe, *, data: Path, out: Path, device: torch.device, processes: int = 1
) -> RunPlan:
    """Looks at a recipe and at what it names; computes nothing and writes nothing.

    Args:
        recipe: of the run.
        data: the folder of the corpus.
        out: the run's own directory, whose token files are counted if they are there.
        device: where it would compute.
        processes: how many would share a batch.
    """
    shape = shape_of(recipe, device=device, processes=processes)
    memory, available = estimate_memory(shape), free_memory(device)
    together = processes if device.type == "cpu" else 1
    changes: Sequence[Change] = ()
    if available is not None and together * memory.to_come > available:
        changes = changes_that_fit(shape, recipe.training.batch_sizes, available // together)
    context = recipe.model.n_ctx
    tokens = context * sum(n * size for n, size in _steps_of_sizes(recipe))
    corpus = list(_corpus(recipe, data, out))
    return RunPlan(
        parameters=shape.parameters,
        steps=recipe.training.steps,
        tokens_per_step=[context * size for size in recipe.training.batch_sizes],
        tokens=tokens,
        flops=float(tokens) * flops_per_token(recipe.model),
        corpus=corpus,
        epochs=_epochs(tokens, corpus),
        memory=memory,
        available=available,
        together=together,
        changes=changes,
        is_bound=recipe.task.kind not in ("text", "performance"),
    )


def _epochs(tokens: int, corpus: Sequence[CorpusPart]) -> float | None:
    counts = [part.n_tokens for part in corpus if part.use == "train"]
    known = [n for n in counts if n is not None]
    return tokens / sum(known) if sum(known) and len(known) == len(counts) else None


def _corpus(recipe: Recipe, data: Path, out: Path) -> Iterator[CorpusPart]:
    vocabulary = ""
    for part in recipe.data.prepared:
        found, fingerprint = _prepared(part.folder, data, recipe.model.vocab_size)
        if fingerprint and vocabulary and fingerprint != vocabulary:
            found = CorpusPart(
                use="train", name=part.folder, problem="was prepared with another vocabulary"
            )
        vocabulary = vocabulary or fingerprint
        yield found
    for use in ("train", "final", "valid"):
        yield from _files(use, getattr(recipe.data, use), data, out)
    for use, pairs in (("train", recipe.data.train_pairs), ("valid", recipe.data.valid_pairs)):
        for file in dict.fromkeys(name for source in pairs for name in source.files):
            yield from _files(use, [Source(file=file)], data, out)
    for use, music in (("train", recipe.data.train_music), ("valid", recipe.data.valid_music)):
        yield from _files(use, music, data, out)
    for name in recipe.tokenizer.files:
        yield from _files("tokenizer", [Source(file=name)], data, out)


def _prepared(folder: str, data: Path, vocab_size: int) -> tuple[CorpusPart, str]:
    """What is known of a prepared directory, and the fingerprint of its vocabulary."""
    try:
        manifest = read_manifest(data / folder)
    except CutawayError as error:
        return CorpusPart(use="train", name=folder, problem=error.what), ""
    problem = ""
    if manifest.vocab_size != vocab_size:
        problem = f"has {manifest.vocab_size:,} entries, model.vocab_size is {vocab_size:,}"
    width = 2 if manifest.dtype == "uint16" else 4
    part = CorpusPart(
        use="train",
        name=folder,
        n_bytes=width * sum(manifest.total("n_tokens", split) for split in SPLITS),
        n_tokens=manifest.total("n_tokens", "train"),
        problem=problem,
    )
    return part, manifest.tokenizer


def _files(
    use: str, sources: Sequence[Source | MusicSource], data: Path, out: Path
) -> Iterator[CorpusPart]:
    """The files of one use; the tokens of all stand with the first, once they are encoded."""
    n_tokens = _encoded(out / f"{use}.json")
    for source in sources:
        files = [path for path in midi_names(data / source.file) if path.is_file()]
        yield CorpusPart(
            use=use,
            name=source.file,
            n_bytes=sum(path.stat().st_size for path in files) if files else None,
            n_tokens=n_tokens,
            problem="" if files else "is not there",
        )
        n_tokens = 0 if n_tokens is not None else None


def _encoded(index: Path) -> int | None:
    try:
        return json.loads(index.read_bytes())["n_tokens"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def speed_from(
    plan: RunPlan, *, tokens_per_second: float | None, mfu: float | None, peak: float | None
) -> float | None:
    """Tokens a second, as given or from a share of the peak; None if nothing was given.

    Args:
        plan: of the run.
        tokens_per_second: of all processes together.
        mfu: share of the peak that the model's arithmetic reaches, in (0, 1].
        peak: of all devices together, in FLOP/s.

    Raises:
        ConfigError: for numbers that no speed follows from.
    """
    given: dict[str, Any] = {"tokens_per_second": tokens_per_second, "mfu": mfu, "peak": peak}
    for name, value in given.items():
        if value is not None and not value > 0:
            raise ConfigError(f"{name} is {value}.", "It must be above 0.")
    if tokens_per_second is not None:
        return tokens_per_second
    if mfu is None:
        return None
    if mfu > 1:
        raise ConfigError(f"mfu is {mfu}.", "It is a share of the peak: above 0 and at most 1.")
    if peak is None:
        raise ConfigError("The peak of the device is not known.", "Give it in TFLOP/s, or a speed.")
    return mfu * peak * plan.tokens / plan.flops
